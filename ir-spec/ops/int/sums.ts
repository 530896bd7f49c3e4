/**
 * @file Integer products whose sums stay i32: what dynamic quantization needs, where step and zero point of the result are known only when it runs. Zero points are operands, because
 * they are computed too. Source: ONNX `MatMulInteger` and `ConvInteger`.
 */
import { type Dim, dimMul, dimProduct } from "../../core/dim.ts";
import { asFloat64 } from "../../core/rounded.ts";
import { countOf, type HostTensor, hostTensor } from "../../core/tensor.ts";
import { type TensorType, tensorType } from "../../core/type.ts";
import { defineOp, type InferContext, type OperandSpec } from "../define.ts";
import { demandDim, dimAt } from "../nn/checks.ts";
import { convolve } from "../nn/conv-loops.ts";
import { axisMap, convAttrs, convMacs, geometryOf, inferConv, isDepthwise, selectChannels } from "../nn/conv-types.ts";
import { batchedProduct, broadcastBatch } from "../nn/matmul.ts";
import { cutAxis } from "./conv.ts";
import { bytes, noGradient } from "./output.ts";

const zeroOperand = (of: string, doc: string): OperandSpec => ({
  name: `${of}_zero`,
  role: "scale",
  axes: ["..."],
  optional: true,
  dtypes: bytes,
  doc: `Zero point of ${of}, in its dtype: ${doc}; absent: 0.`,
});

/** A zero point is a scalar, or a vector of `size` where that is given. */
function checkZeroPoint<A>(ctx: InferContext<A>, operand: number, name: string, of: TensorType, size: Dim | null): void {
  const zero = ctx.types[operand];
  if (!zero) return;
  if (zero.dtype !== of.dtype) ctx.fail(`zero point of ${name} is ${zero.dtype}, ${name} is ${of.dtype}`, operand);
  const most = size === null ? 0 : 1;
  if (zero.shape.length > most) ctx.fail(`zero point of ${name} has rank ${zero.shape.length}, at most ${most} is allowed`, operand);
  if (size !== null && zero.shape.length === 1)
    demandDim(ctx, dimAt(zero, 0), size, (has, wants) => `zero point of ${name} has ${has} elements, ${name} takes ${wants}`, operand);
}

/** `x - zero` as doubles; element i takes zero point `index(i)` of a vector. */
function less(x: HostTensor, zero: HostTensor | null, index: (i: number) => number): Float64Array {
  if (!zero) return asFloat64(x.data);
  const at = zero.shape.length === 0 ? () => 0 : index;
  return Float64Array.from(x.data as ArrayLike<number>, (value, i) => value - (zero.data[at(i)] as number));
}

/** Sums below 2^53 are exact in doubles; i32 keeps their low bits. */
function wrapped(shape: readonly number[], sums: Float64Array): HostTensor {
  return hostTensor(
    "i32",
    shape,
    Int32Array.from(sums, (sum) => sum | 0),
  );
}

export const intMatmul = defineOp({
  name: "int.matmul",
  since: 1,
  doc: [
    "`y[..., m, n] = sum_k (a[..., m, k] - a_zero) * (b[..., k, n] - b_zero)` in i32 (wrapping); leading axes broadcast as in `nn.matmul`, both operands have at least",
    "two axes. ONNX `MatMulInteger`.",
  ].join("\n"),
  operands: [
    { name: "a", role: "data", axes: ["...", "rows", "in"], dtypes: bytes },
    { name: "b", role: "data", axes: ["...", "in", "columns"], dtypes: bytes, doc: "Its dtype may differ from a's." },
    zeroOperand("a", "a scalar"),
    zeroOperand("b", "a scalar, or one per column"),
  ],
  results: [{ name: "y", axes: ["...", "rows", "columns"] }],
  attrs: {},
  infer(ctx) {
    const [a, b] = [ctx.type(0), ctx.type(1)];
    for (const [i, { shape }] of [a, b].entries())
      if (shape.length < 2) ctx.fail(`a matrix has rank 2 or more, got rank ${shape.length}`, i);
    const [left, right] = [a.shape.length, b.shape.length];
    const [inner, depth] = [dimAt(a, left - 1), dimAt(b, right - 2)];
    demandDim(ctx, inner, depth, (has, wants) => `a has ${has} columns, b has ${wants} rows`, 1);
    checkZeroPoint(ctx, 2, "a", a, null);
    checkZeroPoint(ctx, 3, "b", b, dimAt(b, right - 1));
    const batch = broadcastBatch(ctx, a.shape.slice(0, -2), b.shape.slice(0, -2));
    return [tensorType("i32", [...batch, dimAt(a, left - 2), dimAt(b, right - 1)])];
  },
  reference(ctx) {
    const [a, b] = [ctx.input(0), ctx.input(1)];
    const columns = b.shape.at(-1) ?? 1;
    const [left, right] = [less(a, ctx.inputs[2] ?? null, () => 0), less(b, ctx.inputs[3] ?? null, (i) => i % columns)];
    const shape = ctx.outputs[0]?.shape ?? [];
    return [wrapped(shape, batchedProduct(left, a.shape, right, b.shape, shape.slice(0, -2)))];
  },
  work: ({ types, outputs }) => ({ macs: dimMul(dimProduct(outputs[0]?.shape ?? []), types[0]?.shape.at(-1) ?? 0) }),
  noGradient,
  maps({ types, outputs }) {
    const [a, b, y] = [types[0]?.shape.length ?? 2, types[1]?.shape.length ?? 2, outputs[0]?.shape.length ?? 2];
    const zeros = types[3]?.shape.length === 1 ? [axisMap(3, 0, y - 1)] : [];
    return [axisMap(0, a - 2, y - 2), axisMap(1, b - 1, y - 1), ...zeros];
  },
  select: ({ attrs }) => ({ attrs }),
});

export const intConvSums = defineOp({
  name: "int.conv_sums",
  since: 1,
  doc: [
    "`nn.conv` on integers without rescaling: `y[n, o, p] = sum_{c, k} (x[...] - x_zero) * (weight[o, c, k] - weight_zero[o])` in i32 (wrapping), padding contributes 0.",
    "ONNX `ConvInteger`.",
  ].join("\n"),
  operands: [
    { name: "x", role: "data", axes: ["batch", "in", "..."], dtypes: bytes },
    { name: "weight", role: "weight", axes: ["out", "in", "..."], dtypes: bytes, doc: "[out, in/groups, kernel per spatial axis]" },
    zeroOperand("x", "a scalar"),
    zeroOperand("weight", "a scalar, or one per output channel"),
  ],
  results: [{ name: "y", axes: ["batch", "out", "..."] }],
  attrs: convAttrs,
  infer(ctx) {
    const [x, weight] = [ctx.type(0), ctx.type(1)];
    const shape = inferConv(ctx, { x: x.shape, weight: weight.shape }, 1);
    checkZeroPoint(ctx, 2, "x", x, null);
    checkZeroPoint(ctx, 3, "weight", weight, dimAt(weight, 0));
    return [tensorType("i32", shape)];
  },
  reference(ctx) {
    const [x, weight] = [ctx.input(0), ctx.input(1)];
    const shape = ctx.outputs[0]?.shape ?? [];
    const filter = countOf(weight.shape.slice(1));
    const [values, weights] = [less(x, ctx.inputs[2] ?? null, () => 0), less(weight, ctx.inputs[3] ?? null, (i) => Math.floor(i / filter))];
    return [wrapped(shape, convolve(geometryOf(x.shape, weight.shape, shape, ctx.attrs), values, weights, null))];
  },
  work: ({ types, outputs }) => ({ macs: convMacs(outputs[0]?.shape ?? [], types[1]?.shape ?? []) }),
  noGradient,
  maps({ types, attrs }) {
    const depthwise = isDepthwise(types[0]?.shape ?? [], types[1]?.shape ?? [], attrs.groups) ? [axisMap(0, 1, 1)] : [];
    return [axisMap(0, 0, 0), axisMap(1, 0, 1), ...(types[3]?.shape.length === 1 ? [axisMap(3, 0, 1)] : []), ...depthwise];
  },
  select(ctx) {
    const [x, weight] = [ctx.types[0], ctx.types[1]];
    if (!x || !weight) return { refuse: "x or weight is absent" };
    return selectChannels(ctx, cutAxis(ctx.side, ctx.index, ctx.axis), x, weight);
  },
});
