/** @file Reshape and broadcast to sizes that are data. */
import { TersorError } from "../../core/problem.ts";
import { countOf, type HostTensor, hostTensor } from "../../core/tensor.ts";
import { type TensorType, tensorType } from "../../core/type.ts";
import { defineOp, type InferContext } from "../define.ts";
import { broadcastView, stridedCopy, wholeView } from "../shape/strided.ts";
import { declaredSize, noReference } from "./sized.ts";

const operands = [
  { name: "x", role: "data", axes: ["..."], doc: "Any shape and dtype." },
  { name: "shape", role: "index", axes: ["axes"], dtypes: ["i64"], doc: "One size per axis of the result; how many is static." },
] as const;

const noGradient = "the shape of its result depends on values";

/** Types of the operands' dtype with a symbol on each of `rank` axes. */
function declaredAll(ctx: InferContext<unknown>, rank: number): readonly TensorType[] {
  return [
    tensorType(
      ctx.type(0).dtype,
      Array.from({ length: rank }, (_, axis) => declaredSize(ctx, 0, axis, rank)),
    ),
  ];
}

function demandSizes(ctx: InferContext<unknown>): number {
  const [length, ...more] = ctx.type(1).shape;
  if (typeof length !== "number" || more.length > 0) ctx.fail("shape must be a list of a static length", 1);
  return length;
}

export const reshape = defineOp({
  name: "dynamic.reshape",
  since: 1,
  doc: "`x` in row-major order with the sizes in `shape`: 0 copies the size of that axis, one -1 takes what is left. Every size is a symbol that the op introduces. ONNX `Reshape` with a computed shape.",
  operands,
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer: (ctx) => declaredAll(ctx, demandSizes(ctx)),
  reference: noReference("dynamic.reshape"),
  execute: ({ inputs: [x = null, shape = null] }) => (x && shape ? [reshaped(x, Array.from(shape.data as BigInt64Array, Number))] : []),
  work: () => ({ macs: 0 }),
  noGradient,
});

function reshaped(x: HostTensor, wanted: readonly number[]): HostTensor {
  const sizes = wanted.map((size, axis) => (size === 0 ? (x.shape[axis] ?? 0) : size));
  const rest = sizes.reduce((n, size) => (size === -1 ? n : n * size), 1);
  const shape = sizes.map((size) => (size === -1 && rest !== 0 ? x.data.length / rest : size));
  if (shape.every((size) => Number.isInteger(size) && size >= 0) && countOf(shape) === x.data.length)
    return hostTensor(x.dtype, shape, x.data.slice());
  const message = `dynamic.reshape: [${x.shape.join(", ")}] has not as many elements as [${wanted.join(", ")}]`;
  throw new TersorError({ code: "E0503", message, operand: 1 });
}

export const broadcast = defineOp({
  name: "dynamic.broadcast",
  since: 1,
  doc: "`x` repeated to the shape that `x` and `shape` broadcast to: a size of 1 in either gives way. Every size is a symbol that the op introduces. ONNX `Expand` with a computed shape.",
  operands,
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer: (ctx) => declaredAll(ctx, Math.max(demandSizes(ctx), ctx.type(0).shape.length)),
  reference: noReference("dynamic.broadcast"),
  execute: ({ inputs: [x = null, shape = null] }) => (x && shape ? [repeated(x, Array.from(shape.data as BigInt64Array, Number))] : []),
  work: () => ({ macs: 0 }),
  noGradient,
});

/** More elements are no model but a mistake. */
const most = 2 ** 28;

function repeated(x: HostTensor, wanted: readonly number[]): HostTensor {
  const rank = Math.max(wanted.length, x.shape.length);
  const from = (list: readonly number[], axis: number): number => list[axis - (rank - list.length)] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => (from(wanted, axis) === 1 ? from(x.shape, axis) : from(wanted, axis)));
  const sound = shape.every((size, axis) => size >= 0 && (from(x.shape, axis) === 1 || from(x.shape, axis) === size));
  if (!sound || countOf(shape) > most) {
    const message = `dynamic.broadcast: [${x.shape.join(", ")}] does not broadcast to [${wanted.join(", ")}]`;
    throw new TersorError({ code: "E0503", message, operand: 1 });
  }
  const y = hostTensor(x.dtype, shape);
  stridedCopy(shape, x.data, broadcastView(x.shape, shape), y.data, wholeView(shape));
  return y;
}
