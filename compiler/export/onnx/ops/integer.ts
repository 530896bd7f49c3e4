/**
 * @file Integer products whose sums stay i32: `MatMulInteger` and `ConvInteger`. ONNX Runtime has kernels for some pairs of dtypes only, and that for u8 by i8 saturates sums of two products
 * at 16 bits on x86 processors without VNNI. There signed values are written 128 higher as unsigned ones, and so is their zero point, which gives the same sums.
 */
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { convAttrs } from "./conv.ts";

/** Values and their zero point, `""` for none. */
export type Side = readonly [value: string, zero: string];

const asItIs = (op: OpCall, at: number): Side => [op.input(at), op.input(at + 2)];

/** The same in u8. */
function unsigned(op: OpCall, at: number): Side {
  if (op.type(at).dtype === "u8") return asItIs(op, at);
  return [lifted(op, op.input(at)), op.has(at + 2) ? lifted(op, op.input(at + 2)) : op.scalar(128, "u8")];
}

const lifted = (op: OpCall, value: string): string => op.cast(op.node("Add", [op.cast(value, "i32"), op.scalar(128, "i32")]), "u8");

/** An operand in u8 with a zero point that is known. */
export function unsignedWithZero(op: OpCall, at: number, zero: number): Side {
  if (op.type(at).dtype === "u8") return [op.input(at), op.scalar(zero, "u8")];
  return [lifted(op, op.input(at)), op.scalar(zero + 128, "u8")];
}

function matmul(op: OpCall): ResultNode {
  const side = op.type(0).dtype === op.type(1).dtype ? asItIs : unsigned;
  const [[a, aZero], [b, bZero]] = [side(op, 0), side(op, 1)];
  if (!op.has(3) || op.rank(3) === 0 || op.rank(1) === 2) return op.result("MatMulInteger", [a, b, aZero, bZero]);
  // One for each column of a stack of matrices: they leave the sums, times the sums of the rows alone.
  const centred = aZero === "" ? op.cast(a, "i32") : op.node("Sub", [op.cast(a, "i32"), op.cast(aZero, "i32")]);
  const rows = op.node("ReduceSum", [centred, op.list([-1])], { keepdims: attribute.flag(true) });
  return op.result("Sub", [op.node("MatMulInteger", [a, b, aZero]), op.node("Mul", [rows, op.cast(bZero, "i32")])]);
}

function conv(op: OpCall): ResultNode {
  const shape = op.staticShape(1);
  const kernel = shape.slice(2);
  const attrs = convAttrs(op, kernel.length, kernel);
  const [[x, xZero], [weight, weightZero]] = [unsigned(op, 0), unsigned(op, 1)];
  if (!op.has(3) || op.rank(3) === 0) return op.result("ConvInteger", [x, weight, xZero, weightZero], attrs);
  // ONNX Runtime takes one zero point for the whole weight: those of the outputs leave the sums, times the sums of the values alone.
  const values = op.node("ConvInteger", [x, op.filled(1, "u8", shape), xZero], attrs);
  const zeros = op.node("Reshape", [op.cast(weightZero, "i32"), op.list([-1, ...kernel.map(() => 1)])]);
  return op.result("Sub", [op.node("ConvInteger", [x, weight, xZero], attrs), op.node("Mul", [values, zeros])]);
}

export const integerRows: ExportTable = { "int.matmul": matmul, "int.conv_sums": conv };
