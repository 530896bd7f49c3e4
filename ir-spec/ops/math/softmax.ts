/** @file Softmax and its logarithm along one axis. */
import { dimProduct } from "../../core/dim.ts";
import type { Operand } from "../../core/graph.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { a } from "../attr-spec.ts";
import { type Builder, defineOp, type OpDef, type SelectContext, type Selection } from "../define.ts";
import { elementwiseMaps } from "./broadcast.ts";
import { floats } from "./elementwise.ts";

const attrs = { axis: a.int("axis that sums to 1; negative from the end", -1) };

/** Splits a shape at an axis into outer, axis and inner sizes. */
export function axisSplit(
  shape: readonly number[],
  axis: number,
): { readonly outer: number; readonly size: number; readonly inner: number } {
  const at = axis < 0 ? axis + shape.length : axis;
  const product = (part: readonly number[]) => part.reduce((n, d) => n * d, 1);
  return { outer: product(shape.slice(0, at)), size: shape[at] ?? 1, inner: product(shape.slice(at + 1)) };
}

function normalized(x: HostTensor, axis: number, finish: (value: number, max: number, sum: number) => number): HostTensor {
  const { outer, size, inner } = axisSplit(x.shape, axis);
  const values = asFloat64(x.data);
  const y = new Float64Array(values.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const base = o * size * inner + i;
      let max = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < size; k++) max = Math.max(max, values[base + k * inner] as number);
      let sum = 0;
      for (let k = 0; k < size; k++) sum += Math.exp((values[base + k * inner] as number) - max);
      for (let k = 0; k < size; k++) y[base + k * inner] = finish(values[base + k * inner] as number, max, sum);
    }
  }
  return roundedTensor(x.dtype, x.shape, y);
}

function checkAxis(rank: number, axis: number, fail: (message: string) => never): void {
  if (axis < -rank || axis >= rank) fail(`axis ${axis} is outside rank ${rank}`);
}

const common = {
  since: 1,
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: floats, doc: "rank 1 or more" }],
  results: [{ name: "y", axes: ["..."] }],
  attrs,
  select({ axis, attrs: { axis: summed }, types }: SelectContext<{ readonly axis: number }>): Selection {
    const at = summed < 0 ? summed + (types[0]?.shape.length ?? 0) : summed;
    return axis === at ? { refuse: `axis ${axis} sums to 1: the other elements would change` } : { attrs: { axis: summed } };
  },
} as const;

export const softmax: OpDef = defineOp({
  ...common,
  name: "math.softmax",
  doc: "`y = e^(x - max) / sum(e^(x - max))` along `axis`. ONNX `Softmax` (opset 13).",
  infer(ctx) {
    checkAxis(ctx.type(0).shape.length, ctx.attrs.axis, (m) => ctx.fail(m, 0));
    return [ctx.type(0)];
  },
  reference: (ctx) => [normalized(ctx.input(0), ctx.attrs.axis, (v, max, sum) => Math.exp(v - max) / sum)],
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  maps: ({ types, outputs }) => elementwiseMaps([types[0]?.shape ?? null], outputs[0]?.shape ?? []),
  gradient({ builder, results, grads, attrs: { axis } }) {
    const [y, dy] = [results[0] ?? null, grads[0] ?? null];
    const weighted = builder.one("math.mul", [dy, y]);
    const sum = builder.one("reduce.sum", [weighted], { axes: [axis], keepdims: true });
    return [builder.one("math.sub", [weighted, builder.one("math.mul", [y, sum])])];
  },
  decompose({ builder, operands: [x = null], attrs: { axis } }) {
    const powers = builder.one("math.exp", [shifted(builder, x, axis)]);
    return [builder.one("math.div", [powers, builder.one("reduce.sum", [powers], { axes: [axis], keepdims: true })])];
  },
});

export const logSoftmax: OpDef = defineOp({
  ...common,
  name: "math.log_softmax",
  doc: "`y = x - max - ln(sum(e^(x - max)))` along `axis`. ONNX `LogSoftmax` (opset 13).",
  infer(ctx) {
    checkAxis(ctx.type(0).shape.length, ctx.attrs.axis, (m) => ctx.fail(m, 0));
    return [ctx.type(0)];
  },
  reference: (ctx) => [normalized(ctx.input(0), ctx.attrs.axis, (v, max, sum) => v - max - Math.log(sum))],
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  maps: ({ types, outputs }) => elementwiseMaps([types[0]?.shape ?? null], outputs[0]?.shape ?? []),
  gradient({ builder, results, grads, attrs: { axis } }) {
    const dy = grads[0] ?? null;
    const sum = builder.one("reduce.sum", [dy], { axes: [axis], keepdims: true });
    const share = builder.one("math.exp", [results[0] ?? null]);
    return [builder.one("math.sub", [dy, builder.one("math.mul", [share, sum])])];
  },
  decompose({ builder, operands: [x = null], attrs: { axis } }) {
    const centred = shifted(builder, x, axis);
    const sum = builder.one("reduce.sum", [builder.one("math.exp", [centred])], { axes: [axis], keepdims: true });
    return [builder.one("math.sub", [centred, builder.one("math.log", [sum])])];
  },
});

function shifted(builder: Builder, x: Operand, axis: number): Operand {
  return builder.one("math.sub", [x, builder.one("reduce.max", [x], { axes: [axis], keepdims: true })]);
}
