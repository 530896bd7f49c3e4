/** @file Sum over axes. */
import { defineOp } from "../define.ts";
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
  reduceWork,
  withReducedAxes,
} from "./reduction.ts";

const adding: Reducer = { start: 0, f: (sum, x) => sum + x, wide: { start: () => 0n, f: (sum, x) => sum + x } };

export const sum = defineOp({
  name: "reduce.sum",
  since: 1,
  doc: "`y = sum of x` over `axes`, 0 over no elements; integers wrap. ONNX `ReduceSum`.",
  operands: [elementOperand("x", numericTypes)],
  results: reduceResults,
  attrs: reduceAttrs,
  infer: inferReduce,
  reference({ input, attrs, outputs }) {
    const x = input(0);
    return [reducedTensor(x, outputs[0]?.shape ?? [], accumulate(x, reducedAxes(attrs.axes, x.shape.length), adding))];
  },
  work: reduceWork,
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [x = null, dy = null] = [operands[0], grads[0]];
    if (!wanted[0]) return [null];
    const type = builder.typeOf(x);
    return [builder.one("shape.broadcast", [withReducedAxes(builder, dy, type, attrs)], { shape: type.shape })];
  },
  maps: reduceMaps,
  // A sum without some of its terms is right when what is cut was zero, which is for the pass that cuts to know.
  select: ({ attrs }) => ({ attrs: { axes: attrs.axes, keepdims: attrs.keepdims } }),
});
