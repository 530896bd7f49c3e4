/**
 * @file Max and average pooling, NCHW, one plane after another.
 *
 * Windows are cut to the image first, so the inner loops test nothing. Four neighbouring results at a time where their windows lie inside the
 * row and are 1 or 2 apart; single ones at the borders and for other strides. The average adds up in f64 and rounds once, which makes it as
 * good for a global window of 10^5 values as for 2x2, and the same wherever a window stands.
 */

/** First window tap inside the image, for a window that starts at `at` (may be negative). */
// @ts-ignore: decorator
@inline
function firstTap(at: i32, taps: i32, dilation: i32): i32 {
  return at < 0 ? min(taps, (-at + dilation - 1) / dilation) : 0;
}

/** One past the last window tap below `limit`. */
// @ts-ignore: decorator
@inline
function endTap(at: i32, taps: i32, dilation: i32, limit: i32): i32 {
  return limit > at ? min(taps, (limit - at + dilation - 1) / dilation) : 0;
}

/** First column whose window begins inside the row. */
// @ts-ignore: decorator
@inline
function firstInside(pl: i32, sw: i32): i32 {
  return (pl + sw - 1) / sw;
}

/** Last column that can be had with the three after it: the last value that is loaded for the fourth is inside the row. -1: none can. */
// @ts-ignore: decorator
@inline
function lastInside(w: i32, pl: i32, sw: i32, kw: i32, dw: i32): i32 {
  const room = w + pl - (kw - 1) * dw - 4 * sw;
  return sw > 2 || room < 0 ? -1 : room / sw;
}

/** One value of each of four neighbouring windows. */
// @ts-ignore: decorator
@inline
function across(at: usize, sw: i32): v128 {
  if (sw === 1) return v128.load(at);
  return i32x4.shuffle(v128.load(at), v128.load(at, 16), 0, 2, 4, 6);
}

/**
 * y `[P, OH, OW]` <- maximum over each window of x `[P, H, W]`; P = images times channels. Padding never wins; a window that is all padding
 * gives -inf. A NaN in the window gives NaN.
 */
export function f32_max_pool(
  x: usize, y: usize, planes: i32, h: i32, w: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32,
): void {
  const inside0 = firstInside(pl, sw);
  const inside1 = lastInside(w, pl, sw, kw, dw);
  for (let p = 0; p < planes; p++, x += <usize>(h * w) << 2) {
    for (let oy = 0; oy < oh; oy++) {
      const iy = oy * sh - pt;
      const ky0 = firstTap(iy, kh, dh);
      const ky1 = endTap(iy, kh, dh, h);
      for (let ox = 0; ox < ow; ox++, y += 4) {
        const ix = ox * sw - pl;
        if (ox >= inside0 && ox + 4 <= ow && ox <= inside1) {
          let best = f32x4.splat(-Infinity);
          for (let ky = ky0; ky < ky1; ky++) {
            let at = x + (((iy + ky * dh) * w + ix) << 2);
            for (let kx = 0; kx < kw; kx++, at += <usize>dw << 2) best = f32x4.max(best, across(at, sw));
          }
          v128.store(y, best);
          ox += 3;
          y += 12;
          continue;
        }
        const kx0 = firstTap(ix, kw, dw);
        const kx1 = endTap(ix, kw, dw, w);
        let best: f32 = -Infinity;
        for (let ky = ky0; ky < ky1; ky++) {
          const row = x + (((iy + ky * dh) * w + ix) << 2);
          for (let kx = kx0; kx < kx1; kx++) {
            const v = load<f32>(row + ((kx * dw) << 2));
            // Not f32.max, which engines compile to a branch that zeros mispredict.
            best = select<f32>(v, best, <i32>(v > best) | <i32>(v !== v));
          }
        }
        store<f32>(y, best);
      }
    }
  }
}

/**
 * y `[P, OH, OW]` <- mean over each window of x `[P, H, W]`. The divisor is the number of taps inside the image, or, with `includePad`,
 * inside the image and its pads (`pb`, `pr` below and right; what `ceil_mode` adds beyond them does not count, as in ONNX). An empty
 * window gives NaN. The global average is the window H x W with no pads.
 */
export function f32_avg_pool(
  x: usize, y: usize, planes: i32, h: i32, w: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, pb: i32, pr: i32, dh: i32, dw: i32, includePad: i32,
): void {
  const inside0 = firstInside(pl, sw);
  const inside1 = lastInside(w, pl, sw, kw, dw);
  for (let p = 0; p < planes; p++, x += <usize>(h * w) << 2) {
    for (let oy = 0; oy < oh; oy++) {
      const iy = oy * sh - pt;
      const ky0 = firstTap(iy, kh, dh);
      const ky1 = endTap(iy, kh, dh, h);
      const rows = includePad ? endTap(iy, kh, dh, h + pb) : max(0, ky1 - ky0);
      for (let ox = 0; ox < ow; ox++, y += 4) {
        const ix = ox * sw - pl;
        if (ox >= inside0 && ox + 4 <= ow && ox <= inside1) {
          let low = f64x2.splat(0);
          let high = low;
          for (let ky = ky0; ky < ky1; ky++) {
            let at = x + (((iy + ky * dh) * w + ix) << 2);
            for (let kx = 0; kx < kw; kx++, at += <usize>dw << 2) {
              const v = across(at, sw);
              low = f64x2.add(low, f64x2.promote_low_f32x4(v));
              high = f64x2.add(high, f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 0, 1)));
            }
          }
          const count = f64x2.splat(<f64>(rows * kw));
          const first = f32x4.demote_f64x2_zero(f64x2.div(low, count));
          const second = f32x4.demote_f64x2_zero(f64x2.div(high, count));
          v128.store(y, i32x4.shuffle(first, second, 0, 1, 4, 5));
          ox += 3;
          y += 12;
          continue;
        }
        const kx0 = firstTap(ix, kw, dw);
        const kx1 = endTap(ix, kw, dw, w);
        const columns = includePad ? endTap(ix, kw, dw, w + pr) : max(0, kx1 - kx0);
        let sum: f64 = 0;
        for (let ky = ky0; ky < ky1; ky++) {
          const row = x + (((iy + ky * dh) * w + ix) << 2);
          for (let kx = kx0; kx < kx1; kx++) sum += <f64>load<f32>(row + ((kx * dw) << 2));
        }
        store<f32>(y, <f32>(sum / <f64>(rows * columns)));
      }
    }
  }
}
