/**
 * @file The dialect `int`, layers whose sums are scaled by a fixed-point factor: exact sums of `ConvInteger` and `MatMulInteger`, then the factor, the rounding and the clamp in i64, where every product fits.
 * ONNX has no operator that scales by integers; these nodes give the same bits, not the fastest run.
 */
import { type Dim, dimMul, hostTensor, integerRange, staticShape } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportRow, ExportTable, OpCall, ResultNode } from "../call.ts";
import { convAttrs } from "./conv.ts";
import { stepsOf } from "./window.ts";

/** A constant operand's elements along one axis of a tensor of `rank`: a scalar, or `[n, 1, ...]` with `behind` axes after it. */
function factors(op: OpCall, index: number, behind: number, of: (value: number) => bigint): string {
  const tensor = op.constant(index) ?? op.fail("E1005", `operand ${index}, a scale, is computed`, "fold it into a constant");
  const data = BigInt64Array.from(Array.from(tensor.data as ArrayLike<number>, (value) => of(Number(value))));
  const shape = tensor.shape.length === 0 ? [] : [data.length, ...new Array<number>(behind).fill(1)];
  return op.literal("i64", shape, new Uint8Array(hostTensor("i64", shape, data).data.buffer));
}

const half = (shift: number): bigint => (shift === 0 ? 0n : 1n << BigInt(shift - 1));
const unit = (shift: number): bigint => 1n << BigInt(shift);

interface Scale {
  readonly multiplier: string;
  readonly half: string;
  readonly unit: string;
}

function channelScale(op: OpCall, behind: number): Scale {
  return { multiplier: factors(op, 3, behind, BigInt), half: factors(op, 4, behind, half), unit: factors(op, 4, behind, unit) };
}

function wholeScale(op: OpCall): Scale {
  const long = (value: bigint) => op.literal("i64", [], new Uint8Array(BigInt64Array.of(value).buffer));
  const shift = op.int("shift");
  return { multiplier: long(BigInt(op.int("multiplier"))), half: long(half(shift)), unit: long(unit(shift)) };
}

/** `floor((value + half) / unit)`; `Div` truncates, so the remainder, which has the unit's sign, leaves first. */
function shifted(op: OpCall, value: string, scale: Scale): string {
  const raised = op.node("Add", [value, scale.half]);
  const whole = op.node("Sub", [raised, op.node("Mod", [raised, scale.unit])]);
  return op.node("Div", [whole, scale.unit]);
}

/** Zero point, clamp, dtype. */
function stored(op: OpCall, value: string): ResultNode {
  const { dtype } = op.output;
  const range = integerRange(dtype);
  const [least, most] = [Math.max(op.int("min"), Number(range.min)), Math.min(op.int("max"), Number(range.max))];
  const moved = op.node("Add", [value, op.scalar(op.int("y_zero"), "i64")]);
  const clamped = op.node("Clip", [moved, op.scalar(least, "i64"), op.scalar(most, "i64")]);
  return op.result("Cast", [clamped], { to: attribute.int(op.typeCode(dtype)) });
}

/** Sums of i32 times the multiplier, as stored. */
function requantized(op: OpCall, sums: string, scale: Scale): ResultNode {
  return stored(op, shifted(op, op.node("Mul", [op.cast(sums, "i64"), scale.multiplier]), scale));
}

/** As u8 and its zero point: ONNX Runtime has no kernel for every pair of dtypes, and its i8 weights saturate on some processors. */
function unsigned(op: OpCall, index: number, zero: number): readonly [value: string, zero: string] {
  if (op.type(index).dtype === "u8") return [op.input(index), op.scalar(zero, "u8")];
  const lifted = op.node("Add", [op.cast(op.input(index), "i32"), op.scalar(128, "i32")]);
  return [op.cast(lifted, "u8"), op.scalar(zero + 128, "u8")];
}

function withBias(op: OpCall, sums: string, behind: number): string {
  if (!op.has(2)) return sums;
  const bias = behind === 0 ? op.input(2) : op.node("Reshape", [op.input(2), op.list([-1, ...new Array<number>(behind).fill(1)])]);
  return op.node("Add", [sums, bias]);
}

function conv(op: OpCall): ResultNode {
  const kernel = op.staticShape(1).slice(2);
  const [[x, xZero], [weight, weightZero]] = [unsigned(op, 0, op.int("x_zero")), unsigned(op, 1, 0)];
  const sums = op.node("ConvInteger", [x, weight, xZero, weightZero], convAttrs(op, kernel.length, kernel));
  return requantized(op, withBias(op, sums, kernel.length), channelScale(op, kernel.length));
}

function linear(op: OpCall): ResultNode {
  const [[x, xZero], [weight, weightZero]] = [unsigned(op, 0, op.int("x_zero")), unsigned(op, 1, 0)];
  const turned = op.node("Transpose", [weight], { perm: attribute.ints([1, 0]) });
  return requantized(op, withBias(op, op.node("MatMulInteger", [x, turned, xZero, weightZero]), 0), channelScale(op, 0));
}

const centred = (op: OpCall, index: number, zero: string): string =>
  op.node("Sub", [op.cast(op.input(index), "i64"), op.scalar(op.int(zero), "i64")]);

function add(op: OpCall): ResultNode {
  const term = (index: number, name: string) =>
    op.node("Mul", [centred(op, index, `${name}_zero`), op.scalar(op.int(`${name}_multiplier`), "i64")]);
  const scale = wholeShift(op);
  return stored(op, shifted(op, op.node("Add", [term(0, "a"), term(1, "b")]), scale));
}

function wholeShift(op: OpCall): Scale {
  const shift = op.int("shift");
  return { multiplier: "", half: op.scalar(Number(half(shift)), "i64"), unit: op.scalar(Number(unit(shift)), "i64") };
}

const requantize: ExportRow = (op) => {
  const product = op.node("Mul", [centred(op, 0, "x_zero"), op.scalar(op.int("multiplier"), "i64")]);
  return stored(op, shifted(op, product, wholeShift(op)));
};

/** Sums of windows are a convolution with ones, plane by plane. */
function averagePool(op: OpCall): ResultNode {
  const { shape } = op.type(0);
  const [kernel, [n, c, ...input]] = [op.ints("kernel"), shape as readonly [Dim, Dim, ...Dim[]]];
  const { stride, pad } = stepsOf(op, kernel.length);
  const output = op.output.shape.slice(2);
  // A last, partial window reads zeros behind the padding.
  const ends = kernel.map((size, i) => {
    const [from, to] = [staticShape(input.slice(i, i + 1))?.[0], staticShape(output.slice(i, i + 1))?.[0]];
    const end = pad[i + kernel.length] as number;
    if (!op.flag("ceil")) return end;
    if (from === undefined || to === undefined) op.fail("E1005", "with `ceil` the spatial sizes must be known at export");
    return Math.max(end, (to - 1) * (stride[i] as number) + size - from - (pad[i] as number));
  });
  const [x, zero] = unsigned(op, 0, op.int("x_zero"));
  const planes = op.node("Reshape", [x, op.sizes([dimMul(n, c), 1, ...input])]);
  const attrs = {
    kernel_shape: attribute.ints(kernel),
    strides: attribute.ints(stride),
    pads: attribute.ints([...pad.slice(0, kernel.length), ...ends]),
  };
  const sums = op.node("ConvInteger", [planes, op.filled(1, "u8", [1, 1, ...kernel]), zero], attrs);
  return requantized(op, op.node("Reshape", [sums, op.sizes([n, c, ...output])]), wholeScale(op));
}

function mean(op: OpCall): ResultNode {
  const axes = op.ints("axes");
  const values = centred(op, 0, "x_zero");
  const late = op.opset >= 13;
  const attrs = { keepdims: attribute.flag(op.flag("keepdims")), ...(late ? {} : { axes: attribute.ints(axes) }) };
  const sums = axes.length === 0 ? values : op.node("ReduceSum", [values, ...(late ? [op.list(axes)] : [])], attrs);
  return requantized(op, sums, wholeScale(op));
}

/** The table from the dtype's least value on. */
function lookup(op: OpCall): ResultNode {
  const least = op.type(0).dtype === "i8" ? -128 : 0;
  return op.result("Gather", [op.input(1), op.node("Sub", [op.cast(op.input(0), "i32"), op.scalar(least, "i32")])]);
}

export const integerLayerRows: ExportTable = {
  "int.conv": conv,
  "int.linear": linear,
  "int.add": add,
  "int.requantize": requantize,
  "int.avg_pool": averagePool,
  "int.mean": mean,
  "int.lookup": lookup,
};
