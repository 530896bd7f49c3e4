/** @file Product over axes. */

import { isFloat } from "../../core/dtype.ts";
import type { Operand } from "../../core/graph.ts";
import { type Builder, defineOp } from "../define.ts";
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

const exact: Reducer = { start: 1, f: (product, x) => product * x };
/** Modulo 2^32 or 2^64: narrower integers are the low bits. */
const wrapping: Reducer = { start: 1, f: Math.imul, wide: { start: () => 1n, f: (product, x) => BigInt.asIntN(64, product * x) } };

export const prod = defineOp({
  name: "reduce.prod",
  since: 1,
  doc: "`y = product of x` over `axes`, 1 over no elements; integers wrap. ONNX `ReduceProd`.",
  operands: [elementOperand("x", numericTypes)],
  results: reduceResults,
  attrs: reduceAttrs,
  infer: inferReduce,
  reference({ input, attrs, outputs }) {
    const x = input(0);
    const reducer = isFloat(x.dtype) ? exact : wrapping;
    return [reducedTensor(x, outputs[0]?.shape ?? [], accumulate(x, reducedAxes(attrs.axes, x.shape.length), reducer))];
  },
  work: reduceWork,
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [x = null, dy = null] = [operands[0], grads[0]];
    if (!wanted[0]) return [null];
    return [alongAxes(builder, x, [...attrs.axes], withReducedAxes(builder, dy, builder.typeOf(x), attrs))];
  },
  maps: reduceMaps,
  select: (ctx) => reduceSelect(ctx, "the product would be of fewer elements"),
});

/** One axis at a time; the factor of an element is the product of those before it and those after it, so zeros need no division. */
function alongAxes(builder: Builder, x: Operand, [axis, ...rest]: readonly number[], dy: Operand): Operand {
  if (axis === undefined) return dy;
  const inner = builder.one("reduce.prod", [x], { axes: [axis], keepdims: true });
  const [before, after] = [false, true].map((reverse) => builder.one("reduce.cumprod", [x], { axis, exclusive: true, reverse }));
  const others = builder.one("math.mul", [before ?? null, after ?? null]);
  return builder.one("math.mul", [alongAxes(builder, inner, rest, dy), others]);
}
