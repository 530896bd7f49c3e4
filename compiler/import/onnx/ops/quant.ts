/** @file Quantization to integers and back, one to one. */
import { tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { dtypeOf } from "../tensor.ts";
import type { Value } from "../value.ts";

/** Axis and block of the scale: none for a scale for the whole tensor. */
function grain(node: NodeContext, scale: Value): { readonly axis?: number; readonly block?: number } {
  const block = node.opset >= 21 ? node.attributes.int("block_size", 0) : 0;
  const axis = node.opset >= 13 ? node.attributes.int("axis", 1) : 1;
  if (scale.type.shape.length === 0) return {};
  return { axis: node.axis(axis, node.rank(0)), ...(block > 0 ? { block } : {}) };
}

/** Constants seen as rank 0: quantize and dequantize must name one and the same. */
const scalars = new WeakMap<Value, Value>();

/** A list of one scale is a scale for the whole tensor. */
function perTensor(node: NodeContext, value: Value): Value {
  const { shape, dtype } = value.type;
  if (shape.length !== 1 || shape[0] !== 1) return value;
  if (value.kind !== "constant") return node.reshape(value, []);
  const scalar = scalars.get(value) ?? { ...value, type: tensorType(dtype, []) };
  scalars.set(value, scalar);
  return scalar;
}

function quantize(node: NodeContext): Value {
  const { attributes } = node;
  if (node.opset >= 19) attributes.ignore("saturate", "precision"); // of 8-bit floats only
  const wanted = node.opset >= 21 ? attributes.int("output_dtype", 0) : 0;
  const scale = perTensor(node, node.input(1));
  const zero = node.has(2) ? perTensor(node, node.input(2)) : null;
  const to = zero ? zero.type.dtype : wanted === 0 ? "u8" : dtypeOf(wanted, "attribute output_dtype");
  return node.emit("quant.quantize", [node.input(0), scale, zero], { ...grain(node, scale), to });
}

function dequantize(node: NodeContext): Value {
  const wanted = node.opset >= 23 ? node.attributes.int("output_dtype", 0) : 0;
  const scale = perTensor(node, node.input(1));
  const zero = node.has(2) ? perTensor(node, node.input(2)) : null;
  const y = node.emit("quant.dequantize", [node.input(0), scale, zero], grain(node, scale));
  const to = wanted === 0 ? y.type.dtype : dtypeOf(wanted, "attribute output_dtype");
  return to === y.type.dtype ? y : node.emit("type.cast", [y], { to });
}

export const quantOps: OpTable = { QuantizeLinear: quantize, DequantizeLinear: dequantize };
