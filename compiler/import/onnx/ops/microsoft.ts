/**
 * @file Operators of ONNX Runtime's own domain, `com.microsoft`, that its quantizer and its optimizer write. Source: its documentation of contributed operators. Quantized ones become
 * QDQ, as those of the standard domain do; weights of `MatMulNBits` become codes with group scales.
 */
import type { Dim } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable, Translate } from "../node.ts";
import type { Value } from "../value.ts";
import { convOps } from "./conv.ts";
import { gemmOps } from "./gemm.ts";
import { integerProduct, stepOfSums, viaOperator } from "./integer.ts";
import { matMulNBits } from "./nbits.ts";
import { poolOps } from "./pool.ts";
import {
  cast,
  dequantized,
  dequantizeLinear,
  dynamicScale,
  oneScale,
  oneScaleIfAny,
  perTensor,
  quantized,
  quantizeLinear,
} from "./quant.ts";
import { softmaxOps } from "./softmax.ts";

/** Codes, scale and zero point at three inputs in a row, as floats. */
function floats(node: NodeContext, at: number, what: string): Value {
  const zero = oneScaleIfAny(node, at + 2, `the zero point of ${what}`);
  return dequantized(node, node.input(at), oneScale(node, at + 1, `the scale of ${what}`), zero);
}

/** Codes of y with scale and zero point at two inputs in a row. An absent zero point is 0 in the dtype of the codes that came in. */
function result(node: NodeContext, y: Value, at: number): Value {
  const scale = oneScale(node, at, "the scale of the result");
  return quantized(node, y, scale, oneScaleIfAny(node, at + 1, "the zero point of the result"), node.type(0).dtype);
}

/** A, its scale and zero point, B, its, the result's. */
const binary =
  (op: string): Translate =>
  (node) =>
    result(node, node.emit(op, [floats(node, 0, "A"), floats(node, 3, "B")]), 6);

/** X, its scale and zero point, the result's: the float operator between. */
const unary =
  (apply: (node: NodeContext, x: Value) => Value): Translate =>
  (node) =>
    result(node, apply(node, floats(node, 0, "X")), 3);

function leakyRelu(node: NodeContext, x: Value): Value {
  return node.emit("math.leaky_relu", [x], { alpha: node.attributes.float("alpha", 0.01) });
}

function averagePool(node: NodeContext, x: Value): Value {
  if (node.attributes.flag("channels_last", false)) node.fail("E0605", "channels_last is not supported", "put a Transpose on both sides");
  return viaOperator(poolOps, "AveragePool", node.withInputs([x]));
}

function globalAveragePool(node: NodeContext, x: Value): Value {
  const first = node.attributes.flag("channels_last", false) ? 1 : 2;
  const axes = Array.from({ length: Math.max(node.rank(0) - 2, 0) }, (_, i) => i + first);
  return node.emit("reduce.mean", [x], { axes, keepdims: true });
}

/** The version of the standard operator that is meant is an attribute. */
function softmax(node: NodeContext, x: Value): Value {
  const opset = node.attributes.int("opset", 0);
  return viaOperator(softmaxOps, "Softmax", node.withInputs([x], opset));
}

/** The result's scale and zero point, then codes, scale and zero point of every part. */
function concat(node: NodeContext): Value {
  const axis = node.axis(node.attributes.int("axis", 0), node.rank(2));
  const parts: Value[] = [];
  for (let at = 2; at + 2 < node.inputCount; at += 3) parts.push(floats(node, at, `part ${parts.length}`));
  const zero = oneScale(node, 1, "the zero point of the result");
  return quantized(node, node.emit("shape.concat", parts, { axis }), oneScale(node, 0, "the scale of the result"), zero);
}

/** A, its scale and zero point, B, its, C? i32 in steps of the sums (alpha is in them), the result's scale and zero point: without them the result is float. */
function qGemm(node: NodeContext): Value {
  const { attributes } = node;
  const alpha = attributes.float("alpha", 1);
  const [aScale, bScale] = [oneScale(node, 1, "the scale of A"), perTensor(node, node.input(4))];
  const axis = attributes.flag("transB", false) ? 0 : 1;
  const b = dequantized(node, node.input(3), bScale, node.has(5) ? perTensor(node, node.input(5)) : null, { axis });
  const c = node.has(6)
    ? dequantized(node, node.input(6), stepOfSums(node, aScale, bScale, alpha), null, { axis: node.rank(6) - 1 })
    : null;
  const y = viaOperator(gemmOps, "Gemm", node.withInputs([floats(node, 0, "A"), b, c]));
  return node.has(7) ? result(node, y, 7) : y;
}

/** Sums of integers to floats: times the scales of a and b, plus a bias. */
function scaledSums(node: NodeContext, sums: Value, aScale: Value, bScale: Value, bias: Value | null): Value {
  const wide = cast(node, sums, aScale.type.dtype);
  const y = node.emit("math.mul", [wide, stepOfSums(node, aScale, bScale)]);
  return bias === null ? y : node.emit("math.add", [y, bias]);
}

const valueAt = (node: NodeContext, index: number): Value | null => (node.has(index) ? node.input(index) : null);
const zeroAt = (node: NodeContext, index: number): Value | null => (node.has(index) ? perTensor(node, node.input(index)) : null);

/** A f32, B, its scale and zero point, bias?. */
function dynamicQuantizeMatMul(node: NodeContext): Value {
  const { scale, zero } = dynamicScale(node, node.input(0));
  const a = quantized(node, node.input(0), scale, zero);
  const sums = integerProduct(node, a, node.input(1), zero, zeroAt(node, 3));
  return scaledSums(node, sums, scale, perTensor(node, node.input(2)), valueAt(node, 4));
}

/** A, B, their scales, their zero points, bias?. */
function matMulIntegerToFloat(node: NodeContext): Value {
  const sums = integerProduct(node, node.input(0), node.input(1), zeroAt(node, 4), zeroAt(node, 5));
  const aScale = perTensor(node, node.input(2));
  const rows = aScale.type.shape.length === 0 ? aScale : node.reshape(aScale, [aScale.type.shape.at(-1) as Dim, 1]);
  return scaledSums(node, sums, rows, perTensor(node, node.input(3)), valueAt(node, 6));
}

const plainActivations: ReadonlySet<string> = new Set(["Relu", "Tanh", "Sigmoid"]);

/** The activation that a fused operator names, with its numbers in order. */
function activated(node: NodeContext, y: Value, name: string, numbers: readonly number[]): Value {
  const [first, second] = numbers;
  switch (name) {
    case "":
      return y;
    case "LeakyRelu":
      return node.emit("math.leaky_relu", [y], { alpha: first ?? 0.01 });
    case "Clip":
      return node.emit("math.clip", [y], { min: first ?? Number.NEGATIVE_INFINITY, max: second ?? Number.POSITIVE_INFINITY });
    default:
      return plainActivations.has(name)
        ? node.emit(`math.${name.toLowerCase()}`, [y])
        : node.fail("E0605", `the activation ${JSON.stringify(name)} is not supported`);
  }
}

/** Conv, plus Z, then an activation. */
function fusedConv(node: NodeContext): Value {
  const { attributes } = node;
  const y = viaOperator(convOps, "Conv", node.withInputs([node.input(0), node.input(1), valueAt(node, 2)]));
  const sum = node.has(3) ? node.emit("math.add", [y, node.input(3)]) : y;
  return activated(node, sum, attributes.string("activation", ""), attributes.floats("activation_params") ?? []);
}

function fusedGemm(node: NodeContext): Value {
  const { attributes } = node;
  const numbers = ["activation_alpha", "activation_beta"].flatMap((name) => (attributes.has(name) ? [attributes.float(name, 0)] : []));
  attributes.ignore("activation_gamma");
  return activated(node, viaOperator(gemmOps, "Gemm", node), attributes.string("activation", ""), numbers);
}

/** alpha * A B, each perhaps given with its last two axes swapped. */
function fusedMatMul(node: NodeContext): Value {
  const { attributes } = node;
  if (attributes.flag("transBatchA", false) || attributes.flag("transBatchB", false))
    node.fail("E0605", "transBatchA and transBatchB are not supported", "export with the optimizations of ONNX Runtime off");
  const side = (index: number, flag: string) => {
    const rank = node.rank(index);
    const perm = Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
    const swapped = attributes.flag(flag, false) && rank > 1;
    return swapped ? node.emit("shape.transpose", [node.input(index)], { perm }) : node.input(index);
  };
  const product = node.emit("nn.matmul", [side(0, "transA"), side(1, "transB")]);
  const alpha = attributes.float("alpha", 1);
  return alpha === 1 ? product : node.emit("math.mul", [product, node.scalar(alpha, product.type.dtype)]);
}

export const microsoftOps: OpTable = {
  QuantizeLinear: quantizeLinear(true),
  DequantizeLinear: dequantizeLinear(true),
  QLinearAdd: binary("math.add"),
  QLinearMul: binary("math.mul"),
  QLinearSigmoid: unary((node, x) => node.emit("math.sigmoid", [x])),
  QLinearLeakyRelu: unary(leakyRelu),
  QLinearAveragePool: unary(averagePool),
  QLinearGlobalAveragePool: unary(globalAveragePool),
  QLinearSoftmax: unary(softmax),
  QLinearConcat: concat,
  QGemm: qGemm,
  DynamicQuantizeMatMul: dynamicQuantizeMatMul,
  MatMulIntegerToFloat: matMulIntegerToFloat,
  MatMulNBits: matMulNBits,
  FusedConv: fusedConv,
  FusedGemm: fusedGemm,
  FusedMatMul: fusedMatMul,
};
