/** @file Element-wise ops. Most are one node; narrow integers that an operator does not take are widened around it. */
import { type DType, dtypeInfo, integerRange, isFloat } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportRow, ExportTable, OpCall, ResultNode } from "../call.ts";

const node =
  (opType: string): ExportRow =>
  (op) =>
    op.result(opType, op.inputs());

/** The dtype in which an operator of 32- and 64-bit integers computes it: narrower results are the low bits of wider ones. */
export function wideOf(dtype: DType): DType {
  const { kind, bits } = dtypeInfo(dtype);
  if (kind === "float" || dtype === "i64" || dtype === "i32") return dtype;
  return bits < 32 ? "i32" : "i64";
}

/** For operators that know 32- and 64-bit signed integers only. */
export const widened =
  (opType: string): ExportRow =>
  (op) => {
    const { dtype } = op.output;
    const wide = wideOf(dtype);
    if (wide === dtype) return op.result(opType, op.inputs());
    const result = op.node(
      opType,
      op.inputs().map((input) => op.cast(input, wide)),
    );
    return op.result("Cast", [result], { to: attribute.int(op.typeCode(dtype)) });
  };

/** `Neg` knows signed numbers: an unsigned one wraps when it is subtracted from 0. */
function negate(op: OpCall): ResultNode {
  const { dtype } = op.output;
  if (dtypeInfo(dtype).kind === "uint") return op.result("Sub", [op.scalar(0, dtype), op.input(0)]);
  return op.result("Neg", [op.input(0)]);
}

/** ONNX orders numbers only: false and true are compared as 0 and 1. */
const ordered =
  (opType: "Less" | "Greater"): ExportRow =>
  (op) =>
    op.result(opType, op.type(0).dtype === "bool" ? op.inputs().map((input) => op.cast(input, "i32")) : op.inputs());

/** Truth values have operators of their own. */
const bitwise =
  (ofBools: string, ofIntegers: string): ExportRow =>
  (op) => {
    if (op.type(0).dtype === "bool") return op.result(ofBools, op.inputs());
    if (op.opset < 18) op.fail("E1002", `ONNX has ${ofIntegers} since opset 18`, "export with a newer opset");
    return op.result(ofIntegers, op.inputs());
  };

/** The remainder with the sign of the divisor, which ONNX has of integers only: of floats the other one, moved to the divisor's side. */
function mod(op: OpCall): ResultNode {
  const { dtype } = op.output;
  const [x, y] = op.inputs() as [string, string];
  if (!isFloat(dtype)) return op.result("Mod", [x, y]);
  const zero = op.scalar(0, dtype);
  const rest = op.node("Mod", [x, y], { fmod: attribute.int(1) });
  const apart = op.node("Less", [op.node("Mul", [op.node("Sign", [rest]), op.node("Sign", [y])]), zero]);
  return op.result("Where", [apart, op.node("Add", [rest, y]), rest]);
}

/** 1 where x > 0, else 0. */
function step(op: OpCall): ResultNode {
  const { dtype } = op.output;
  return op.result("Cast", [op.node("Greater", [op.input(0), op.scalar(0, dtype)])], { to: attribute.int(op.typeCode(dtype)) });
}

/** A bound of `Clip` in the dtype, null where the dtype does not reach it. */
function bound(value: number, dtype: DType): number | null {
  if (Math.abs(value) === Number.POSITIVE_INFINITY) return null;
  if (isFloat(dtype)) return value;
  const whole = Math.trunc(value);
  const { min, max } = integerRange(dtype);
  return whole < min || whole > max ? null : whole;
}

function clip(op: OpCall): ResultNode {
  const { dtype } = op.output;
  const [min, max] = [bound(op.float("min"), dtype), bound(op.float("max"), dtype)];
  if (min === null && max === null) return op.result("Identity", [op.input(0)]);
  return op.result("Clip", [op.input(0), ...[min, max].map((value) => (value === null ? "" : op.scalar(value, dtype)))]);
}

const softmax =
  (opType: string): ExportRow =>
  (op) =>
    op.result(opType, [op.input(0)], { axis: attribute.int(op.int("axis")) });

/** Losses for each sample, from scores before the softmax. */
function crossEntropy(op: OpCall): ResultNode {
  return op.result("SoftmaxCrossEntropyLoss", [op.input(0), op.input(1)], { reduction: attribute.string("none") });
}

export const elementwiseRows: ExportTable = {
  "math.add": node("Add"),
  "math.sub": node("Sub"),
  "math.mul": node("Mul"),
  "math.div": node("Div"),
  "math.min": node("Min"),
  "math.max": node("Max"),
  "math.pow": widened("Pow"),
  "math.mod": mod,
  "math.fmod": (op) => op.result("Mod", op.inputs(), { fmod: attribute.int(1) }),
  "math.neg": negate,
  "math.abs": node("Abs"),
  "math.sign": node("Sign"),
  "math.exp": node("Exp"),
  "math.log": node("Log"),
  "math.sqrt": node("Sqrt"),
  "math.reciprocal": node("Reciprocal"),
  "math.sigmoid": node("Sigmoid"),
  "math.tanh": node("Tanh"),
  "math.erf": node("Erf"),
  "math.sin": node("Sin"),
  "math.cos": node("Cos"),
  "math.tan": node("Tan"),
  "math.asin": node("Asin"),
  "math.acos": node("Acos"),
  "math.atan": node("Atan"),
  "math.sinh": node("Sinh"),
  "math.cosh": node("Cosh"),
  "math.asinh": node("Asinh"),
  "math.acosh": node("Acosh"),
  "math.atanh": node("Atanh"),
  "math.softplus": node("Softplus"),
  "math.floor": node("Floor"),
  "math.ceil": node("Ceil"),
  "math.round": node("Round"),
  "math.relu": node("Relu"),
  "math.step": step,
  "math.clip": clip,
  "math.leaky_relu": (op) => op.result("LeakyRelu", [op.input(0)], { alpha: attribute.float(op.float("alpha")) }),
  "math.equal": node("Equal"),
  "math.less": ordered("Less"),
  "math.greater": ordered("Greater"),
  "math.where": node("Where"),
  "math.and": bitwise("And", "BitwiseAnd"),
  "math.or": bitwise("Or", "BitwiseOr"),
  "math.xor": bitwise("Xor", "BitwiseXor"),
  "math.not": bitwise("Not", "BitwiseNot"),
  "math.softmax": softmax("Softmax"),
  "math.log_softmax": softmax("LogSoftmax"),
  "loss.softmax_cross_entropy": crossEntropy,
};
