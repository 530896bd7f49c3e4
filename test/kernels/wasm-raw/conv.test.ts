/** @file Convolution and pooling kernels against plain loops over seeded and random window geometry. */
import fc from "fast-check";
import { test } from "uvu";
import { bench, close, floats, integers, same } from "./harness.ts";

interface Window {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
  readonly kh: number;
  readonly kw: number;
  readonly sh: number;
  readonly sw: number;
  readonly pt: number;
  readonly pl: number;
  readonly pb: number;
  readonly pr: number;
  readonly dh: number;
  readonly dw: number;
}

const small = (min: number, max: number) => fc.integer({ min, max });

const windows = fc
  .record({
    n: small(1, 2),
    c: small(1, 3),
    h: small(1, 9),
    w: small(1, 40),
    kh: small(1, 3),
    kw: small(1, 4),
    sh: small(1, 3),
    sw: small(1, 3),
    pt: small(0, 3),
    pl: small(0, 3),
    pb: small(0, 3),
    pr: small(0, 3),
    dh: small(1, 2),
    dw: small(1, 3),
  })
  .filter((g) => outSize(g).every((size) => size > 0));

function outSize(g: Window): [number, number] {
  const oh = Math.floor((g.h + g.pt + g.pb - g.dh * (g.kh - 1) - 1) / g.sh) + 1;
  const ow = Math.floor((g.w + g.pl + g.pr - g.dw * (g.kw - 1) - 1) / g.sw) + 1;
  return [oh, ow];
}

/** Calls `visit(tap, iy, ix)` for every tap of one output pixel's window, inside the image or not. */
function taps(g: Window, oy: number, ox: number, visit: (tap: number, iy: number, ix: number) => void): void {
  for (let ky = 0; ky < g.kh; ky++) {
    for (let kx = 0; kx < g.kw; kx++) visit(ky * g.kw + kx, oy * g.sh - g.pt + ky * g.dh, ox * g.sw - g.pl + kx * g.dw);
  }
}

/** One value for each output pixel of each of `planes` planes. */
function eachPixel(g: Window, planes: number, value: (plane: number, oy: number, ox: number) => number): number[] {
  const [oh, ow] = outSize(g);
  return Array.from({ length: planes * oh * ow }, (_, i) => value(Math.floor(i / (oh * ow)), Math.floor(i / ow) % oh, i % ow));
}

const inside = (g: Window, y: number, x: number): boolean => y >= 0 && y < g.h && x >= 0 && x < g.w;

function convolve(g: Window, o: number, groups: number, x: Float32Array, weight: Float32Array, bias: Float32Array): number[] {
  const [cg, og] = [g.c / groups, o / groups];
  return eachPixel(g, g.n * o, (plane, oy, ox) => {
    const [image, channel] = [Math.floor(plane / o), plane % o];
    let sum = bias[channel] ?? 0;
    for (let i = 0; i < cg; i++) {
      const from = (image * g.c + Math.floor(channel / og) * cg + i) * g.h * g.w;
      taps(g, oy, ox, (tap, iy, ix) => {
        if (inside(g, iy, ix)) sum += (x[from + iy * g.w + ix] ?? 0) * (weight[(channel * cg + i) * g.kh * g.kw + tap] ?? 0);
      });
    }
    return sum;
  });
}

function runConv(g: Window, o: number, groups: number, act: number, x: Float32Array, weight: Float32Array, bias: Float32Array) {
  const b = bench();
  const [oh, ow] = outSize(g);
  const y = b.room(g.n * o * oh * ow * 4);
  const scratch = b.room(b.k.f32_conv2d_scratch(g.c, g.kh, g.kw, oh, ow, groups));
  const [px, pw, pb] = [b.putLast(x), b.put(weight), bias.length > 0 ? b.put(bias) : 0];
  const { n, c, h, w, kh, kw, sh, sw, pt, pl, dh, dw } = g;
  b.k.f32_conv2d(px, pw, pb, y, scratch, n, c, h, w, o, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw, groups, act);
  b.done();
  return b.f32(y, n * o * oh * ow);
}

test("f32_conv2d equals the plain loop for random windows, strides, pads, dilations and groups", () => {
  fc.assert(
    fc.property(windows, small(1, 3), small(1, 3), small(0, 2), (window, groups, perGroup, act) => {
      const g = { ...window, c: window.c * groups };
      const o = groups * perGroup;
      const x = integers(g.n * g.c * g.h * g.w, 1);
      const weight = integers(o * window.c * g.kh * g.kw, 2);
      const bias = integers(act === 0 ? 0 : o, 3);
      const limits = [(v: number) => v, (v: number) => Math.max(v, 0), (v: number) => Math.min(Math.max(v, 0), 6)];
      const expected = convolve(g, o, groups, x, weight, bias).map(limits[act] ?? Number);
      same(runConv(g, o, groups, act, x, weight, bias), expected, JSON.stringify({ g, o, groups, act }));
    }),
    { seed: 1, numRuns: 400 },
  );
});

const square = (n: number, c: number, size: number, k: number, stride: number, pad: number): Window => ({
  n,
  c,
  h: size,
  w: size,
  kh: k,
  kw: k,
  sh: stride,
  sw: stride,
  pt: pad,
  pl: pad,
  pb: pad,
  pr: pad,
  dh: 1,
  dw: 1,
});

test("f32_conv2d on real numbers: 3x3, 5x5 with stride 2, 1x1, several pixel blocks", () => {
  for (const g of [square(2, 5, 28, 3, 1, 1), square(1, 3, 31, 5, 2, 2), square(2, 20, 13, 1, 1, 0), square(1, 8, 9, 1, 2, 0)]) {
    const o = 18;
    const [x, weight, bias] = [floats(g.n * g.c * g.h * g.w, 1), floats(o * g.c * g.kh * g.kw, 2), floats(o, 3)];
    close(runConv(g, o, 1, 0, x, weight, bias), convolve(g, o, 1, x, weight, bias), `${g.kh}x${g.kw} on ${g.h}x${g.w}`, 1e-5, 1);
  }
});

test("f32_conv2d_depthwise equals the plain loop", () => {
  fc.assert(
    fc.property(windows, small(1, 2), small(0, 1), (g, multiplier, act) => {
      const o = g.c * multiplier;
      const [x, weight] = [integers(g.n * g.c * g.h * g.w, 4), integers(o * g.kh * g.kw, 5)];
      const bias = integers(act === 0 ? 0 : o, 6);
      const [oh, ow] = outSize(g);
      const b = bench();
      const y = b.room(g.n * o * oh * ow * 4);
      const { n, c, h, w, kh, kw, sh, sw, pt, pl, dh, dw } = g;
      const [px, pw, pb] = [b.putLast(x), b.put(weight), act === 0 ? 0 : b.put(bias)];
      b.k.f32_conv2d_depthwise(px, pw, pb, y, n, c, h, w, multiplier, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw, act);
      const expected = convolve(g, o, g.c, x, weight, bias).map((v) => (act === 1 ? Math.max(v, 0) : v));
      same(b.f32(y, n * o * oh * ow), expected, JSON.stringify({ g, multiplier, act }));
      b.done();
    }),
    { seed: 2, numRuns: 400 },
  );
});

test("f32_max_pool equals the plain loop; padding never wins, an empty window is -inf", () => {
  fc.assert(
    fc.property(windows, (g) => {
      const { n, c, h, w, kh, kw, sh, sw, pt, pl, dh, dw } = g;
      const [oh, ow] = outSize(g);
      const x = integers(n * c * h * w, 7, 90);
      const b = bench();
      const y = b.room(n * c * oh * ow * 4);
      b.k.f32_max_pool(b.putLast(x), y, n * c, h, w, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw);
      const expected = eachPixel(g, n * c, (plane, oy, ox) => {
        let best = Number.NEGATIVE_INFINITY;
        taps(g, oy, ox, (_, iy, ix) => {
          if (inside(g, iy, ix)) best = Math.max(best, x[(plane * h + iy) * w + ix] ?? 0);
        });
        return best;
      });
      same(b.f32(y, expected.length), expected, JSON.stringify(g));
      b.done();
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("f32_max_pool gives NaN for a window that holds one", () => {
  const b = bench();
  const y = b.room(8);
  b.k.f32_max_pool(b.put(Float32Array.of(1, Number.NaN, 2, 3)), y, 1, 1, 4, 1, 2, 1, 2, 1, 2, 0, 0, 1, 1);
  same(b.f32(y, 2), [Number.NaN, 3], "max");
});

test("f32_avg_pool equals the plain loop with and without the pads in the divisor", () => {
  fc.assert(
    fc.property(windows, fc.boolean(), (g, includePad) => {
      const { n, c, h, w, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw } = g;
      const [oh, ow] = outSize(g);
      const x = integers(n * c * h * w, 8, 90);
      const b = bench();
      const y = b.room(n * c * oh * ow * 4);
      b.k.f32_avg_pool(b.putLast(x), y, n * c, h, w, kh, kw, oh, ow, sh, sw, pt, pl, pb, pr, dh, dw, includePad ? 1 : 0);
      const expected = eachPixel(g, n * c, (plane, oy, ox) => {
        let [sum, count] = [0, 0];
        taps(g, oy, ox, (_, iy, ix) => {
          if (inside(g, iy, ix)) sum += x[(plane * h + iy) * w + ix] ?? 0;
          if (includePad || inside(g, iy, ix)) count++;
        });
        return Math.fround(sum / count);
      });
      same(b.f32(y, expected.length), expected, JSON.stringify({ g, includePad }));
      b.done();
    }),
    { seed: 4, numRuns: 300 },
  );
});

test("f32_avg_pool leaves what ceil_mode adds beyond the pads out of the divisor", () => {
  const b = bench();
  const y = b.room(12);
  // One row of 4, window 3, stride 3, one pad on the right: the second window is the value 4, the pad, and one place beyond: 4 / 2.
  b.k.f32_avg_pool(b.put(Float32Array.of(1, 2, 3, 4)), y, 1, 1, 4, 1, 3, 1, 2, 1, 3, 0, 0, 0, 1, 1, 1, 1);
  same(b.f32(y, 2), [2, 2], "ceil mode");
});

test("f32_avg_pool over the whole image is the global average", () => {
  const x = floats(3 * 61 * 61, 9);
  const b = bench();
  const y = b.room(12);
  b.k.f32_avg_pool(b.put(x), y, 3, 61, 61, 61, 61, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0);
  const means = [0, 1, 2].map((p) => Math.fround(x.slice(p * 3721, (p + 1) * 3721).reduce((s, v) => s + v, 0) / 3721));
  same(b.f32(y, 3), means, "global average");
});

test.run();
