/** @file Conversions. Dtypes narrower than what the model has are low bits taken by integer arithmetic. */
import { type DType, dtypeInfo } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

function cast(op: OpCall): ResultNode {
  const [from, to] = [op.type(0).dtype, op.output.dtype];
  const carried =
    op.carrier(to) !== to && from !== to && !(dtypeInfo(from).kind === dtypeInfo(to).kind && dtypeInfo(from).bits <= dtypeInfo(to).bits);
  if (carried && from !== "bool") return lowBits(op, to);
  return converted(op, op.input(0), op.carrier(from), op.carrier(to));
}

function converted(op: OpCall, value: string, from: DType, to: DType): ResultNode {
  if (from === to) return op.result("Identity", [value]);
  return op.result("Cast", [value], { to: attribute.int(op.typeCode(to)) });
}

/** The low bits, read with or without a sign: (x & mask ^ half) - half. */
function lowBits(op: OpCall, to: DType): ResultNode {
  if (op.opset < 18)
    op.fail("E1002", `a cast to ${to} takes bitwise operators, which ONNX has since opset 18`, "export with a newer opset");
  const { bits, kind } = dtypeInfo(to);
  const number = (value: number) => op.scalar(value, "i64");
  const low = op.node("BitwiseAnd", [op.cast(op.input(0), "i64"), number(2 ** bits - 1)]);
  if (kind === "uint") return converted(op, low, "i64", op.carrier(to));
  const half = number(2 ** (bits - 1));
  return converted(op, op.node("Sub", [op.node("BitwiseXor", [low, half]), half]), "i64", op.carrier(to));
}

/** What is carried in bytes has lost its bits. */
function bitcast(op: OpCall): ResultNode {
  const [from, to] = [op.type(0).dtype, op.output.dtype];
  if (op.opset < 26) op.fail("E1002", "ONNX reads bits as another dtype since opset 26", "export with opset 26");
  for (const dtype of [from, to])
    if (op.carrier(dtype) !== dtype) op.fail("E1002", `ONNX has no bits of ${dtype}`, "put a type.unpack before it");
  return op.result("BitCast", [op.input(0)], { to: attribute.int(op.typeCode(to)) });
}

/** The same integers in bytes: what is carried in bytes is so already. */
function unpack(op: OpCall): ResultNode {
  return converted(op, op.input(0), op.carrier(op.type(0).dtype), op.output.dtype);
}

export const castRows: ExportTable = { "type.cast": cast, "type.bitcast": bitcast, "type.unpack": unpack };
