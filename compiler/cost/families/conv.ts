/** @file Float convolutions of the wasm backend: im2col by panels of 16 pixels (`assembly/conv.ts`), and the direct depthwise loop (`assembly/depthwise.ts`). */
import { beyond, type CostContext, type CostFamily, coldConstants, coldValues } from "../family.ts";
import type { CostStep } from "../step.ts";
import { gemmCounts, gemmTerms } from "./product.ts";

const panel = 16;
/** Pixels packed at a time. */
const pixelBlock = 128;

interface Geometry {
  readonly batch: number;
  readonly ins: number;
  readonly outs: number;
  readonly groups: number;
  readonly kernel: readonly [number, number];
  readonly output: readonly [number, number];
  readonly strideX: number;
  readonly plain: boolean;
}

/** One spatial axis is an image of one row. */
function planeOf(shape: readonly number[]): readonly [number, number] {
  return shape.length === 3 ? [1, shape[2] ?? 1] : [shape[2] ?? 1, shape[3] ?? 1];
}

function ints(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

export function convGeometry({ operands, results, attrs }: CostStep): Geometry {
  const [x, w, y] = [operands[0]?.shape ?? [], operands[1]?.shape ?? [], results[0]?.shape ?? []];
  const [kernel, output, image] = [planeOf(w), planeOf(y), planeOf(x)];
  const strides = ints(attrs.stride);
  const plain = kernel[0] * kernel[1] === 1 && output[0] === image[0] && output[1] === image[1] && strides.every((s) => s === 1);
  return {
    batch: x[0] ?? 1,
    ins: x[1] ?? 1,
    outs: y[1] ?? 1,
    groups: Number(attrs.groups ?? 1),
    kernel,
    output,
    strideX: strides.at(-1) ?? 1,
    plain,
  };
}

export function isDepthwise(step: CostStep): boolean {
  const { groups, ins } = convGeometry(step);
  return groups > 1 && groups === ins;
}

export const conv: CostFamily = {
  name: "f32_conv",
  terms: [
    "launch",
    ...gemmTerms,
    "packed taps",
    "row breaks",
    "strided elements",
    "pixel blocks",
    "weight bytes again",
    "L3 bytes",
    "memory bytes",
    "L3 value bytes",
    "memory value bytes",
  ],
  count: (step, context) => convCounts(step, context),
};

function convCounts(step: CostStep, context: CostContext): readonly number[] {
  const { batch, ins, outs, groups, kernel, output, strideX, plain } = convGeometry(step);
  const calls = batch * groups;
  const k = (ins / groups) * kernel[0] * kernel[1];
  const m = outs / groups;
  const pixels = output[0] * output[1];
  const width = plain ? pixels : output[1];
  const gemm = gemmCounts({ m, n: pixels, k }).map((count) => count * calls);
  const panels = Math.ceil(pixels / panel) * calls;
  const taps = panels * k;
  const blocks = Math.ceil(pixels / pixelBlock) * calls;
  const weight = step.operands[1]?.bytes ?? 0;
  const again = Math.max(0, blocks - 1) * (weight / groups) * beyond("l2", weight / groups);
  const values = (step.operands[0]?.bytes ?? 0) + (step.results[0]?.bytes ?? 0);
  return [
    1,
    ...gemm,
    taps,
    // A panel of 16 neighbours crosses the end of a row of `width` pixels this often.
    (taps * Math.min(panel, pixels) - 1) / width - taps / panel,
    strideX > 1 ? taps * Math.min(panel, pixels) : 0,
    blocks,
    again,
    ...coldConstants(weight, context),
    ...coldValues(values),
  ].map((count) => Math.max(0, count));
}

export const depthwise: CostFamily = {
  name: "f32_conv depthwise",
  terms: [
    "launch",
    "planes",
    "rows",
    "16 pixels",
    "taps of 16",
    "4 pixels",
    "taps of 4",
    "single pixels",
    "taps of single",
    "L3 value bytes",
    "memory value bytes",
  ],
  count(step) {
    const { batch, outs, kernel, output, strideX } = convGeometry(step);
    const [taps, planes] = [kernel[0] * kernel[1], batch * outs];
    const rows = planes * output[0];
    const border = strideX === 1 ? Math.min(output[1], kernel[1] - 1) : output[1];
    const inside = output[1] - border;
    const [wide, four] = [Math.floor(inside / 16), Math.floor((inside % 16) / 4)];
    const single = border + (inside % 4);
    const values = (step.operands[0]?.bytes ?? 0) + (step.results[0]?.bytes ?? 0);
    return [
      1,
      planes,
      rows,
      rows * wide,
      rows * wide * taps,
      rows * four,
      rows * four * taps,
      rows * single,
      rows * single * taps,
      ...coldValues(values),
    ];
  },
};
