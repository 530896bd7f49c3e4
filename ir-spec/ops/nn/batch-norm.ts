/** @file Batch normalization as inference runs it: with stored statistics. */
import { dimProduct } from "../../core/dim.ts";
import type { Operand } from "../../core/graph.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { demandOneDtype, demandVector, dimAt, floats } from "./checks.ts";

const parameters = ["scale", "bias", "mean", "variance"] as const;

export const batchNorm = defineOp({
  name: "nn.batch_norm",
  since: 1,
  doc: "`y[n, c, ...] = (x[n, c, ...] - mean[c]) * scale[c] / sqrt(variance[c] + epsilon) + bias[c]`. ONNX `BatchNormalization` with `training_mode = 0`.",
  operands: [
    { name: "x", role: "data", axes: ["batch", "channels", "..."], dtypes: floats },
    { name: "scale", role: "scale", axes: ["channels"], dtypes: floats },
    { name: "bias", role: "bias", axes: ["channels"], dtypes: floats },
    { name: "mean", role: "state", axes: ["channels"], dtypes: floats },
    { name: "variance", role: "state", axes: ["channels"], dtypes: floats },
  ],
  results: [{ name: "y", axes: ["batch", "channels", "..."] }],
  attrs: { epsilon: a.float("added to the variance", 1e-5) },
  infer(ctx) {
    const x = ctx.type(0);
    demandOneDtype(ctx, ["x", ...parameters]);
    if (x.shape.length < 2) ctx.fail(`x is [batch, channels, ...], rank 2 or more; got rank ${x.shape.length}`, 0);
    parameters.forEach((name, i) => {
      demandVector(ctx, i + 1, dimAt(x, 1), name, "the channel axis of x has");
    });
    return [x];
  },
  reference(ctx) {
    const x = ctx.input(0);
    const [scale, bias, mean, variance] = parameters.map((_, i) => asFloat64(ctx.input(i + 1).data)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const [batch = 0, channels = 0, ...spatial] = x.shape;
    const plane = spatial.reduce((product, size) => product * size, 1);
    const y = new Float64Array(x.data.length);
    for (let row = 0; row < batch * channels; row++) {
      const c = row % channels;
      const factor = (scale[c] as number) / Math.sqrt((variance[c] as number) + ctx.attrs.epsilon);
      for (let i = row * plane; i < (row + 1) * plane; i++)
        y[i] = ((x.data[i] as number) - (mean[c] as number)) * factor + (bias[c] as number);
    }
    return [roundedTensor(x.dtype, x.shape, y)];
  },
  work: ({ outputs }) => ({ macs: dimProduct(outputs[0]?.shape ?? []) }),
  decompose({ builder, operands, attrs }) {
    const [x = null, ...vectors] = operands;
    const type = builder.typeOf(x);
    const shape = [-1, ...type.shape.slice(2).map(() => 1)];
    const [scale, bias, mean, variance] = vectors.map((v) => builder.one("shape.reshape", [v], { shape })) as [
      Operand,
      Operand,
      Operand,
      Operand,
    ];
    const deviation = builder.one("math.sqrt", [builder.one("math.add", [variance, builder.scalar(attrs.epsilon, type.dtype)])]);
    const factor = builder.one("math.div", [scale, deviation]);
    const scaled = builder.one("math.mul", [builder.one("math.sub", [x, mean]), factor]);
    return [builder.one("math.add", [scaled, bias])];
  },
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [x = null, scale = null, , mean = null, variance = null] = operands;
    const dy = grads[0] ?? null;
    const type = builder.typeOf(x);
    const make = (op: string, ...of: readonly Operand[]) => builder.one(op, of);
    const column = (v: Operand) => builder.one("shape.reshape", [v], { shape: [-1, ...type.shape.slice(2).map(() => 1)] });
    const overChannels = (v: Operand) => builder.one("reduce.sum", [v], { axes: type.shape.flatMap((_, i) => (i === 1 ? [] : [i])) });
    const inverse = make("math.reciprocal", make("math.sqrt", make("math.add", variance, builder.scalar(attrs.epsilon, type.dtype))));
    const factor = make("math.mul", scale, inverse);
    const sum = overChannels(dy);
    const centred = () => overChannels(make("math.mul", dy, make("math.sub", x, column(mean))));
    const half = (v: Operand) => make("math.mul", v, builder.scalar(-0.5, type.dtype));
    return [
      wanted[0] ? make("math.mul", dy, column(factor)) : null,
      wanted[1] ? make("math.mul", centred(), inverse) : null,
      wanted[2] ? sum : null,
      wanted[3] ? make("math.neg", make("math.mul", sum, factor)) : null,
      wanted[4] ? half(make("math.mul", make("math.mul", centred(), factor), make("math.mul", inverse, inverse))) : null,
    ];
  },
  maps({ types }) {
    const axes = (types[0]?.shape ?? []).map((_, axis) => ({ operand: 0, operandAxes: [axis], result: 0, resultAxes: [axis] }));
    return [...axes, ...[1, 2, 3, 4].map((operand) => ({ operand, operandAxes: [0], result: 0, resultAxes: [1] }))];
  },
  select: ({ attrs }) => ({ attrs }),
});
