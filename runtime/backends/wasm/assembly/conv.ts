/**
 * @file 2-D convolution, NCHW, by im2col into GEMM panels, block by block.
 *
 * Per image and group the weight `[O/g, I/g * KH * KW]` is the left matrix as it stands, and the patches of 128 output pixels at a time are
 * packed straight into the micro-kernel's panels, so the whole patch matrix never exists (the idea of XNNPACK's and MEC's "no big im2col";
 * scratch is 512 bytes per row of the patch matrix). A direct 3x3 kernel would save the packing; it is not here yet.
 */
import { gemmPanels, PANEL } from "./gemm";

/** Output pixels packed at a time. */
const PIXEL_BLOCK: i32 = 128;

/** Copies `run` horizontally strided input values of one row to `to`; columns outside 0..w are left alone. */
function copyRow(to: usize, row: usize, ix: i32, run: i32, sw: i32, w: i32): void {
  const first = ix < 0 ? (-ix + sw - 1) / sw : 0;
  const last = min(run, w > ix ? (w - ix + sw - 1) / sw : 0);
  let i = first;
  let from = row + ((ix + first * sw) << 2);
  to += <usize>first << 2;
  if (sw === 1) {
    for (; i + 3 < last; i += 4, from += 16, to += 16) v128.store(to, v128.load(from));
  }
  for (; i < last; i++, from += <usize>sw << 2, to += 4) store<f32>(to, load<f32>(from));
}

/** One panel row: the inputs of kernel tap (ky, kx) for `count` output pixels from (oy, ox) on, zeros where the window leaves the image. */
// @ts-ignore: decorator
@inline
export function packTap(
  to: usize, plane: usize, count: i32, oy: i32, ox: i32, ow: i32, iy: i32, ix: i32, h: i32, w: i32, sh: i32, sw: i32,
): void {
  const zero = f32x4.splat(0);
  v128.store(to, zero);
  v128.store(to, zero, 16);
  v128.store(to, zero, 32);
  v128.store(to, zero, 48);
  for (let lane = 0; lane < count; ) {
    const run = min(count - lane, ow - ox);
    const y = oy * sh + iy;
    if (<u32>y < <u32>h) copyRow(to + (lane << 2), plane + (<usize>(y * w) << 2), ox * sw + ix, run, sw, w);
    lane += run;
    ox = 0;
    oy++;
  }
}

/** All taps of all channels of one group for output pixels `first .. first + count - 1`, as panels `[count/16][C*KH*KW][16]`. */
function packPatches(
  x: usize, to: usize, first: i32, count: i32, c: i32, h: i32, w: i32, kh: i32, kw: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32,
): void {
  for (let p = 0; p < count; p += PANEL) {
    const oy = (first + p) / ow;
    const ox = (first + p) % ow;
    let plane = x;
    for (let i = 0; i < c; i++, plane += <usize>(h * w) << 2) {
      for (let ky = 0; ky < kh; ky++) {
        for (let kx = 0; kx < kw; kx++, to += 64) {
          packTap(to, plane, min(PANEL, count - p), oy, ox, ow, ky * dh - pt, kx * dw - pl, h, w, sh, sw);
        }
      }
    }
  }
}

/** Bytes of scratch that `f32_conv2d` needs. */
export function f32_conv2d_scratch(c: i32, kh: i32, kw: i32, oh: i32, ow: i32, groups: i32): i32 {
  const pixels = min(PIXEL_BLOCK, ((oh * ow + PANEL - 1) / PANEL) * PANEL);
  return (c / groups) * kh * kw * pixels * 4;
}

/**
 * y `[N, O, OH, OW]` <- act(conv(x `[N, C, H, W]`, weight `[O, C/groups, KH, KW]`) + bias `[O]`).
 * Padding is zeros, `pt` rows above and `pl` columns to the left; below and to the right it is what OH and OW imply.
 */
export function f32_conv2d(
  x: usize, weight: usize, bias: usize, y: usize, scratch: usize,
  n: i32, c: i32, h: i32, w: i32, o: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, groups: i32, act: i32,
): void {
  const cg = c / groups;
  const og = o / groups;
  const k = cg * kh * kw;
  const pixels = oh * ow;
  const planeBytes = <usize>(h * w) << 2;
  // A 1x1 convolution that skips nothing sees the image as one long row: its panels are plain copies.
  if (kh === 1 && kw === 1 && oh === h && ow === w && sh === 1 && sw === 1 && pt === 0 && pl === 0) {
    w = ow = pixels;
    h = 1;
  }
  for (let image = 0; image < n; image++) {
    for (let g = 0; g < groups; g++) {
      for (let first = 0; first < pixels; first += PIXEL_BLOCK) {
        const count = min(PIXEL_BLOCK, pixels - first);
        packPatches(x, scratch, first, count, cg, h, w, kh, kw, ow, sh, sw, pt, pl, dh, dw);
        const a = weight + (<usize>(g * og * k) << 2);
        const b = bias ? bias + (<usize>(g * og) << 2) : 0;
        gemmPanels(a, scratch, b, 0, y + (<usize>first << 2), <usize>pixels << 2, og, count, k, act);
      }
      x += planeBytes * cg;
      y += <usize>(og * pixels) << 2;
    }
  }
}
