/**
 * @file Max and average pooling, NCHW, one plane after another.
 *
 * Windows are cut to the image first, so the inner loops test nothing. Plain scalar loops: pooling is a few per cent of a network. The
 * average adds up in f64 and rounds once, which makes it as good for a global window of 10^5 values as for 2x2.
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

/**
 * y `[P, OH, OW]` <- maximum over each window of x `[P, H, W]`; P = images times channels. Padding never wins; a window that is all padding
 * gives -inf. A NaN in the window gives NaN.
 */
export function f32_max_pool(
  x: usize, y: usize, planes: i32, h: i32, w: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32,
): void {
  for (let p = 0; p < planes; p++, x += <usize>(h * w) << 2) {
    for (let oy = 0; oy < oh; oy++) {
      const iy = oy * sh - pt;
      const ky1 = endTap(iy, kh, dh, h);
      for (let ox = 0; ox < ow; ox++, y += 4) {
        const ix = ox * sw - pl;
        const kx0 = firstTap(ix, kw, dw);
        const kx1 = endTap(ix, kw, dw, w);
        let best: f32 = -Infinity;
        for (let ky = firstTap(iy, kh, dh); ky < ky1; ky++) {
          const row = x + (((iy + ky * dh) * w + ix) << 2);
          for (let kx = kx0; kx < kx1; kx++) best = f32.max(best, load<f32>(row + ((kx * dw) << 2)));
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
  for (let p = 0; p < planes; p++, x += <usize>(h * w) << 2) {
    for (let oy = 0; oy < oh; oy++) {
      const iy = oy * sh - pt;
      const ky0 = firstTap(iy, kh, dh);
      const ky1 = endTap(iy, kh, dh, h);
      const rows = includePad ? endTap(iy, kh, dh, h + pb) : max(0, ky1 - ky0);
      for (let ox = 0; ox < ow; ox++, y += 4) {
        const ix = ox * sw - pl;
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
