/** @file Quantization: `QuantizeLinear` and `DequantizeLinear` one to one where the operator set has the types, else their arithmetic. */
import { type DType, dimMul, dtypeInfo, integerRange, staticShape } from "../../../../ir-spec/index.ts";
import { attribute, type NodeAttrs } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { fourBitSince } from "../dtypes.ts";

/** First operator set that has scales of the dtype. */
const scaleSince: { readonly [D in DType]?: number } = { f32: 13, f16: 19, bf16: 19 };
/** 16-bit and 4-bit integers came together. */
const codesSince: { readonly [D in DType]?: number } = {
  i8: 13,
  u8: 13,
  i32: 13,
  i16: fourBitSince,
  u16: fourBitSince,
  i4: fourBitSince,
  u4: fourBitSince,
};

function hasForm(op: OpCall, codes: DType): boolean {
  const scale = scaleSince[op.type(1).dtype] ?? Number.POSITIVE_INFINITY;
  const quantized = codesSince[op.carrier(codes)] ?? Number.POSITIVE_INFINITY;
  return op.opset >= Math.max(scale, quantized, op.int("block") > 0 ? fourBitSince : 0);
}

/** Where the scales lie; nothing for one scale of the whole tensor. */
function grain(op: OpCall): NodeAttrs {
  if (op.rank(1) === 0) return {};
  const block = op.int("block");
  return { axis: attribute.int(axisOf(op)), ...(block > 0 ? { block_size: attribute.int(block) } : {}) };
}

function axisOf(op: OpCall): number {
  const axis = op.int("axis");
  return axis < 0 ? axis + op.rank(0) : axis;
}

/** The zero point, written out where it is left out, because engines look for it: zeros in the shape of the scale. */
function zeroPoint(op: OpCall, dtype: DType): string {
  const shape = staticShape(op.type(1).shape);
  if (op.has(2)) return op.input(2);
  return shape && op.int("block") === 0 && dtype !== "i32" ? op.filled(0, op.carrier(dtype), shape) : "";
}

const quantize = (op: OpCall): ResultNode => quantized(op, op.output.dtype);

/** The node that ends the quantization to `to`. */
function quantized(op: OpCall, to: DType): ResultNode {
  const carrier = op.carrier(to);
  if (!hasForm(op, to)) return rounded(op, to);
  const zero = zeroPoint(op, to);
  const untold = zero === "" ? { output_dtype: attribute.int(op.typeCode(to)) } : {};
  const last: ResultNode = { opType: "QuantizeLinear", inputs: [op.input(0), op.input(1), zero], attrs: { ...grain(op), ...untold } };
  return carrier === to ? last : clipped(op, op.node(last.opType, last.inputs, last.attrs), carrier, to);
}

/** Codes within the range of `to`, in the dtype that carries them. */
function clipped(op: OpCall, value: string, dtype: DType, to: DType): ResultNode {
  const { min, max } = integerRange(to);
  return { opType: "Clip", inputs: [value, op.scalar(Number(min), dtype), op.scalar(Number(max), dtype)], attrs: {} };
}

/** saturate(round(x / scale) + zero), in the scale's dtype. */
function rounded(op: OpCall, to: DType): ResultNode {
  const { dtype } = op.type(1);
  const steps = op.node("Round", [op.node("Div", [op.input(0), spread(op, op.input(1))])]);
  const shifted = op.has(2) ? op.node("Add", [steps, spread(op, op.cast(op.input(2), dtype))]) : steps;
  const { opType, inputs, attrs } = clipped(op, shifted, dtype, to);
  return { opType: "Cast", inputs: [op.node(opType, inputs, attrs)], attrs: { to: attribute.int(op.typeCode(to)) } };
}

/** The scale or zero point where it broadcasts with x. */
function spread(op: OpCall, value: string): string {
  if (op.rank(1) === 0) return value;
  const axis = axisOf(op);
  if (op.int("block") > 0) return repeated(op, value, axis);
  const shape = op.type(0).shape.map((_, i) => (i === axis ? -1 : 1));
  return op.node("Reshape", [value, op.list(shape)]);
}

/** Each scale once for every element of its block: a new axis of that size, merged, and cut where the last block is short. */
function repeated(op: OpCall, value: string, axis: number): string {
  const block = op.int("block");
  const scales = op.type(1).shape;
  const size = op.type(0).shape[axis] ?? 0;
  const [before, after] = [scales.slice(0, axis + 1), scales.slice(axis + 1)];
  const apart = op.node("Expand", [op.node("Unsqueeze", [value, op.list([axis + 1])]), op.sizes([...before, block, ...after])]);
  const merged = op.node("Reshape", [apart, op.sizes(scales.map((count, i) => (i === axis ? dimMul(count, block) : count)))]);
  return op.node("Slice", [merged, op.list([0]), op.sizes([size]), op.list([axis])]);
}

function dequantize(op: OpCall): ResultNode {
  return dequantized(op, op.input(0), op.type(0).dtype);
}

function dequantized(op: OpCall, codes: string, from: DType): ResultNode {
  // ONNX allows i32 no zero point but 0.
  const noZero = dtypeInfo(from).bits === 32 && op.has(2);
  if (hasForm(op, from) && !noZero) return op.result("DequantizeLinear", [codes, op.input(1), zeroPoint(op, from)], grain(op));
  const { dtype } = op.type(1);
  const wide = op.cast(codes, dtype);
  const steps = op.has(2) ? op.node("Sub", [wide, spread(op, op.cast(op.input(2), dtype))]) : wide;
  return op.result("Mul", [steps, spread(op, op.input(1))]);
}

/** A pair of both. */
function fake(op: OpCall): ResultNode {
  const to = op.attr<DType>("to");
  const { opType, inputs, attrs } = quantized(op, to);
  return dequantized(op, op.node(opType, inputs, attrs), to);
}

export const quantRows: ExportTable = { "quant.quantize": quantize, "quant.dequantize": dequantize, "quant.fake": fake };
