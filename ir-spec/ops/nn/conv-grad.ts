/** @file The two gradients of a convolution. `conv_input_grad` is also the transposed convolution (ONNX `ConvTranspose`). */
import { type Dim, dimDiv, dimMul } from "../../core/dim.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { demandDim, demandOneDtype, dimAt, floats } from "./checks.ts";
import { convolveInputGradient, convolveWeightGradient } from "./conv-loops.ts";
import { transposedAsConv } from "./conv-transpose.ts";
import {
  axisMap,
  checkConvAttrs,
  checkGroups,
  convAttrs,
  convMacs,
  convWindows,
  demandSpatial,
  geometryOf,
  inferConv,
  isDepthwise,
  kernelOf,
  selectChannels,
} from "./conv-types.ts";

export const convInputGrad = defineOp({
  name: "nn.conv_input_grad",
  since: 1,
  doc: [
    "Adjoint of `nn.conv` in x: `dx[n, c, i] = sum_{o, p, k: i = p * stride - begin + k * dilation} dy[n, o, p] * weight[o, c, k]`.",
    "`spatial` gives the sizes of x. ONNX `ConvTranspose` with `output_shape = spatial`.",
  ].join("\n"),
  operands: [
    { name: "dy", role: "data", axes: ["batch", "out", "..."], dtypes: floats },
    { name: "weight", role: "weight", axes: ["out", "in", "..."], dtypes: floats },
  ],
  results: [{ name: "dx", axes: ["batch", "in", "..."] }],
  attrs: { spatial: a.dims("spatial sizes of x"), ...convAttrs },
  infer(ctx) {
    const [dy, weight] = [ctx.type(0), ctx.type(1)];
    demandOneDtype(ctx, ["dy", "weight"]);
    const { spatial, groups } = ctx.attrs;
    if (spatial.length !== dy.shape.length - 2)
      ctx.fail(`spatial has ${spatial.length} sizes, dy has ${dy.shape.length - 2} spatial axes`, 0);
    if (weight.shape.length < 2) ctx.fail(`weight is [out, in/groups, kernel...], got rank ${weight.shape.length}`, 1);
    const x = [dimAt(dy, 0), dimMul(dimAt(weight, 1), groups), ...spatial];
    const made = inferConv(ctx, { x, weight: weight.shape }, 1);
    demandDim(ctx, dimAt(dy, 1), dimAt(weight, 0), (has, wants) => `dy has ${has} channels, weight makes ${wants}`, 1);
    demandSpatial(ctx, dy.shape, made.slice(2), 0);
    return [tensorType(dy.dtype, x)];
  },
  reference(ctx) {
    const [dy, weight] = [ctx.input(0), ctx.input(1)];
    const shape = ctx.outputs[0]?.shape ?? [];
    const geometry = geometryOf(shape, weight.shape, dy.shape, ctx.attrs);
    return [roundedTensor(dy.dtype, shape, convolveInputGradient(geometry, asFloat64(dy.data), asFloat64(weight.data)))];
  },
  work: ({ types }) => ({ macs: convMacs(types[0]?.shape ?? [], types[1]?.shape ?? []) }),
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [dy = null, weight = null] = operands;
    const { spatial: _, ...geometry } = attrs;
    const upstream = grads[0] ?? null;
    return [
      wanted[0] ? builder.one("nn.conv", [upstream, weight, null], geometry) : null,
      wanted[1] ? builder.one("nn.conv_weight_grad", [upstream, dy], { kernel: kernelOf(builder.typeOf(weight)), ...geometry }) : null,
    ];
  },
  decompose: ({ builder, operands: [dy = null, weight = null], attrs }) => [transposedAsConv(builder, dy, weight, attrs)],
  maps({ types, outputs, attrs }) {
    if (attrs.groups === 1) return [axisMap(0, 0, 0), axisMap(1, 1, 1)];
    const depthwise = isDepthwise(outputs[0]?.shape ?? [], types[1]?.shape ?? [], attrs.groups);
    return [axisMap(0, 0, 0), ...(depthwise ? [axisMap(0, 1, 1), axisMap(1, 0, 1)] : [])];
  },
  select(ctx) {
    const [dy, weight] = [ctx.types[0], ctx.types[1]];
    if (!dy || !weight) return { refuse: "dy or weight is absent" };
    const x = tensorType(dy.dtype, [dimAt(dy, 0), dimMul(dimAt(weight, 1), ctx.attrs.groups), ...ctx.attrs.spatial]);
    const inSide = ctx.side === "result" || (ctx.index === 1 && ctx.axis === 1);
    if (ctx.axis > 1) return selectChannels(ctx, "spatial", x, weight);
    const batch = ctx.axis === 0 && (ctx.side === "result" || ctx.index === 0);
    return selectChannels(ctx, batch ? "batch" : inSide && ctx.axis === 1 ? "in" : "out", x, weight);
  },
});

export const convWeightGrad = defineOp({
  name: "nn.conv_weight_grad",
  since: 1,
  doc: [
    "Adjoint of `nn.conv` in weight: `dw[o, c, k] = sum_{n, p} dy[n, o, p] * x[n, group(o) * in/groups + c, p * stride - begin + k * dilation]`.",
    "`kernel` gives the spatial sizes of the weight. No ONNX equivalent.",
  ].join("\n"),
  operands: [
    { name: "x", role: "data", axes: ["batch", "in", "..."], dtypes: floats },
    { name: "dy", role: "data", axes: ["batch", "out", "..."], dtypes: floats },
  ],
  results: [{ name: "dweight", axes: ["out", "in", "..."] }],
  attrs: { kernel: a.ints("spatial sizes of the weight"), ...convAttrs },
  infer(ctx) {
    const [x, dy] = [ctx.type(0), ctx.type(1)];
    const { kernel, groups } = ctx.attrs;
    demandOneDtype(ctx, ["x", "dy"]);
    if (dy.shape.length !== x.shape.length) ctx.fail(`x has rank ${x.shape.length}, dy has rank ${dy.shape.length}`, 1);
    checkConvAttrs(ctx, x.shape.length, kernel.length + 2, 0);
    checkGroups(ctx, dimAt(dy, 1), 1);
    const ins = dimAt(x, 1);
    if (typeof ins === "number" && ins % groups !== 0) ctx.fail(`${ins} input channels do not divide into ${groups} groups`, 0);
    demandDim(ctx, dimAt(dy, 0), dimAt(x, 0), (has, wants) => `dy has a batch of ${has}, x has ${wants}`, 1);
    demandSpatial(ctx, dy.shape, convWindows(ctx, x.shape.slice(2), kernel), 1);
    return [tensorType(x.dtype, [dimAt(dy, 1), dimDiv(ins, groups), ...kernel])];
  },
  reference(ctx) {
    const [x, dy] = [ctx.input(0), ctx.input(1)];
    const shape = ctx.outputs[0]?.shape ?? [];
    const geometry = geometryOf(x.shape, shape, dy.shape, ctx.attrs);
    return [roundedTensor(x.dtype, shape, convolveWeightGradient(geometry, asFloat64(x.data), asFloat64(dy.data)))];
  },
  work: ({ types, outputs }) => ({ macs: convMacs(types[1]?.shape ?? [], outputs[0]?.shape ?? []) }),
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [x = null, dy = null] = operands;
    const { kernel: _, ...geometry } = attrs;
    const upstream = grads[0] ?? null;
    const spatial: readonly Dim[] = builder.typeOf(x).shape.slice(2);
    return [
      wanted[0] ? builder.one("nn.conv_input_grad", [dy, upstream], { spatial, ...geometry }) : null,
      wanted[1] ? builder.one("nn.conv", [x, upstream, null], geometry) : null,
    ];
  },
  maps({ types, outputs, attrs }) {
    if (attrs.groups === 1) return [axisMap(1, 1, 0), axisMap(0, 1, 1)];
    const depthwise = isDepthwise(types[0]?.shape ?? [], outputs[0]?.shape ?? [], attrs.groups);
    return [axisMap(1, 1, 0), ...(depthwise ? [axisMap(0, 1, 0)] : [])];
  },
  select(ctx) {
    const [x, dy] = [ctx.types[0], ctx.types[1]];
    if (!x || !dy) return { refuse: "x or dy is absent" };
    const weight = tensorType(x.dtype, [dimAt(dy, 1), dimDiv(dimAt(x, 1), ctx.attrs.groups), ...ctx.attrs.kernel]);
    if (ctx.axis > 1) return selectChannels(ctx, "spatial", x, weight);
    if (ctx.side === "result") return selectChannels(ctx, ctx.axis === 0 ? "out" : "in", x, weight);
    return selectChannels(ctx, ctx.axis === 0 ? "batch" : ctx.index === 0 ? "in" : "out", x, weight);
  },
});
