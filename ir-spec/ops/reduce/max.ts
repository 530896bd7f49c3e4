/** @file Maximum over axes. */
import { defineOp } from "../define.ts";
import { numericTypes } from "../dtype-sets.ts";
import { elementOperand, type Wide } from "../math/elementwise.ts";
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

const highest: Reducer = {
  start: Number.NEGATIVE_INFINITY,
  f: (best, x) => Math.max(best, x),
  wide: { start: (data: Wide) => (data instanceof BigInt64Array ? -(2n ** 63n) : 0n), f: (best, x) => (x > best ? x : best) },
};

export const max = defineOp({
  name: "reduce.max",
  since: 1,
  doc: "`y = max of x` over `axes`, which must hold an element; NaN wins. Several equal maxima share the gradient evenly. ONNX `ReduceMax`, and `GlobalMaxPool` over the spatial axes.",
  operands: [elementOperand("x", numericTypes)],
  results: reduceResults,
  attrs: reduceAttrs,
  infer(ctx) {
    const types = inferReduce(ctx);
    const { shape } = ctx.type(0);
    for (const axis of reducedAxes(ctx.attrs.axes, shape.length))
      if (shape[axis] === 0) ctx.fail(`axis ${axis} is empty: there is no maximum`, 0);
    return types;
  },
  reference({ input, attrs, outputs }) {
    const x = input(0);
    return [reducedTensor(x, outputs[0]?.shape ?? [], accumulate(x, reducedAxes(attrs.axes, x.shape.length), highest))];
  },
  work: reduceWork,
  gradient({ builder, operands, results, grads, attrs, wanted }) {
    const [x = null, y = null, dy = null] = [operands[0], results[0], grads[0]];
    if (!wanted[0]) return [null];
    const type = builder.typeOf(x);
    const isHighest = builder.one("math.equal", [x, withReducedAxes(builder, y, type, attrs)]);
    const mask = builder.one("type.cast", [isHighest], { to: type.dtype });
    const ties = builder.one("reduce.sum", [mask], { axes: attrs.axes, keepdims: true });
    return [builder.one("math.mul", [mask, builder.one("math.div", [withReducedAxes(builder, dy, type, attrs), ties])])];
  },
  maps: reduceMaps,
  select: (ctx) => reduceSelect(ctx, "a maximum may be lost"),
});
