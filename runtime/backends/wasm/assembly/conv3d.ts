/**
 * @file 3-D convolution, NCDHW, by im2col into GEMM panels like conv.ts, whose rows of taps it uses: one plane of the result after another, and for each the planes of the input that
 * the kernel's depth reaches.
 */
import { packTap } from "./conv";
import { gemmPanels, PANEL } from "./gemm";

/** Output pixels packed at a time. */
const PIXEL_BLOCK: i32 = 128;

/** Bytes of scratch that `f32_conv3d` needs; `taps` is KD * KH * KW. In f64, since hostile sizes go beyond 32 bits. */
export function f32_conv3d_scratch(c: i32, taps: i32, oh: i32, ow: i32, groups: i32): f64 {
  return 4 * <f64>(c / groups) * taps * min(PIXEL_BLOCK, ((oh * ow + PANEL - 1) / PANEL) * PANEL);
}

/** All taps of all channels of a group for pixels `first .. first + count - 1` of plane oz, as panels. A plane outside the volume is a row outside the image: zeros. */
function packVolume(
  x: usize, to: usize, first: i32, count: i32, c: i32, d: i32, h: i32, w: i32, kd: i32, kh: i32, kw: i32, oz: i32, ow: i32,
  sd: i32, sh: i32, sw: i32, pf: i32, pt: i32, pl: i32, dd: i32, dh: i32, dw: i32,
): void {
  const plane = <usize>(h * w) << 2;
  for (let p = 0; p < count; p += PANEL) {
    const oy = (first + p) / ow;
    const ox = (first + p) % ow;
    let volume = x;
    for (let i = 0; i < c; i++, volume += plane * d) {
      for (let kz = 0; kz < kd; kz++) {
        const z = oz * sd + kz * dd - pf;
        const inside = <u32>z < <u32>d;
        const at = volume + (inside ? plane * z : 0);
        for (let ky = 0; ky < kh; ky++) {
          for (let kx = 0; kx < kw; kx++, to += 64) {
            packTap(to, at, min(PANEL, count - p), oy, ox, ow, ky * dh - pt, kx * dw - pl, inside ? h : 0, w, sh, sw);
          }
        }
      }
    }
  }
}

/** y `[N, O, OD, OH, OW]` <- act(conv(x `[N, C, D, H, W]`, weight `[O, C/groups, KD, KH, KW]`) + bias `[O]`); padding as in `f32_conv2d`. */
export function f32_conv3d(
  x: usize, weight: usize, bias: usize, y: usize, scratch: usize,
  n: i32, c: i32, d: i32, h: i32, w: i32, o: i32, kd: i32, kh: i32, kw: i32, od: i32, oh: i32, ow: i32,
  sd: i32, sh: i32, sw: i32, pf: i32, pt: i32, pl: i32, dd: i32, dh: i32, dw: i32, groups: i32, act: i32,
): void {
  const cg = c / groups;
  const og = o / groups;
  const k = cg * kd * kh * kw;
  const pixels = oh * ow;
  const channel = <usize>(od * pixels) << 2;
  for (let image = 0; image < n; image++) {
    for (let g = 0; g < groups; g++) {
      const b = bias ? bias + (<usize>(g * og) << 2) : 0;
      for (let oz = 0; oz < od; oz++) {
        for (let first = 0; first < pixels; first += PIXEL_BLOCK) {
          const count = min(PIXEL_BLOCK, pixels - first);
          packVolume(x, scratch, first, count, cg, d, h, w, kd, kh, kw, oz, ow, sd, sh, sw, pf, pt, pl, dd, dh, dw);
          gemmPanels(weight + (<usize>(g * og * k) << 2), scratch, b, 0, y + (<usize>(oz * pixels + first) << 2), channel, og, count, k, act);
        }
      }
      x += <usize>(cg * d * h * w) << 2;
      y += channel * og;
    }
  }
}
