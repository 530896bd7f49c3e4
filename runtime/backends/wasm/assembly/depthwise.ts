/**
 * @file Depthwise 2-D convolution, NCHW: each output channel reads one input channel, directly, without im2col.
 *
 * A row of output is cut into the border columns, whose windows leave the image (scalar), and the inside (16 and 4 pixels at a time). Sums
 * run over the taps in the same order everywhere. Windows that are cut above or below just lose those taps. Horizontal strides above 1
 * take the scalar path throughout.
 */
import { activate1, activate4, madd4 } from "./vector";

/** One output pixel whose window may leave the row on either side; taps ky0 <= ky < ky1 are inside the image. */
function pixel(plane: usize, k: usize, start: f32, iy: i32, ix: i32, w: i32, ky0: i32, ky1: i32, kw: i32, dh: i32, dw: i32): f32 {
  let sum = start;
  for (let ky = ky0; ky < ky1; ky++) {
    const row = plane + (<usize>((iy + ky * dh) * w) << 2);
    for (let kx = 0; kx < kw; kx++) {
      const at = ix + kx * dw;
      if (<u32>at < <u32>w) sum += load<f32>(k + (<usize>(ky * kw + kx) << 2)) * load<f32>(row + (<usize>at << 2));
    }
  }
  return sum;
}

/** Sixteen neighbouring pixels, stride 1, all taps inside the row. `from` is the address of the first tap's first input. */
function pixels16(
  from: usize, k: usize, start: f32, y: usize, ky0: i32, ky1: i32, kw: i32, rowStep: usize, tapStep: usize, act: i32,
): void {
  let s0 = f32x4.splat(start);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let ky = ky0; ky < ky1; ky++, from += rowStep) {
    let at = from;
    let tap = k + (<usize>(ky * kw) << 2);
    for (let kx = 0; kx < kw; kx++, at += tapStep, tap += 4) {
      const v = v128.load_splat<f32>(tap);
      s0 = madd4(v, v128.load(at), s0);
      s1 = madd4(v, v128.load(at, 16), s1);
      s2 = madd4(v, v128.load(at, 32), s2);
      s3 = madd4(v, v128.load(at, 48), s3);
    }
  }
  v128.store(y, activate4(s0, act));
  v128.store(y, activate4(s1, act), 16);
  v128.store(y, activate4(s2, act), 32);
  v128.store(y, activate4(s3, act), 48);
}

function pixels4(
  from: usize, k: usize, start: f32, y: usize, ky0: i32, ky1: i32, kw: i32, rowStep: usize, tapStep: usize, act: i32,
): void {
  let s = f32x4.splat(start);
  for (let ky = ky0; ky < ky1; ky++, from += rowStep) {
    let at = from;
    let tap = k + (<usize>(ky * kw) << 2);
    for (let kx = 0; kx < kw; kx++, at += tapStep, tap += 4) {
      s = f32x4.add(s, f32x4.mul(v128.load_splat<f32>(tap), v128.load(at)));
    }
  }
  v128.store(y, activate4(s, act));
}

/** One output row: scalar up to `inside0`, vectors while four pixels fit before `inside1`, scalar to the end. */
function row(
  plane: usize, k: usize, start: f32, y: usize, iy: i32, w: i32, ky0: i32, ky1: i32, kw: i32, ow: i32,
  sw: i32, pl: i32, dh: i32, dw: i32, inside0: i32, inside1: i32, act: i32,
): void {
  const rowStep = <usize>(dh * w) << 2;
  const tapStep = <usize>dw << 2;
  const from = plane + (((iy + ky0 * dh) * w - pl) << 2);
  for (let ox = 0; ox < ow; ) {
    const to = y + (<usize>ox << 2);
    const room = ox < inside0 ? 0 : inside1 - ox;
    if (room >= 16) {
      pixels16(from + (<usize>ox << 2), k, start, to, ky0, ky1, kw, rowStep, tapStep, act);
      ox += 16;
    } else if (room >= 4) {
      pixels4(from + (<usize>ox << 2), k, start, to, ky0, ky1, kw, rowStep, tapStep, act);
      ox += 4;
    } else {
      store<f32>(to, activate1(pixel(plane, k, start, iy, ox * sw - pl, w, ky0, ky1, kw, dh, dw), act));
      ox++;
    }
  }
}

/**
 * y `[N, C*M, OH, OW]` <- act(depthwise(x `[N, C, H, W]`, weight `[C*M, 1, KH, KW]`) + bias `[C*M]`), M = `multiplier`; output channel j
 * reads input channel j / M. Padding as in `f32_conv2d`.
 */
export function f32_conv2d_depthwise(
  x: usize, weight: usize, bias: usize, y: usize,
  n: i32, c: i32, h: i32, w: i32, multiplier: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, act: i32,
): void {
  const o = c * multiplier;
  // Output columns [inside0, inside1) keep their whole window inside the row; only stride 1 is vectorised.
  const inside0 = sw === 1 ? min(pl, ow) : ow;
  const inside1 = min(ow, w - (kw - 1) * dw + pl);
  for (let j = 0; j < n * o; j++) {
    const channel = j % o;
    const plane = x + (<usize>(((j / o) * c + channel / multiplier) * h * w) << 2);
    const k = weight + (<usize>(channel * kh * kw) << 2);
    const start = bias ? load<f32>(bias + (<usize>channel << 2)) : 0;
    for (let oy = 0; oy < oh; oy++, y += <usize>ow << 2) {
      const iy = oy * sh - pt;
      const ky0 = iy < 0 ? min(kh, (-iy + dh - 1) / dh) : 0;
      const ky1 = max(ky0, min(kh, h > iy ? (h - iy + dh - 1) / dh : 0));
      row(plane, k, start, y, iy, w, ky0, ky1, kw, ow, sw, pl, dh, dw, inside0, inside1, act);
    }
  }
}
