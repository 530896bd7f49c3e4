/** @file Adjoints of layers, which ONNX has no operators for: a gradient in a weight is a convolution with batch and channels swapped, those of pools add to where the pool has read. */
import { type Dim, dimAdd, dimMul, dimProduct, dimSub } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { maxPoolAttrs } from "./pool.ts";
import { stepsOf } from "./window.ts";

/** `[N, G * C, ...]` as `[C, G * N, ...]`, or as `[G * C, N, ...]` where groups stay in front. */
function channelsFirst(op: OpCall, index: number, groups: number, groupsInFront: boolean): string {
  const [n, channels, ...spatial] = op.type(index).shape as readonly [Dim, Dim, ...Dim[]];
  const each = op.node("Reshape", [op.input(index), op.sizes([n, groups, -1 as Dim, ...spatial])]);
  const rest = spatial.map((_, i) => i + 3);
  const turned = op.node("Transpose", [each], { perm: attribute.ints(groupsInFront ? [1, 2, 0, ...rest] : [2, 1, 0, ...rest]) });
  const sizes: readonly Dim[] = groupsInFront ? [channels, n] : [-1 as Dim, dimMul(n, groups)];
  return op.node("Reshape", [turned, op.sizes([...sizes, ...spatial])]);
}

/** x and dy change places with channels: the convolution of `[C, G * N, in]` with `[O, N, out]`, its stride where the dilation was and the other way round. */
function convWeight(op: OpCall): ResultNode {
  const [kernel, groups] = [op.ints("kernel"), op.int("groups")];
  const { stride, pad, dilation } = stepsOf(op, kernel.length);
  const attrs = {
    strides: attribute.ints(dilation),
    dilations: attribute.ints(stride),
    pads: attribute.ints(pad),
    group: attribute.int(groups),
  };
  const made = op.node("Conv", [channelsFirst(op, 0, groups, false), channelsFirst(op, 1, groups, true)], attrs);
  const turned = op.node("Transpose", [made], { perm: attribute.ints([1, 0, ...kernel.map((_, i) => i + 2)]) });
  // Inputs that no window reached make further taps.
  const zeros = op.list(kernel.map(() => 0));
  return op.result("Slice", [turned, zeros, op.list(kernel), op.list(kernel.map((_, i) => i + 2))]);
}

/** The pool says where its maxima are; opset 16 brought scattered sums. */
function maxPool(op: OpCall): ResultNode {
  if (op.opset < 16) op.fail("E1002", "ONNX adds up scattered elements since opset 16", "export with a newer opset");
  const { dtype, shape } = op.type(0);
  const [, places = ""] = op.nodes("MaxPool", [op.input(0)], maxPoolAttrs(op), 2);
  const flat = (value: string) => op.node("Reshape", [value, op.list([-1])]);
  const zeros = op.node("Expand", [op.scalar(0, dtype), op.sizes([dimProduct(shape)])]);
  const sums = op.node("ScatterElements", [zeros, flat(places), flat(op.input(1))], {
    axis: attribute.int(0),
    reduction: attribute.string("add"),
  });
  return op.result("Reshape", [sums, op.sizes(shape)]);
}

/** Each dy over its window's count, spread by a transposed convolution with ones, plane by plane. */
function averagePool(op: OpCall): ResultNode {
  const { dtype, shape } = op.type(0);
  const [n, c, ...windows] = shape as readonly [Dim, Dim, ...Dim[]];
  const [kernel, spatial] = [op.ints("kernel"), op.dims("spatial")];
  const { stride, pad } = stepsOf(op, kernel.length);
  const [begins, ends] = [pad.slice(0, kernel.length), pad.slice(kernel.length)];
  const rests = spatial.map((size, i) => {
    const read = dimAdd(dimMul(dimSub(windows[i] as Dim, 1), stride[i] as number), kernel[i] as number);
    const rest = dimSub(dimAdd(size, (begins[i] as number) + (ends[i] as number)), read);
    return typeof rest === "number" ? rest : op.fail("E1005", `what windows leave of spatial axis ${i} is not known at export`);
  });
  // A last, partial window reads further than the padding.
  const further = rests.map((rest) => Math.max(0, -rest));
  const ones = op.filled(1, dtype, [1, 1, ...kernel]);
  const steps = { kernel_shape: attribute.ints(kernel), strides: attribute.ints(stride) };
  const inside = op.flag("count_pad") ? spatial.map((size, i) => dimAdd(size, (begins[i] as number) + (ends[i] as number))) : spatial;
  const [from, to] = op.flag("count_pad") ? [begins.map(() => 0), further] : [begins, ends.map((end, i) => end + (further[i] as number))];
  const counted = op.node("Expand", [op.scalar(1, dtype), op.sizes([1, 1, ...inside])]);
  const counts = op.node("Conv", [counted, ones], { ...steps, pads: attribute.ints([...from, ...to]) });
  const planes = op.node("Reshape", [op.input(0), op.sizes([dimMul(n, c), 1, ...windows])]);
  const spread = op.node("ConvTranspose", [op.node("Div", [planes, counts]), ones], {
    ...steps,
    pads: attribute.ints([...begins, ...ends.map((end, i) => end + (further[i] as number))]),
    output_padding: attribute.ints(rests.map((rest) => Math.max(0, rest))),
  });
  return op.result("Reshape", [spread, op.sizes([n, c, ...spatial])]);
}

export const gradientRows: ExportTable = {
  "nn.conv_weight_grad": convWeight,
  "nn.max_pool_grad": maxPool,
  "nn.avg_pool_grad": averagePool,
};
