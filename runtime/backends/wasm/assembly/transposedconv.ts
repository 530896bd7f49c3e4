/**
 * @file Transposed convolution (the gradient of a convolution in its input), one to three spatial axes, as a matrix product and a scatter (col2im).
 *
 * Per image and group, for 128 positions of dy at a time: rows `[C/g * KD * KH * KW]` = weight^T times dy, by the panels of gemm.ts, then every row is added to where its tap lies in
 * the result. That multiplies nothing by the zeros that a strided convolution over a spread dy would see. Channels are taken in blocks, so that the rows stay in the second-level cache.
 * Every element is summed in one order (positions, then channels and taps), whatever the batch.
 */
import { gemmPanels, PANEL } from "./gemm";
import { load4 } from "./vector";

/** Positions of dy at a time, and the bytes of a row of as many products. */
const BLOCK: i32 = 128;
const ROW: usize = 512;
/** Rows of products at a time, unless one channel has more. */
const MOST_ROWS: i32 = 512;

/** Channels whose rows are made at a time. */
function channelsAtOnce(channels: i32, taps: i32): i32 {
  return max(1, min(channels, MOST_ROWS / taps));
}

/** Bytes of scratch: the weight transposed, panels of dy, rows of products. `o` and `c` are all channels of dy and of the result. In f64, since hostile sizes go beyond 32 bits. */
export function f32_conv_input_grad_scratch(o: i32, c: i32, taps: i32, groups: i32): f64 {
  const cg = c / groups;
  return 4 * <f64>o * cg * taps + <f64>ROW * (<f64>(o / groups) + <f64>channelsAtOnce(cg, taps) * taps);
}

/** to `[N, M]` <- from `[M, N]`. */
function transposeTo(from: usize, to: usize, m: i32, n: i32): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++, from += 4) store<f32>(to + (<usize>(j * m + i) << 2), load<f32>(from));
  }
}

/** `count` columns of rows that are `stride` bytes apart, as panels `[count/16][k][16]`. */
function packColumns(from: usize, to: usize, k: i32, count: i32, stride: usize): void {
  for (let j = 0; j < count; j += PANEL) {
    let row = from + (<usize>j << 2);
    for (let i = 0; i < k; i++, row += stride, to += 64) {
      for (let lane = 0; lane < PANEL; lane += 4) v128.store(to + (lane << 2), load4(row + (lane << 2), count - j - lane));
    }
  }
}

/** Adds `run` products to every `sw`-th element of a row of `w`, from column ix on; columns outside are left out. */
function addRow(row: usize, from: usize, ix: i32, run: i32, sw: i32, w: i32): void {
  let i = ix < 0 ? (-ix + sw - 1) / sw : 0;
  const last = min(run, w > ix ? (w - ix + sw - 1) / sw : 0);
  let to = row + ((ix + i * sw) << 2);
  from += <usize>i << 2;
  if (sw === 1) {
    for (; i + 3 < last; i += 4, from += 16, to += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
  }
  for (; i < last; i++, from += 4, to += <usize>sw << 2) store<f32>(to, load<f32>(to) + load<f32>(from));
}

/** One tap of one channel: the products of `count` positions from `first` on. */
// @ts-ignore: decorator
@inline
function addTap(
  volume: usize, from: usize, first: i32, count: i32, oh: i32, ow: i32, iz: i32, iy: i32, ix: i32, d: i32, h: i32, w: i32, sd: i32, sh: i32, sw: i32,
): void {
  let ox = first % ow;
  let oy = (first / ow) % oh;
  let oz = first / (ow * oh);
  for (let done = 0; done < count; ) {
    const run = min(count - done, ow - ox);
    const z = oz * sd + iz;
    const y = oy * sh + iy;
    if (<u32>z < <u32>d && <u32>y < <u32>h) addRow(volume + (<usize>((z * h + y) * w) << 2), from + (<usize>done << 2), ox * sw + ix, run, sw, w);
    done += run;
    ox = 0;
    if (++oy === oh) {
      oy = 0;
      oz++;
    }
  }
}

/**
 * dx `[N, C, D, H, W]` <- transposed convolution of dy `[N, O, OD, OH, OW]` with weight `[O, C/groups, KD, KH, KW]`:
 * `dx[n, c, p * stride - pad + k * dilation] += dy[n, o, p] * weight[o, c, k]`; what falls outside is left out.
 */
export function f32_conv_input_grad(
  dy: usize, weight: usize, dx: usize, scratch: usize,
  n: i32, c: i32, d: i32, h: i32, w: i32, o: i32, kd: i32, kh: i32, kw: i32, od: i32, oh: i32, ow: i32,
  sd: i32, sh: i32, sw: i32, pf: i32, pt: i32, pl: i32, dd: i32, dh: i32, dw: i32, groups: i32,
): void {
  const cg = c / groups;
  const og = o / groups;
  const taps = kd * kh * kw;
  const rows = cg * taps;
  const positions = od * oh * ow;
  const volume = <usize>(d * h * w) << 2;
  const block = channelsAtOnce(cg, taps);
  const groupWeight = <usize>(og * rows) << 2;
  const panels = scratch + groupWeight * groups;
  const products = panels + ROW * og;
  for (let g = 0; g < groups; g++) transposeTo(weight + groupWeight * g, scratch + groupWeight * g, og, rows);
  memory.fill(dx, 0, volume * n * c);
  for (let image = 0; image < n; image++) {
    for (let g = 0; g < groups; g++, dx += volume * cg, dy += <usize>(og * positions) << 2) {
      for (let first = 0; first < positions; first += BLOCK) {
        const count = min(BLOCK, positions - first);
        packColumns(dy + (<usize>first << 2), panels, og, count, <usize>positions << 2);
        for (let channel = 0; channel < cg; channel += block) {
          const channels = min(block, cg - channel);
          const a = scratch + groupWeight * g + (<usize>(channel * taps * og) << 2);
          gemmPanels(a, panels, 0, 0, products, ROW, channels * taps, count, og, 0);
          let from = products;
          for (let i = channel; i < channel + channels; i++) {
            for (let kz = 0; kz < kd; kz++) {
              for (let ky = 0; ky < kh; ky++) {
                for (let kx = 0; kx < kw; kx++, from += ROW) {
                  addTap(dx + volume * i, from, first, count, oh, ow, kz * dd - pf, ky * dh - pt, kx * dw - pl, d, h, w, sd, sh, sw);
                }
              }
            }
          }
        }
      }
    }
  }
}
