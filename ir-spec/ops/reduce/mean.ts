/** @file Mean over axes. */
import { defineOp } from "../define.ts";
import { floatTypes } from "../dtype-sets.ts";
import { elementOperand } from "../math/elementwise.ts";
import {
  accumulate,
  inferReduce,
  reduceAttrs,
  reducedAxes,
  reducedCount,
  reducedTensor,
  reduceMaps,
  reduceResults,
  reduceSelect,
  reduceWork,
  withReducedAxes,
} from "./reduction.ts";

export const mean = defineOp({
  name: "reduce.mean",
  since: 1,
  doc: "`y = sum of x / number of elements summed` over `axes`; NaN over none. ONNX `ReduceMean`, and `GlobalAveragePool` over the spatial axes.",
  operands: [elementOperand("x", floatTypes)],
  results: reduceResults,
  attrs: reduceAttrs,
  infer: inferReduce,
  reference({ input, attrs, outputs }) {
    const x = input(0);
    const axes = reducedAxes(attrs.axes, x.shape.length);
    const count = [...axes].reduce((n, axis) => n * (x.shape[axis] as number), 1);
    const sums = accumulate(x, axes, { start: 0, f: (sum, value) => sum + value }) as Float64Array;
    return [
      reducedTensor(
        x,
        outputs[0]?.shape ?? [],
        sums.map((value) => value / count),
      ),
    ];
  },
  work: reduceWork,
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [x = null, dy = null] = [operands[0], grads[0]];
    if (!wanted[0]) return [null];
    const type = builder.typeOf(x);
    const share = builder.one("math.div", [withReducedAxes(builder, dy, type, attrs), reducedCount(builder, type, attrs)]);
    return [builder.one("shape.broadcast", [share], { shape: type.shape })];
  },
  decompose({ builder, operands: [x = null], attrs }) {
    const total = builder.one("reduce.sum", [x], { axes: attrs.axes, keepdims: attrs.keepdims });
    return [builder.one("math.div", [total, reducedCount(builder, builder.typeOf(x), attrs)])];
  },
  maps: reduceMaps,
  select: (ctx) => reduceSelect(ctx, "the mean would be over fewer elements"),
});
