/**
 * @file Operators on quantized tensors. Those with the scales of their result become QDQ: dequantize, the float operator, quantize, which `legalize` turns into integer kernels and
 * which differs from integer arithmetic by at most one step. Those that return sums (`MatMulInteger`) are exact.
 */
import { compareDims, type Dim } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { constantElements, type Value } from "../value.ts";
import { convOps } from "./conv.ts";
import { cast, dequantized, oneScale, oneScaleIfAny, perTensor, quantized } from "./quant.ts";
import { ones, window, zeros } from "./window.ts";

/** The last `rank` axes; sizes of 1 before them are dropped. */
function lastAxes(node: NodeContext, value: Value, rank: number, what: string): Value {
  const { shape } = value.type;
  if (shape.length <= rank) return value;
  if (shape.slice(0, shape.length - rank).some((size) => size !== 1))
    node.fail("E0605", `${what} for each matrix of a stack are not supported`, "quantize all matrices with the same scales");
  return node.reshape(value, shape.slice(shape.length - rank));
}

/** Scale or zero point of a's rows, [rows] or [..., rows, 1], or of b's columns, [columns] or [..., 1, columns]: a scalar or a vector. */
function ofRows(node: NodeContext, index: number, side: "rows" | "columns", what: string): Value {
  const value = perTensor(node, node.input(index));
  const { shape } = value.type;
  if (shape.length < 2) return value;
  const [outer, inner] = shape.slice(-2) as [Dim, Dim];
  if ((side === "rows" ? inner : outer) !== 1) node.fail("E0605", `${what} of shape [${shape.join(", ")}] are not supported`);
  const matrix = lastAxes(node, value, 2, what);
  return node.reshape(matrix, [side === "rows" ? outer : inner]);
}

/** A matrix operand as floats. */
function floatMatrix(node: NodeContext, at: number, side: "rows" | "columns"): Value {
  const scale = cast(node, ofRows(node, at + 1, side, "scales"), "f32");
  const zero = ofRows(node, at + 2, side, "zero points");
  return dequantized(node, node.input(at), scale, zero, { axis: node.rank(at) - (side === "rows" ? 2 : 1) });
}

/** a, its scale and zero point, b, its, y's. Half-precision scales are widened, and the product taken in f32. */
function qLinearMatMul(node: NodeContext): Value {
  const product = node.emit("nn.matmul", [floatMatrix(node, 0, "rows"), floatMatrix(node, 3, "columns")]);
  const scale = cast(node, oneScale(node, 6, "the scale of the result"), "f32");
  return quantized(node, product, scale, oneScale(node, 7, "the zero point of the result"));
}

/** Sums of products of integers; the zero point of a is one, or one for each row. */
export function integerProduct(node: NodeContext, a: Value, b: Value, aZero: Value | null, bZero: Value | null): Value {
  const [left, right] = [matrix(node, a, "row"), matrix(node, b, "column")];
  const product = aZero && aZero.type.shape.length > 0 ? rowCentred(node, left, right, aZero, bZero) : null;
  const y = product ?? node.emit("int.matmul", [left, right, aZero, bZero]);
  const rank = y.type.shape.length;
  const kept = y.type.shape.filter((_, i) => !(i === rank - 2 && left !== a) && !(i === rank - 1 && right !== b));
  return kept.length === rank ? y : node.reshape(y, kept);
}

/** A vector as a matrix of one row or column. */
function matrix(node: NodeContext, value: Value, as: "row" | "column"): Value {
  const { shape } = value.type;
  if (shape.length !== 1) return value;
  return node.reshape(value, as === "row" ? [1, ...shape] : [...shape, 1]);
}

/** A zero point per row leaves the sums: those of the columns of b, times the row's zero point, are taken off. */
function rowCentred(node: NodeContext, a: Value, b: Value, aZero: Value, bZero: Value | null): Value {
  const [inner] = b.type.shape.slice(-2) as [Dim, Dim];
  const one = node.reshape(node.scalar(1, "u8"), [1, 1]);
  const columns = node.emit("int.matmul", [node.emit("shape.broadcast", [one], { shape: [1, inner] }), b, null, bZero]);
  const rows = node.reshape(cast(node, aZero, "i32"), [aZero.type.shape[0] ?? 1, 1]);
  return node.emit("math.sub", [node.emit("int.matmul", [a, b, null, bZero]), node.emit("math.mul", [rows, columns])]);
}

function matMulInteger(node: NodeContext): Value {
  const zero = (index: number, side: "rows" | "columns") => (node.has(index) ? ofRows(node, index, side, "zero points") : null);
  return integerProduct(node, node.input(0), node.input(1), zero(2, "rows"), zero(3, "columns"));
}

function convInteger(node: NodeContext): Value {
  const [, , ...kernel] = node.type(1).shape;
  const shape = window(
    node,
    kernel.map((size) => node.staticDim(size, "the kernel's size")),
  );
  const attrs = {
    stride: ones(shape.stride),
    pad: zeros(shape.pad),
    dilation: ones(shape.dilation),
    groups: node.attributes.int("group", 1),
  };
  const weightZero = node.has(3) ? perTensor(node, node.input(3)) : null;
  return node.emit("int.conv_sums", [node.input(0), node.input(1), oneScaleIfAny(node, 2, "the zero point of x"), weightZero], attrs);
}

/** Step of the sums of a layer: that of x times that of the weight, a scalar or one for each output. Constants are multiplied here. */
export function stepOfSums(node: NodeContext, x: Value, weight: Value, alpha = 1): Value {
  const [a, b] = [constantElements(x), constantElements(weight)];
  if (a?.length !== 1 || !b || x.type.dtype !== "f32" || weight.type.dtype !== "f32") {
    const product = node.emit("math.mul", [x, weight]);
    return alpha === 1 ? product : node.emit("math.mul", [product, node.scalar(alpha, product.type.dtype)]);
  }
  const [first = 1] = a;
  const steps = Float32Array.from(b, (step) => Math.fround(alpha * first) * step);
  const named = weight.kind === "constant" ? { name: `${weight.name}.step` } : {};
  return { ...node.literal(weight.type, new Uint8Array(steps.buffer)), ...named };
}

/** The node on its inputs as another operator, which has one result. */
export function viaOperator(table: OpTable, operator: string, node: NodeContext): Value {
  const made = table[operator]?.(node);
  const value = made && "type" in made ? made : made?.[0];
  return value ?? node.fail("E0605", `it has no form of ${operator}`);
}

/** x, its scale and zero point, weight, its, y's, bias? i32 in steps of the sums. Weight scales are one, or one per output channel. */
function qLinearConv(node: NodeContext): Value {
  const [xScale, wScale] = [oneScale(node, 1, "the scale of x"), perTensor(node, node.input(4))];
  const x = dequantized(node, node.input(0), xScale, oneScale(node, 2, "the zero point of x"));
  const outs = node.type(3).shape[0] ?? 1;
  if (wScale.type.shape.length === 1 && compareDims(wScale.type.shape[0] ?? 1, outs) === false)
    node.fail("E0606", `the weight has ${outs} output channels and ${wScale.type.shape[0]} scales`);
  const w = dequantized(node, node.input(3), wScale, likeScale(node, perTensor(node, node.input(5)), wScale), { axis: 0 });
  const bias = node.has(8) ? dequantized(node, node.input(8), stepOfSums(node, xScale, wScale), null, { axis: 0 }) : null;
  const y = viaOperator(convOps, "Conv", node.withInputs([x, w, bias]));
  return quantized(node, y, oneScale(node, 6, "the scale of the result"), oneScale(node, 7, "the zero point of the result"));
}

/** One zero point for all channels, given for each of the scales. */
function likeScale(node: NodeContext, zero: Value, scale: Value): Value {
  const { shape } = scale.type;
  if (zero.type.shape.length === shape.length) return zero;
  return node.emit("shape.broadcast", [zero], { shape });
}

export const integerOps: OpTable = {
  MatMulInteger: matMulInteger,
  ConvInteger: convInteger,
  QLinearMatMul: qLinearMatMul,
  QLinearConv: qLinearConv,
};
