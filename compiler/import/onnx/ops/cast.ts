/** @file Operators that change the element type, or nothing. */
import { type DType, isDType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { dtypeOf } from "../tensor.ts";
import { constantElements, knownElements, sizes, type Value } from "../value.ts";
import { isIndexType } from "./fold.ts";

/** Names of element types as opset 1 to 5 write them. */
const oldNames: Readonly<Record<string, DType>> = {
  FLOAT: "f32",
  DOUBLE: "f64",
  FLOAT16: "f16",
  INT8: "i8",
  INT16: "i16",
  INT32: "i32",
  INT64: "i64",
  UINT8: "u8",
  UINT16: "u16",
  UINT32: "u32",
  UINT64: "u64",
  BOOL: "bool",
};

function cast(node: NodeContext): Value {
  const { attributes } = node;
  if (node.opset >= 19) attributes.ignore("saturate", "round_mode"); // they speak of 8-bit floats, which dtypeOf refuses
  const old = node.opset < 6 ? oldNames[attributes.string("to", "")] : undefined;
  if (node.opset < 6 && !(old && isDType(old))) node.fail("E0606", "attribute to names no element type");
  const to = old ?? dtypeOf(attributes.int("to", 0), "attribute to");
  const x = node.input(0);
  if (x.type.dtype === to) return x;
  const elements = isIndexType(x.type.dtype) && isIndexType(to) && x.type.shape.length <= 1 ? knownElements(x) : null;
  if (elements) return sizes(elements, x.type.shape.length === 0 ? 0 : 1, to);
  return node.emit("type.cast", [x], { to });
}

function castLike(node: NodeContext): Value {
  if (node.opset >= 19) node.attributes.ignore("saturate", "round_mode");
  const to = node.type(1).dtype;
  return node.type(0).dtype === to ? node.input(0) : node.emit("type.cast", [node.input(0)], { to });
}

/** The same bytes in another dtype of the same width. */
function bitCast(node: NodeContext): Value {
  const to = dtypeOf(node.attributes.int("to", 0), "attribute to");
  return node.type(0).dtype === to ? node.input(0) : node.emit("type.bitcast", [node.input(0)], { to });
}

/** At inference, and where nothing is dropped, it passes its input on; the mask says that everything is kept. */
function dropout(node: NodeContext): readonly (Value | null)[] {
  node.attributes.ignore("ratio", "seed", "is_test", "consumed_inputs");
  const [training] = node.has(2) ? (constantElements(node.input(2)) ?? [null]) : [0];
  const [ratio] = node.has(1) ? (constantElements(node.input(1)) ?? [null]) : [null];
  if (training !== 0 && ratio !== 0)
    node.fail("E0605", "a dropout whose training_mode is not the constant false is not supported", "export for inference");
  if (node.outputCount < 2) return [node.input(0), null];
  const dtype = node.opset < 10 ? node.type(0).dtype : "bool";
  return [node.input(0), node.emit("shape.broadcast", [node.scalar(1, dtype)], { shape: node.type(0).shape })];
}

export const castOps: OpTable = { Cast: cast, CastLike: castLike, BitCast: bitCast, Identity: (node) => node.input(0), Dropout: dropout };
