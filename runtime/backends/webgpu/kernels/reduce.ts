/** @file Softmax along an axis, and sums, means and maxima over axes: one invocation per row, or per result element. */
import { aroundAxis, rowMajor } from "../../../step/shapes.ts";
import { axisAttr, axisFrom, demand, operand, refusal, result, sameCount } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { dot, eachIndex, floatType, gridFor, numbered, numberedValues, Params, shader, split } from "../wgsl.ts";

const softmaxParams = new Params("count", "length", "inner");

function softmax(log: boolean, step: StepTypes): Program {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  return {
    key: `softmax ${log} ${type}`,
    code: shader({
      bindings: [
        { name: "x", of: type },
        { name: "y", of: type, write: true },
      ],
      params: softmaxParams,
      body: `${eachIndex}
  let base = i / inner * inner * length + i % inner;
  var largest = f32(x[base]);
  for (var k = 1; k < length; k++) { largest = max(largest, f32(x[base + k * inner])); }
  var sum = 0.0;
  for (var k = 0; k < length; k++) { sum += exp(f32(x[base + k * inner]) - largest); }
  for (var k = 0; k < length; k++) {
    let at = base + k * inner;
    let v = f32(x[at]) - largest;
    y[at] = ${type}(${log ? "v - log(sum)" : "exp(v) / sum"});
  }`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const x = operand(call, 0);
      sameCount(call, x, result(call));
      const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, -1));
      const count = outer * inner;
      return count * size === 0 ? null : { uniform: softmaxParams.pack({ count, length: size, inner }), grid: gridFor(count) };
    },
  };
}

/** `v` is the next element, `total` what came before; a NaN stays one. */
const reductions = {
  sum: { start: "0.0", each: "total += v;", end: "total" },
  mean: { start: "0.0", each: "total += v;", end: "total / f32(reduced)" },
  max: { start: "bitcast<f32>(lowest)", each: "if (v > total || v != v) { total = v; }", end: "total" },
} as const;

const minusInfinity = -8_388_608; // 0xff800000

function reduction(name: keyof typeof reductions, step: StepTypes): Program {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  const rank = step.operands[0]?.dims.length ?? 0;
  const axes = reducedAxes(step, rank);
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.includes(axis));
  const [ks, rs] = [kept.length, axes.length];
  const params = new Params(
    ...["count", "reduced", "lowest"],
    ...[...numbered("size", ks), ...numbered("stride", ks), ...numbered("length", rs), ...numbered("step", rs)],
  );
  const { start, each, end } = reductions[name];
  const loops = axes.map((_, r) => `for (var r${r} = 0; r${r} < length${r}; r${r}++) {`).join(" ");
  return {
    key: `reduce ${name} ${type} ${ks} ${rs}`,
    code: shader({
      bindings: [
        { name: "x", of: type },
        { name: "y", of: type, write: true },
      ],
      params,
      body: `${eachIndex}
  ${split("i", "c", "size", ks)}
  let base = ${dot("c", "stride", ks)};
  var total = ${start};
  ${loops}
    let v = f32(x[base + ${dot("r", "step", rs)}]);
    ${each}
  ${"}".repeat(rs)}
  y[i] = ${type}(${end});`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const { shape } = operand(call, 0);
      const count = elementCount(result(call).shape);
      const strides = rowMajor(shape);
      const pick = (list: readonly number[], from: readonly number[]) => list.map((axis) => from[axis] as number);
      demand(call, shape.length === rank && elementCount(pick(kept, shape)) === count, "the result has not the kept axes");
      if (count === 0) return null;
      const fields = {
        ...{ count, reduced: elementCount(pick(axes, shape)), lowest: minusInfinity },
        ...{ ...numberedValues("size", pick(kept, shape)), ...numberedValues("stride", pick(kept, strides)) },
        ...{ ...numberedValues("length", pick(axes, shape)), ...numberedValues("step", pick(axes, strides)) },
      };
      return { uniform: params.pack(fields), grid: gridFor(count) };
    },
  };
}

/** @throws RuntimeError R0407 */
function reducedAxes(step: StepTypes, rank: number): readonly number[] {
  const shapes = { kernel: step.kernel, origin: step.origin, attrs: step.attrs, operands: [], results: [] };
  const { axes } = step.attrs;
  if (!Array.isArray(axes)) throw refusal(shapes, "attribute axes must be a list");
  return [...new Set(axes.map((axis) => axisFrom(shapes, Number(axis), rank)))].sort((a, b) => a - b);
}

export const reduceKernels: readonly WebGpuKernel[] = [
  { id: "softmax", programs: (step) => [softmax(false, step)] },
  { id: "log_softmax", programs: (step) => [softmax(true, step)] },
  ...(["sum", "mean", "max"] as const).map((name): WebGpuKernel => ({ id: `reduce_${name}`, programs: (step) => [reduction(name, step)] })),
];
