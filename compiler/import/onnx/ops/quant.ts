/** @file Quantization to integers and back, one to one; and the pieces of which operators on quantized tensors are made. */
import { type DType, type TensorType, tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable, Translate } from "../node.ts";
import { dtypeOf } from "../tensor.ts";
import { constantElements, type Value } from "../value.ts";

/** Where the scales lie; empty for one scale of the whole tensor. */
export interface Grain {
  readonly axis?: number;
  readonly block?: number;
}

export type ConstantValue = Value & { readonly kind: "constant" };

/** Another constant under the name of one. */
export function under({ name, loc }: ConstantValue, type: TensorType, bytes: Uint8Array): ConstantValue {
  return { kind: "constant", name, loc, type, bytes };
}

/** Constants seen as rank 0: quantize and dequantize must name one and the same. */
const scalars = new WeakMap<Value, Value>();

/** A list of one scale is a scale for the whole tensor. */
export function perTensor(node: NodeContext, value: Value): Value {
  const { shape, dtype } = value.type;
  if (shape.length === 0 || shape.some((size) => size !== 1)) return value;
  if (value.kind !== "constant") return node.reshape(value, []);
  const scalar = scalars.get(value) ?? under(value, tensorType(dtype, []), value.bytes);
  scalars.set(value, scalar);
  return scalar;
}

/** One scale or zero point for the whole tensor. */
export function oneScale(node: NodeContext, index: number, what: string): Value {
  const value = perTensor(node, node.input(index));
  if (value.type.shape.length > 0) node.fail("E0605", `${what} of several elements is not supported`, "quantize it with one scale");
  return value;
}

/** `oneScale` of an optional input. */
export function oneScaleIfAny(node: NodeContext, index: number, what: string): Value | null {
  return node.has(index) ? oneScale(node, index, what) : null;
}

export function cast(node: NodeContext, value: Value, to: DType): Value {
  return value.type.dtype === to ? value : node.emit("type.cast", [value], { to });
}

/** A zero point that is the constant 0 is none. */
function shifting(zero: Value | null): Value | null {
  const elements = zero === null || zero.type.shape.length > 1 ? null : constantElements(zero);
  return elements?.every((element) => element === 0) ? null : zero;
}

/** (q - zero) * scale. */
export function dequantized(node: NodeContext, q: Value, scale: Value, zero: Value | null, grain: Grain = {}): Value {
  return node.emit("quant.dequantize", [q, scale, shifting(zero)], scale.type.shape.length === 0 ? {} : { ...grain });
}

/** saturate(round(y / scale) + zero), in the zero point's dtype, else in `to`. */
export function quantized(node: NodeContext, y: Value, scale: Value, zero: Value | null, to: DType = "u8", grain: Grain = {}): Value {
  const attrs = scale.type.shape.length === 0 ? {} : grain;
  return node.emit("quant.quantize", [y, scale, shifting(zero)], { ...attrs, to: zero?.type.dtype ?? to });
}

function grainOf(node: NodeContext, scale: Value, contributed: boolean): Grain {
  const block = node.opset >= 21 || contributed ? node.attributes.int("block_size", 0) : 0;
  const axis = node.opset >= 13 || contributed ? node.attributes.int("axis", 1) : 1;
  if (scale.type.shape.length === 0) return {};
  return { axis: node.axis(axis, node.rank(0)), ...(block > 0 ? { block } : {}) };
}

/** x and scale in the dtype in which x is divided: `precision` where it is given, else the scale's. */
function divided(node: NodeContext, scale: Value): readonly [x: Value, scale: Value] {
  const precision = node.opset >= 23 ? node.attributes.int("precision", 0) : 0;
  const dtype = precision === 0 ? scale.type.dtype : dtypeOf(precision, "attribute precision");
  return [cast(node, node.input(0), dtype), cast(node, scale, dtype)];
}

/** @param contributed the operator of com.microsoft, which has all attributes from its first version */
export const quantizeLinear =
  (contributed: boolean): Translate =>
  (node) => {
    const { attributes } = node;
    if (node.opset >= 19) attributes.ignore("saturate"); // of 8-bit floats only
    const wanted = node.opset >= 21 && !contributed ? attributes.int("output_dtype", 0) : 0;
    const [x, scale] = divided(node, perTensor(node, node.input(1)));
    const zero = node.has(2) ? perTensor(node, node.input(2)) : null;
    const to = wanted === 0 ? (zero?.type.dtype ?? "u8") : dtypeOf(wanted, "attribute output_dtype");
    if (zero && zero.type.dtype !== to) node.fail("E0606", `attribute output_dtype is ${to}, the zero point is ${zero.type.dtype}`);
    return quantized(node, x, scale, zero, to, grainOf(node, scale, contributed));
  };

/** @param contributed as `quantizeLinear` */
export const dequantizeLinear =
  (contributed: boolean): Translate =>
  (node) => {
    const wanted = node.opset >= 23 && !contributed ? node.attributes.int("output_dtype", 0) : 0;
    const scale = perTensor(node, node.input(1));
    const zero = node.has(2) ? perTensor(node, node.input(2)) : null;
    const y = dequantized(node, node.input(0), scale, zero, grainOf(node, scale, contributed));
    return wanted === 0 ? y : cast(node, y, dtypeOf(wanted, "attribute output_dtype"));
  };

/** Step and zero point of u8 codes for all values of x and 0. One value alone has the step 1, as in ONNX Runtime. */
export function dynamicScale(node: NodeContext, x: Value): { readonly scale: Value; readonly zero: Value } {
  const { dtype, shape } = x.type;
  const axes = shape.map((_, axis) => axis);
  const [nothing, most] = [node.scalar(0, dtype), node.scalar(255, dtype)];
  const reduced = (value: Value) => (axes.length === 0 ? value : node.emit("reduce.max", [value], { axes }));
  const high = node.emit("math.max", [reduced(x), nothing]);
  const depth = node.emit("math.max", [reduced(node.emit("math.neg", [x])), nothing]);
  const range = node.emit("math.add", [high, depth]);
  const flat = node.emit("math.equal", [range, nothing]);
  const scale = node.emit("math.where", [flat, node.scalar(1, dtype), node.emit("math.div", [range, most])]);
  const place = node.emit("math.round", [node.emit("math.min", [node.emit("math.div", [depth, scale]), most])]);
  return { scale, zero: node.emit("type.cast", [place], { to: "u8" }) };
}

function dynamicQuantizeLinear(node: NodeContext): readonly Value[] {
  const { scale, zero } = dynamicScale(node, node.input(0));
  return [quantized(node, node.input(0), scale, zero), scale, zero];
}

export const quantOps: OpTable = {
  QuantizeLinear: quantizeLinear(false),
  DequantizeLinear: dequantizeLinear(false),
  DynamicQuantizeLinear: dynamicQuantizeLinear,
};
