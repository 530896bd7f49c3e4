/** @file Conversion between dtypes. */
import { type DType, dtypeInfo, integerRange, isFloat } from "../../core/dtype.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { elementWork, isWide } from "../math/elementwise.ts";
import { sameAxes } from "../shape/axis-maps.ts";

export const cast = defineOp({
  name: "type.cast",
  since: 1,
  doc: "`y = x` in the dtype `to`. To a float: rounded to nearest even. Float to integer: truncated toward zero, then saturated, below 8 bits wrapped as in ONNX's own tests; NaN gives 0. Integer to integer: wraps. To bool: `x != 0`. ONNX `Cast`, which leaves values out of range undefined.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "Any shape and dtype." }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { to: a.dtype("Dtype of the result.") },
  infer: (ctx) => [tensorType(ctx.attrs.to, ctx.type(0).shape)],
  reference: ({ input, attrs }) => [converted(input(0), attrs.to)],
  work: elementWork,
  gradient({ builder, operands: [x = null], grads: [dy = null], wanted }) {
    return [wanted[0] && dy !== null ? builder.one("type.cast", [dy], { to: builder.typeOf(x).dtype }) : null];
  },
  maps: ({ types }) => sameAxes(0, types[0]?.shape.length ?? 0),
  select: ({ attrs: { to } }) => ({ attrs: { to } }),
});

function converted(x: HostTensor, to: DType): HostTensor {
  if (x.dtype === to) return x;
  if (isFloat(to))
    return roundedTensor(
      to,
      x.shape,
      isWide(x.data) ? Float64Array.from(x.data as ArrayLike<bigint>, (v) => nearly(v, to)) : new Float64Array(x.data),
    );
  const y = hostTensor(to, x.shape);
  const f = to === "bool" ? truth : isFloat(x.dtype) && dtypeInfo(to).bits >= 8 ? saturating(to) : wrapping(to, isWide(x.data));
  const [from, into] = [x.data as Float64Array, y.data as Float64Array];
  for (let i = 0; i < from.length; i++) into[i] = f(from[i] as number) as number;
  return y;
}

/** Element in, element out; BigInts where the array on that side holds them. */
type Convert = (x: number | bigint) => number | bigint;

const truth: Convert = (x) => (x ? 1 : Number.isNaN(x) ? 1 : 0);

function saturating(to: DType): Convert {
  const { min, max } = integerRange(to);
  const wide = dtypeInfo(to).bits === 64;
  const [low, high] = [Number(min), Number(max)];
  return (x) => {
    const value = Math.trunc(x as number);
    if (Number.isNaN(value)) return wide ? 0n : 0;
    if (wide) return value >= high ? max : value <= low ? min : BigInt(value);
    return Math.min(Math.max(value, low), high);
  };
}

/** The low bits; JavaScript's shifts truncate a float and take it modulo 2^32, NaN and infinities as 0. */
function wrapping(to: DType, fromWide: boolean): Convert {
  const { kind, bits } = dtypeInfo(to);
  const wrapped = (x: bigint) => (kind === "int" ? BigInt.asIntN(bits, x) : BigInt.asUintN(bits, x));
  if (bits === 64) return (x) => wrapped(BigInt(x));
  if (fromWide) return (x) => Number(wrapped(x as bigint));
  const spare = 32 - bits;
  return kind === "int" ? (x) => ((x as number) << spare) >> spare : (x) => ((x as number) << spare) >>> spare;
}

/**
 * A 64-bit integer as a double from which rounding to a narrower float gives what rounding the integer would: bits that do not fit are gathered in
 * the lowest one ("round to odd"). To f64 itself, the nearest.
 */
function nearly(value: bigint, to: DType): number {
  const size = value < 0n ? -value : value;
  if (to === "f64" || size < 2n ** 53n) return Number(value);
  const sticky = (size & 0xfffn) === 0n ? 0n : 1n;
  const kept = Number((size >> 12n) | sticky) * 4096;
  return value < 0n ? -kept : kept;
}
