/**
 * @file What `legalize` makes: 8-bit layers whose sums are scaled by integers. ONNX scales by floats only (`QLinearConv` and the like), so the scaling is written out in i64, to the bit:
 * floor((sum * multiplier + half) / 2^shift). The QDQ form of the model before `legalize` is what engines have fast kernels for.
 */
import { type Dim, dimKey, encodeTensor, type HostTensor, hostTensor, integerRange } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { convAttrs } from "./conv.ts";
import { unsignedWithZero } from "./integer.ts";
import { stepsOf } from "./window.ts";

/** Factors of a sum as i64 values that broadcast with it. */
interface Scale {
  readonly multiplier: string;
  /** 2^shift */
  readonly divisor: string;
  /** 2^(shift - 1), 0 for a shift of 0 */
  readonly half: string;
}

/** The attributes `multiplier` and `shift`. */
function scaleOfAttrs(op: OpCall, multiplier = op.int("multiplier")): Scale {
  const divisor = 2 ** op.int("shift");
  return { multiplier: op.scalar(multiplier, "i64"), divisor: op.scalar(divisor, "i64"), half: op.scalar(Math.floor(divisor / 2), "i64") };
}

/** The operands 3 and 4, one for all channels or one for each; `trailing` axes of the result are behind the channels. */
function scaleOfOperands(op: OpCall, trailing: number): Scale {
  const [multiplier, shift] = [op.constant(3), op.constant(4)];
  const shape = op.rank(3) === 0 ? [] : [-1, ...new Array<number>(trailing).fill(1)];
  if (multiplier && shift) {
    const count = multiplier.data.length;
    const made = (tensor: HostTensor, f: (value: bigint) => bigint): string => {
      const data = BigInt64Array.from(tensor.data as Int32Array, (value) => f(BigInt(value)));
      const sizes = shape.map((size) => (size === -1 ? count : size));
      return op.literal("i64", sizes, encodeTensor(hostTensor("i64", sizes, data)));
    };
    return { multiplier: made(multiplier, (v) => v), divisor: made(shift, (v) => 1n << v), half: made(shift, (v) => (1n << v) >> 1n) };
  }
  const along = (value: string) => (shape.length === 0 ? value : op.node("Reshape", [value, op.list(shape)]));
  const divisor = along(op.node("Pow", [op.scalar(2, "i64"), op.cast(op.input(4), "i64")]));
  return { multiplier: along(op.cast(op.input(3), "i64")), divisor, half: op.node("Div", [divisor, op.scalar(2, "i64")]) };
}

/** The sums (any integer dtype) scaled, moved by the zero point and clamped. */
function rescaled(op: OpCall, sums: string, { multiplier, divisor, half }: Scale): ResultNode {
  const { min, max } = integerRange(op.output.dtype);
  const bound = (value: number) => op.scalar(value, "i64");
  const product = op.node("Add", [op.node("Mul", [op.cast(sums, "i64"), multiplier]), half]);
  // `Div` rounds toward zero: without the remainder, which has the divisor's sign, it has nothing to round.
  const shifted = op.node("Div", [op.node("Sub", [product, op.node("Mod", [product, divisor])]), divisor]);
  const moved = op.int("y_zero") === 0 ? shifted : op.node("Add", [shifted, bound(op.int("y_zero"))]);
  const clamped = op.node("Clip", [moved, bound(Math.max(op.int("min"), Number(min))), bound(Math.min(op.int("max"), Number(max)))]);
  return op.result("Cast", [clamped], { to: attribute.int(op.typeCode(op.output.dtype)) });
}

/** i32 sums with the bias, operand 2, which wrap. */
function withBias(op: OpCall, sums: string, trailing: number): string {
  if (!op.has(2)) return sums;
  const bias = trailing === 0 ? op.input(2) : op.node("Reshape", [op.input(2), op.list([-1, ...new Array<number>(trailing).fill(1)])]);
  return op.node("Add", [sums, bias]);
}

function conv(op: OpCall): ResultNode {
  const kernel = op.staticShape(1).slice(2);
  const [[x, xZero], [weight, weightZero]] = [unsignedWithZero(op, 0, op.int("x_zero")), unsignedWithZero(op, 1, 0)];
  const sums = op.node("ConvInteger", [x, weight, xZero, weightZero], convAttrs(op, kernel.length, kernel));
  return rescaled(op, withBias(op, sums, kernel.length), scaleOfOperands(op, kernel.length));
}

function linear(op: OpCall): ResultNode {
  const [[x, xZero], [weight, weightZero]] = [unsignedWithZero(op, 0, op.int("x_zero")), unsignedWithZero(op, 1, 0)];
  const columns = op.node("Transpose", [weight], { perm: attribute.ints([1, 0]) });
  const sums = op.node("MatMulInteger", [x, columns, xZero, weightZero]);
  return rescaled(op, withBias(op, sums, 0), scaleOfOperands(op, 0));
}

/** An operand as i32 from its zero point. */
function centred(op: OpCall, at: number, zero: number): string {
  const wide = op.cast(op.input(at), "i32");
  return zero === 0 ? wide : op.node("Sub", [wide, op.scalar(zero, "i32")]);
}

function add(op: OpCall): ResultNode {
  const part = (at: number, name: string) =>
    op.node("Mul", [centred(op, at, op.int(`${name}_zero`)), op.scalar(op.int(`${name}_multiplier`), "i32")]);
  return rescaled(op, op.node("Add", [part(0, "a"), part(1, "b")]), scaleOfAttrs(op, 1));
}

/** Sums of windows by a `ConvInteger` of ones, plane by plane. */
function averagePool(op: OpCall): ResultNode {
  const kernel = op.ints("kernel");
  const rank = kernel.length;
  const { stride, pad } = stepsOf(op, rank);
  const spatial = op.type(0).shape.slice(2);
  const [x, zero] = unsignedWithZero(op, 0, op.int("x_zero"));
  const planes = op.node("Reshape", [x, op.sizes([-1, 1, ...spatial])]);
  const ends = spatial.map((size, i) => (op.flag("ceil") ? reachOf(op, size, i) : (pad[i + rank] ?? 0)));
  const sums = op.node("ConvInteger", [planes, op.filled(1, "u8", [1, 1, ...kernel]), zero], {
    kernel_shape: attribute.ints(kernel),
    strides: attribute.ints(stride),
    pads: attribute.ints([...pad.slice(0, rank), ...ends]),
  });
  return rescaled(op, op.node("Reshape", [sums, op.sizes(op.output.shape)]), scaleOfAttrs(op));
}

/** The end padding with which the last window of a pool that rounds up fits. */
function reachOf(op: OpCall, size: Dim, axis: number): number {
  const { stride, pad } = stepsOf(op, op.ints("kernel").length);
  const count = op.output.shape[axis + 2] ?? 1;
  if (typeof size !== "number" || typeof count !== "number")
    return op.fail(
      "E1005",
      `the size ${dimKey(size)} of spatial axis ${axis} is not known at export`,
      "give the model a static size there",
    );
  return Math.max(0, (count - 1) * (stride[axis] ?? 1) + (op.ints("kernel")[axis] ?? 1) - size - (pad[axis] ?? 0));
}

function mean(op: OpCall): ResultNode {
  const axes = op.ints("axes");
  const values = centred(op, 0, op.int("x_zero"));
  const keep = { keepdims: attribute.flag(op.flag("keepdims")) };
  const sums = axes.length === 0 ? values : op.node("ReduceSum", [values, op.list(axes)], keep);
  return rescaled(op, sums, scaleOfAttrs(op));
}

function lookup(op: OpCall): ResultNode {
  const least = Number(integerRange(op.type(0).dtype).min);
  return op.result("Gather", [op.input(1), centred(op, 0, least)], { axis: attribute.int(0) });
}

export const fixedPointRows: ExportTable = {
  "int.conv": conv,
  "int.linear": linear,
  "int.add": add,
  "int.requantize": (op) => rescaled(op, centred(op, 0, op.int("x_zero")), scaleOfAttrs(op)),
  "int.avg_pool": averagePool,
  "int.mean": mean,
  "int.lookup": lookup,
};
