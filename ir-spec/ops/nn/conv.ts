/** @file Convolution (cross-correlation, as all frameworks mean it) with groups, over one to three spatial axes. */
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { activate, activationAttr, activationGradient } from "./activation.ts";
import { demandOneDtype, demandVector, dimAt, floats } from "./checks.ts";
import { convolve } from "./conv-loops.ts";
import { axisMap, type ConvAxis, convAttrs, convMacs, geometryOf, inferConv, isDepthwise, kernelOf, selectChannels } from "./conv-types.ts";

export const conv = defineOp({
  name: "nn.conv",
  since: 1,
  doc: [
    "`y[n, o, p] = act(bias[o] + sum_{c, k} x[n, group(o) * in/groups + c, p * stride - begin + k * dilation] * weight[o, c, k])`,",
    "zero outside x; `group(o) = o / (out/groups)`. Result size per axis: `(size + begin + end - ((kernel - 1) * dilation + 1)) / stride + 1`.",
    "`in` of x and of weight are one axis when `groups = 1`. ONNX `Conv` with explicit pads.",
  ].join("\n"),
  operands: [
    { name: "x", role: "data", axes: ["batch", "in", "..."], dtypes: floats },
    { name: "weight", role: "weight", axes: ["out", "in", "..."], dtypes: floats, doc: "[out, in/groups, kernel per spatial axis]" },
    { name: "bias", role: "bias", axes: ["out"], optional: true, dtypes: floats },
  ],
  results: [{ name: "y", axes: ["batch", "out", "..."] }],
  attrs: { ...convAttrs, activation: activationAttr },
  infer(ctx) {
    const [x, weight] = [ctx.type(0), ctx.type(1)];
    demandOneDtype(ctx, ["x", "weight", "bias"]);
    const shape = inferConv(ctx, { x: x.shape, weight: weight.shape }, 1);
    demandVector(ctx, 2, dimAt(weight, 0), "bias", "weight makes");
    return [tensorType(x.dtype, shape)];
  },
  reference(ctx) {
    const [x, weight, bias] = [ctx.input(0), ctx.input(1), ctx.inputs[2] ?? null];
    const shape = ctx.outputs[0]?.shape ?? [];
    const geometry = geometryOf(x.shape, weight.shape, shape, ctx.attrs);
    const y = convolve(geometry, asFloat64(x.data), asFloat64(weight.data), bias ? asFloat64(bias.data) : null);
    activate(y, ctx.attrs.activation);
    return [roundedTensor(x.dtype, shape, y)];
  },
  work: ({ types, outputs }) => ({ macs: convMacs(outputs[0]?.shape ?? [], types[1]?.shape ?? []) }),
  gradient({ builder, operands, results, grads, attrs, wanted }) {
    const [x = null, weight = null, bias = null] = operands;
    const { activation, ...geometry } = attrs;
    const dy = activationGradient(builder, results[0] ?? null, grads[0] ?? null, activation);
    const spatial = builder.typeOf(x).shape.slice(2);
    const axes = [0, ...spatial.map((_, i) => i + 2)];
    return [
      wanted[0] ? builder.one("nn.conv_input_grad", [dy, weight], { spatial, ...geometry }) : null,
      wanted[1] ? builder.one("nn.conv_weight_grad", [x, dy], { kernel: kernelOf(builder.typeOf(weight)), ...geometry }) : null,
      wanted[2] && bias !== null ? builder.one("reduce.sum", [dy], { axes }) : null,
    ];
  },
  maps({ types, attrs }) {
    const bias = types[2] ? [axisMap(2, 0, 1)] : [];
    const depthwise = isDepthwise(types[0]?.shape ?? [], types[1]?.shape ?? [], attrs.groups) ? [axisMap(0, 1, 1)] : [];
    return [axisMap(0, 0, 0), axisMap(1, 0, 1), ...bias, ...depthwise];
  },
  select(ctx) {
    const [x, weight] = [ctx.types[0], ctx.types[1]];
    if (!x || !weight) return { refuse: "x or weight is absent" };
    return selectChannels(ctx, cutAxis(ctx.side, ctx.index, ctx.axis), x, weight);
  },
});

function cutAxis(side: "operand" | "result", index: number, axis: number): ConvAxis {
  if (axis > 1) return "spatial";
  if (side === "result") return axis === 0 ? "batch" : "out";
  if (index === 0) return axis === 0 ? "batch" : "in";
  return index === 1 && axis === 1 ? "in" : "out";
}
