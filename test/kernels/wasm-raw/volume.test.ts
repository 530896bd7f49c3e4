/** @file Convolution over volumes and its gradient in the input, against plain loops over small integers, whose sums are exact: groups, strides, padding, dilation, more than one block. */
import { test } from "uvu";
import { bench, integers, same } from "./harness.ts";

interface Geometry {
  readonly n: number;
  readonly groups: number;
  /** Channels of a group: of x and of y. */
  readonly cg: number;
  readonly og: number;
  readonly input: readonly [number, number, number];
  readonly kernel: readonly [number, number, number];
  readonly output: readonly [number, number, number];
  readonly stride: readonly [number, number, number];
  readonly pad: readonly [number, number, number];
  readonly dilation: readonly [number, number, number];
}

const ones = [1, 1, 1] as const;

const geometries: readonly Geometry[] = [
  { n: 1, groups: 1, cg: 1, og: 1, input: [2, 3, 4], kernel: ones, output: [2, 3, 4], stride: ones, pad: [0, 0, 0], dilation: ones },
  {
    n: 2,
    groups: 2,
    cg: 3,
    og: 2,
    input: [4, 5, 6],
    kernel: [2, 3, 2],
    output: [2, 5, 3],
    stride: [2, 1, 2],
    pad: [0, 1, 1],
    dilation: ones,
  },
  {
    n: 1,
    groups: 1,
    cg: 2,
    og: 5,
    input: [5, 6, 7],
    kernel: [2, 2, 3],
    output: [3, 3, 3],
    stride: [1, 2, 1],
    pad: [0, 1, 0],
    dilation: [2, 2, 2],
  },
  {
    n: 1,
    groups: 1,
    cg: 4,
    og: 3,
    input: [2, 17, 19],
    kernel: [1, 3, 3],
    output: [2, 17, 19],
    stride: ones,
    pad: [0, 1, 1],
    dilation: ones,
  },
];

const count = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);
const unravel = (index: number, [, h, w]: Geometry["input"]): readonly [number, number, number] => [
  Math.floor(index / (h * w)),
  Math.floor(index / w) % h,
  index % w,
];

/** Calls back with the index of x, weight and y of every product. */
function products(g: Geometry, visit: (x: number, weight: number, y: number) => void): void {
  const [inputs, taps, outputs] = [count(g.input), count(g.kernel), count(g.output)];
  for (let y = 0; y < g.n * g.groups * g.og * outputs; y++) {
    const channel = Math.floor(y / outputs);
    const [image, o] = [Math.floor(channel / (g.groups * g.og)), channel % (g.groups * g.og)];
    const at = unravel(y % outputs, g.output);
    for (let p = 0; p < g.cg * taps; p++) {
      const tap = unravel(p % taps, g.kernel);
      const from = tap.map((k, i) => (at[i] as number) * (g.stride[i] as number) - (g.pad[i] as number) + k * (g.dilation[i] as number));
      if (from.some((place, i) => place < 0 || place >= (g.input[i] as number))) continue;
      const [z = 0, row = 0, column = 0] = from;
      const c = Math.floor(o / g.og) * g.cg + Math.floor(p / taps);
      const place = (z * g.input[1] + row) * g.input[2] + column;
      visit((image * g.groups * g.cg + c) * inputs + place, o * g.cg * taps + p, y);
    }
  }
}

const sizes = (g: Geometry) => ({
  x: g.n * g.groups * g.cg * count(g.input),
  weight: g.groups * g.og * g.cg * count(g.kernel),
  y: g.n * g.groups * g.og * count(g.output),
});

for (const [i, g] of geometries.entries()) {
  const { n, groups, input, kernel, output, stride, pad, dilation } = g;
  const [c, o] = [groups * g.cg, groups * g.og];
  const shape = [n, c, ...input, o, ...kernel, ...output, ...stride, ...pad, ...dilation, groups] as const;

  test(`f32_conv3d ${i} equals the sums of its products, with bias and activation`, () => {
    const size = sizes(g);
    const [x, weight, bias] = [integers(size.x, 1), integers(size.weight, 2), integers(o, 3)];
    const b = bench(8);
    const [px, pw, pb] = [b.put(x), b.put(weight), b.put(bias)];
    const y = b.room(4 * size.y);
    const scratch = b.room(b.k.f32_conv3d_scratch(c, count(kernel), output[1], output[2], groups));
    b.k.f32_conv3d(px, pw, pb, y, scratch, ...shape, 1);
    const expected = Float32Array.from({ length: size.y }, (_, at) => bias[Math.floor(at / count(output)) % o] as number);
    products(g, (from, tap, to) => {
      expected[to] = (expected[to] as number) + (x[from] as number) * (weight[tap] as number);
    });
    same(
      b.f32(y, size.y),
      expected.map((value) => Math.max(0, value)),
      `volume ${i}`,
    );
    b.done();
  });

  test(`f32_conv_input_grad ${i} adds every product to where it was read`, () => {
    const size = sizes(g);
    const [dy, weight] = [integers(size.y, 4), integers(size.weight, 5)];
    const b = bench(8);
    const [py, pw] = [b.put(dy), b.put(weight)];
    const dx = b.room(4 * size.x);
    const scratch = b.room(b.k.f32_conv_input_grad_scratch(o, c, count(kernel), groups));
    b.k.f32_conv_input_grad(py, pw, dx, scratch, ...shape);
    const expected = new Float32Array(size.x);
    products(g, (to, tap, from) => {
      expected[to] = (expected[to] as number) + (dy[from] as number) * (weight[tap] as number);
    });
    same(b.f32(dx, size.x), expected, `gradient ${i}`);
    b.done();
  });
}

test.run();
