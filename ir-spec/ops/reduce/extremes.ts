/** @file Maximum and minimum over axes: one is the other with the order reversed. */
import { type DType, integerRange, isFloat } from "../../core/dtype.ts";
import { defineOp, type OpDef } from "../define.ts";
import { numericTypes } from "../dtype-sets.ts";
import { elementOperand } from "../math/elementwise.ts";
import {
  accumulate,
  inferReduce,
  type Reducer,
  reduceAttrs,
  reducedAxes,
  reducedTensor,
  reduceMaps,
  reduceResults,
  reduceSelect,
  reduceWork,
  withReducedAxes,
} from "./reduction.ts";

/** `sign` 1: the largest, from the smallest value on; -1: the smallest, from the largest on. */
function reducer(dtype: DType, sign: 1 | -1): Reducer {
  if (isFloat(dtype)) return { start: -sign * Number.POSITIVE_INFINITY, f: sign > 0 ? (a, b) => Math.max(a, b) : (a, b) => Math.min(a, b) };
  const { min, max } = integerRange(dtype);
  const start = sign > 0 ? min : max;
  return {
    start: Number(start),
    f: sign > 0 ? (a, b) => Math.max(a, b) : (a, b) => Math.min(a, b),
    wide: { start: () => start, f: sign > 0 ? (a, b) => (b > a ? b : a) : (a, b) => (b < a ? b : a) },
  };
}

function defineExtreme(name: string, doc: string, sign: 1 | -1, lost: string): OpDef<typeof reduceAttrs> {
  return defineOp({
    name,
    since: 1,
    doc,
    operands: [elementOperand("x", [...numericTypes, "bool"])],
    results: reduceResults,
    attrs: reduceAttrs,
    infer: inferReduce,
    reference({ input, attrs, outputs }) {
      const x = input(0);
      return [reducedTensor(x, outputs[0]?.shape ?? [], accumulate(x, reducedAxes(attrs.axes, x.shape.length), reducer(x.dtype, sign)))];
    },
    work: reduceWork,
    gradient({ builder, operands, results, grads, attrs, wanted }) {
      const [x = null, y = null, dy = null] = [operands[0], results[0], grads[0]];
      if (!wanted[0]) return [null];
      const type = builder.typeOf(x);
      const isExtreme = builder.one("math.equal", [x, withReducedAxes(builder, y, type, attrs)]);
      const mask = builder.one("type.cast", [isExtreme], { to: type.dtype });
      const ties = builder.one("reduce.sum", [mask], { axes: attrs.axes, keepdims: true });
      return [builder.one("math.mul", [mask, builder.one("math.div", [withReducedAxes(builder, dy, type, attrs), ties])])];
    },
    maps: reduceMaps,
    select: (ctx) => reduceSelect(ctx, lost),
  });
}

export const max = defineExtreme(
  "reduce.max",
  "`y = max of x` over `axes`; NaN wins; over no elements the smallest value of the dtype (-inf). Several equal maxima share the gradient evenly. ONNX `ReduceMax`, and `GlobalMaxPool` over the spatial axes.",
  1,
  "a maximum may be lost",
);

export const min = defineExtreme(
  "reduce.min",
  "`y = min of x` over `axes`; NaN wins; over no elements the largest value of the dtype (inf). Several equal minima share the gradient evenly. ONNX `ReduceMin`.",
  -1,
  "a minimum may be lost",
);
