/** @file Constants and sizes. */
import { type Dim, type DType, dimProduct, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { readTensor } from "../tensor.ts";
import { sizes, type Value } from "../value.ts";
import { computedShape } from "./shape.ts";

function constant(node: NodeContext): Value {
  const { attributes } = node;
  const tensor = attributes.tensor("value");
  if (tensor) {
    const { type, bytes } = readTensor(tensor, "attribute value");
    return node.literal(type, bytes);
  }
  const made = (dtype: DType, shape: readonly number[], numbers: readonly number[]): Value =>
    node.literal(tensorType(dtype, shape), encodeNumbers(dtype, shape, numbers));
  const float = attributes.float("value_float", null);
  if (float !== null) return made("f32", [], [float]);
  const int = attributes.int("value_int", null);
  if (int !== null) return made("i64", [], [int]);
  const floats = attributes.floats("value_floats");
  if (floats) return made("f32", [floats.length], floats);
  const ints = attributes.ints("value_ints");
  if (ints) return made("i64", [ints.length], ints);
  return node.fail("E0605", `a constant given by ${attributes.left().join(", ") || "no attribute"} is not supported`);
}

/** A tensor of one repeated element, by default 0.0. */
function constantOfShape(node: NodeContext): Value {
  const shape = node.knownIntegers(0);
  if (shape?.some((size) => typeof size === "number" && size < 0)) node.fail("E0606", "a size is negative");
  const tensor = node.attributes.tensor("value");
  const { type, bytes } = tensor ? readTensor(tensor, "attribute value") : { type: tensorType("f32", []), bytes: new Uint8Array(4) };
  const scalar = node.literal(tensorType(type.dtype, []), bytes);
  if (shape === null) return computedShape(node, "broadcast", scalar, 0);
  if (type.dtype === "i64" && shape.length === 1 && typeof shape[0] === "number" && shape[0] <= 64) {
    const element = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true));
    return sizes(new Array<Dim>(shape[0]).fill(element));
  }
  return shape.length === 0 ? scalar : node.emit("shape.broadcast", [scalar], { shape });
}

/** Sizes of the input, or of its axes from `start` to `end`. */
function shape(node: NodeContext): Value {
  const rank = node.rank(0);
  const bound = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
  const [start, end] = node.opset < 15 ? [0, rank] : [node.attributes.int("start", 0), node.attributes.int("end", rank)];
  return sizes(node.type(0).shape.slice(bound(start), bound(end)));
}

const size = (node: NodeContext): Value => sizes([dimProduct(node.type(0).shape)], 0);

export const constantOps: OpTable = { Constant: constant, ConstantOfShape: constantOfShape, Shape: shape, Size: size };
