/** @file Running sums and products along one axis. */
import { dimProduct } from "../../core/dim.ts";
import { isFloat } from "../../core/dtype.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor, type TensorData } from "../../core/tensor.ts";
import { a } from "../attr-spec.ts";
import { defineOp, type GradientContext, type OpDef } from "../define.ts";
import { numericTypes } from "../dtype-sets.ts";
import { elementOperand, isWide } from "../math/elementwise.ts";
import { axisSplit } from "../math/softmax.ts";
import { axisFrom, demandAxis } from "../shape/axes.ts";
import { sameAxes } from "../shape/axis-maps.ts";

const attrs = {
  axis: a.int("Axis along which it runs; negative counts from the last."),
  exclusive: a.bool("Leave out the element itself: the first result is that of no elements.", false),
  reverse: a.bool("From the last element to the first.", false),
} as const;

interface ScanAttrs {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

interface Scan {
  readonly start: number;
  readonly f: (total: number, x: number) => number;
  /** Integers of at most 32 bits; they wrap. */
  readonly integer: (total: number, x: number) => number;
  readonly big: (total: bigint, x: bigint) => bigint;
}

function defineScan(name: string, doc: string, scan: Scan, gradient: NonNullable<OpDef<typeof attrs>["gradient"]>): OpDef<typeof attrs> {
  return defineOp({
    name,
    since: 1,
    doc,
    operands: [elementOperand("x", numericTypes)],
    results: [{ name: "y", axes: ["..."] }],
    attrs,
    infer(ctx) {
      demandAxis(ctx, ctx.attrs.axis, ctx.type(0).shape.length);
      return [ctx.type(0)];
    },
    reference: ({ input, attrs }) => [scanned(input(0), attrs, scan)],
    work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
    gradient,
    maps: ({ types }) => sameAxes(0, types[0]?.shape.length ?? 0),
    select({ axis, attrs, types }) {
      const along = axisFrom(attrs.axis, types[0]?.shape.length ?? 0) === axis;
      return along ? { refuse: `axis ${axis} is summed up: results after a cut would change` } : { attrs: { ...attrs } };
    },
  });
}

function scanned(x: HostTensor, attrs: ScanAttrs, { start, f, integer, big }: Scan): HostTensor {
  if (isWide(x.data)) {
    const y = hostTensor(x.dtype, x.shape);
    // Both sides hold BigInts: the casts name the common case.
    run(x, attrs, y.data, BigInt(start) as unknown as number, big as unknown as Scan["f"]);
    return y;
  }
  if (!isFloat(x.dtype)) {
    const y = hostTensor(x.dtype, x.shape);
    run(x, attrs, y.data, start, integer);
    return y;
  }
  const sums = new Float64Array(x.data.length);
  run(x, attrs, sums, start, f);
  return roundedTensor(x.dtype, x.shape, sums);
}

function run(x: HostTensor, { axis, exclusive, reverse }: ScanAttrs, into: TensorData, start: number, f: Scan["f"]): void {
  const { outer, size, inner } = axisSplit(x.shape, axis);
  const [from, to] = [x.data as Float64Array, into as Float64Array];
  const step = reverse ? -inner : inner;
  for (let row = 0; row < outer * inner; row++) {
    let at = Math.floor(row / inner) * size * inner + (row % inner) + (reverse ? (size - 1) * inner : 0);
    let total = start;
    for (let k = 0; k < size; k++, at += step) {
      const next = f(total, from[at] as number);
      to[at] = exclusive ? total : next;
      total = next;
    }
  }
}

type Gradient = GradientContext<ScanAttrs>;

/** The sum over every result that an element went into. */
function spread({ builder, attrs: { axis, exclusive, reverse } }: Gradient, dy: Gradient["grads"][number]): NonNullable<typeof dy> {
  return builder.one("reduce.cumsum", [dy ?? null], { axis, exclusive, reverse: !reverse });
}

export const cumsum = defineScan(
  "reduce.cumsum",
  "`y[k] = x[0] + ... + x[k]` along `axis`; integers wrap. ONNX `CumSum`.",
  { start: 0, f: (total, x) => total + x, integer: (total, x) => (total + x) | 0, big: (total, x) => total + x },
  (ctx) => [ctx.wanted[0] ? spread(ctx, ctx.grads[0] ?? null) : null],
);

export const cumprod = defineScan(
  "reduce.cumprod",
  "`y[k] = x[0] * ... * x[k]` along `axis`; integers wrap. The gradient divides by x: it is NaN where x is 0. ONNX `CumProd`.",
  { start: 1, f: (total, x) => total * x, integer: Math.imul, big: (total, x) => BigInt.asIntN(64, total * x) },
  (ctx) => {
    const { builder, operands, results, grads, wanted } = ctx;
    if (!wanted[0]) return [null];
    const weighted = builder.one("math.mul", [grads[0] ?? null, results[0] ?? null]);
    return [builder.one("math.div", [spread(ctx, weighted), operands[0] ?? null])];
  },
);
