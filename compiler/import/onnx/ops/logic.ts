/** @file Truth values, bits, remainders, and the comparisons that are made of others. */
import { dtypeInfo, isFloat } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable, Translate } from "../node.ts";
import type { Value } from "../value.ts";
import { alignedToAxis, binary, unary } from "./elementwise.ts";

/** x >= y, x <= y: of floats not the opposite of the other comparison, since NaN is neither. */
const orEqual =
  (strict: "math.less" | "math.greater", opposite: "math.less" | "math.greater"): Translate =>
  (node) => {
    const [x, y] = [node.input(0), node.input(1)];
    if (!isFloat(x.type.dtype)) return node.emit("math.not", [node.emit(opposite, [x, y])]);
    return node.emit("math.or", [node.emit(strict, [x, y]), node.emit("math.equal", [x, y])]);
  };

const isNan = (node: NodeContext): Value => node.emit("math.not", [node.emit("math.equal", [node.input(0), node.input(0)])]);

/** Which infinities count: both unless an attribute leaves one out. */
function isInf(node: NodeContext): Value {
  const x = node.input(0);
  const [positive, negative] = [node.attributes.flag("detect_positive", true), node.attributes.flag("detect_negative", true)];
  const infinite = (value: Value, sign: number) =>
    node.emit("math.equal", [value, node.scalar(sign * Number.POSITIVE_INFINITY, x.type.dtype)]);
  if (positive && negative) return infinite(node.emit("math.abs", [x]), 1);
  if (positive || negative) return infinite(x, positive ? 1 : -1);
  return node.emit("math.less", [x, x]); // nothing is
}

/** Of unsigned integers: by 2^y, which is 0 where y is the width or more, as is a division by it. */
function bitShift(node: NodeContext): Value {
  const { dtype } = node.type(0);
  const direction = node.attributes.choice("direction", ["LEFT", "RIGHT"], "LEFT");
  if (dtypeInfo(dtype).kind !== "uint") node.fail("E0606", `${dtype} is not shifted: only unsigned integers are`);
  const factor = node.emit("math.pow", [node.scalar(2, dtype), node.input(1)]);
  return node.emit(direction === "LEFT" ? "math.mul" : "math.div", [node.input(0), factor]);
}

/** The remainder has the sign of the divisor, with `fmod` of the dividend. */
function mod(node: NodeContext): Value {
  const [x, y] = [node.input(0), node.input(1)];
  const fmod = node.attributes.flag("fmod", false);
  if (!fmod && isFloat(x.type.dtype)) node.fail("E0606", "the remainder of floats needs fmod = 1", "set the attribute fmod to 1");
  return node.emit(fmod ? "math.fmod" : "math.mod", [x, y]);
}

/** Before opset 7 shapes broadcast on demand only, from a given axis. */
const logical =
  (op: string): Translate =>
  (node) =>
    node.emit(op, [node.input(0), node.opset < 7 ? alignedToAxis(node) : node.input(1)]);

export const logicOps: OpTable = {
  And: logical("math.and"),
  Or: logical("math.or"),
  Xor: logical("math.xor"),
  Not: unary("math.not"),
  BitwiseAnd: binary("math.and"),
  BitwiseOr: binary("math.or"),
  BitwiseXor: binary("math.xor"),
  BitwiseNot: unary("math.not"),
  GreaterOrEqual: orEqual("math.greater", "math.less"),
  LessOrEqual: orEqual("math.less", "math.greater"),
  IsNaN: isNan,
  IsInf: isInf,
  BitShift: bitShift,
  Mod: mod,
};
