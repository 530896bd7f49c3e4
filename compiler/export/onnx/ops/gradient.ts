/**
 * @file Adjoints of layers, which training graphs have. ONNX has no operators for them: a convolution of transposed tensors, and scattering or spreading of what windows give back.
 */
import { dimAdd, dimDiv, dimMul, dimProduct, encodeTensor, hostTensor, staticShape } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { maxPoolAttrs } from "./pool.ts";
import { insideOf, stepsOf } from "./window.ts";

const swapped = (rank: number) => ({ perm: attribute.ints([1, 0, ...Array.from({ length: rank }, (_, i) => i + 2)]) });

/**
 * x [batch, in, *spatial] and dy [batch, out, *positions]: a convolution in which the batch is the channels, dy the weight, and stride and dilation change places. Positions that no
 * window reached make it longer than the kernel.
 */
function convWeightGrad(op: OpCall): ResultNode {
  const kernel = op.ints("kernel");
  const rank = kernel.length;
  const { stride, pad, dilation } = stepsOf(op, rank);
  const weight = op.node("Transpose", [op.input(1)], swapped(rank));
  const attrs = {
    strides: attribute.ints(dilation),
    dilations: attribute.ints(stride),
    pads: attribute.ints(pad),
    group: attribute.int(op.int("groups")),
  };
  const sums = op.node("Transpose", [op.node("Conv", [batchAsChannels(op, rank), weight], attrs)], swapped(rank));
  const axes = kernel.map((_, i) => i + 2);
  return op.result("Slice", [sums, op.list(kernel.map(() => 0)), op.list(kernel), op.list(axes)]);
}

/** [in / groups, groups * batch, *spatial] */
function batchAsChannels(op: OpCall, rank: number): string {
  const groups = op.int("groups");
  if (groups === 1) return op.node("Transpose", [op.input(0)], swapped(rank));
  const [batch = 0, ins = 0, ...spatial] = op.type(0).shape;
  const each = dimDiv(ins, groups);
  const apart = op.node("Reshape", [op.input(0), op.sizes([batch, groups, each, ...spatial])]);
  const perm = attribute.ints([2, 1, 0, ...spatial.map((_, i) => i + 3)]);
  return op.node("Reshape", [op.node("Transpose", [apart], { perm }), op.sizes([each, dimMul(batch, groups), ...spatial])]);
}

/** Each dy is added where `MaxPool` says its maximum was, in a flat tensor of zeros. */
function maxPoolGrad(op: OpCall): ResultNode {
  if (op.opset < 16) op.fail("E1002", "ONNX adds up scattered values since opset 16", "export with a newer opset");
  const { dtype, shape } = op.output;
  const [, indices = ""] = op.nodes("MaxPool", [op.input(0)], maxPoolAttrs(op), 2);
  const flat = (value: string) => op.node("Reshape", [value, op.list([-1])]);
  const zeros = op.node("Expand", [op.scalar(0, dtype), op.sizes([dimProduct(shape)])]);
  const sums = op.node("ScatterElements", [zeros, flat(indices), flat(op.input(1))], { reduction: attribute.string("add") });
  return op.result("Reshape", [sums, op.sizes(shape)]);
}

/** Each dy, divided by its window's count, is spread over its window by a `ConvTranspose` of ones, plane by plane; padding is cut off. */
function avgPoolGrad(op: OpCall): ResultNode {
  const { dtype, shape } = op.output;
  const kernel = op.ints("kernel");
  const { stride, pad } = stepsOf(op, kernel.length);
  const positions = op.type(0).shape.slice(2);
  const shares = op.node("Div", [op.input(0), counts(op)]);
  const planes = op.node("Reshape", [shares, op.sizes([-1, 1, ...positions])]);
  const ones = op.filled(1, dtype, [1, 1, ...kernel]);
  const spread = op.node("ConvTranspose", [planes, ones], { kernel_shape: attribute.ints(kernel), strides: attribute.ints(stride) });
  const reached = positions.map((count, i) => dimAdd(dimMul(dimAdd(count, -1), stride[i] ?? 1), kernel[i] ?? 1));
  const { opType, inputs, attrs } = insideOf(op, spread, reached, pad.slice(0, kernel.length), op.dims("spatial"));
  return op.result("Reshape", [op.node(opType, inputs, attrs), op.sizes(shape)]);
}

/** How many elements the mean of each window was over, [1, 1, *positions]. */
function counts(op: OpCall): string {
  const kernel = op.ints("kernel");
  const { stride, pad } = stepsOf(op, kernel.length);
  const hint = "give the model static sizes there";
  const sizes = staticShape(op.dims("spatial")) ?? op.fail("E1005", "the sizes of x are not known at export", hint);
  const positions = staticShape(op.type(0).shape.slice(2)) ?? op.fail("E1005", "the sizes of dy are not known at export", hint);
  const perAxis = positions.map((count, axis) => {
    const [begin, end, size] = [pad[axis] ?? 0, pad[axis + kernel.length] ?? 0, sizes[axis] ?? 0];
    const [low, high] = op.flag("count_pad") ? [0, begin + size + end] : [begin, begin + size];
    const start = (p: number) => p * (stride[axis] ?? 1);
    return Array.from({ length: count }, (_, p) => Math.min(start(p) + (kernel[axis] ?? 1), high) - Math.max(start(p), low));
  });
  const all = perAxis.reduce<readonly number[]>(
    (products, axis) => products.flatMap((product) => axis.map((count) => product * count)),
    [1],
  );
  const tensor = hostTensor(op.output.dtype, [1, 1, ...positions]);
  for (let i = 0; i < all.length; i++) tensor.data[i] = all[i] ?? 1;
  return op.literal(tensor.dtype, tensor.shape, encodeTensor(tensor));
}

export const gradientRows: ExportTable = {
  "nn.conv_weight_grad": convWeightGrad,
  "nn.max_pool_grad": maxPoolGrad,
  "nn.avg_pool_grad": avgPoolGrad,
};
