/** @file Convolutions and their paddings. */
import { type Dim, dimAdd, dimMul } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { explicitWindow, ones, type Window, window, zeros } from "./window.ts";

/** `Conv`: x [batch, in, *spatial], weight [out, in/group, *kernel], bias? [out]. */
function conv(node: NodeContext): Value {
  const [, , ...kernel] = node.type(1).shape;
  const shape = window(
    node,
    kernel.map((size) => node.staticDim(size, "the kernel's size")),
  );
  const groups = node.attributes.int("group", 1);
  const attrs = { stride: ones(shape.stride), pad: zeros(shape.pad), dilation: ones(shape.dilation), groups };
  return node.emit("nn.conv", [node.input(0), node.input(1), node.has(2) ? node.input(2) : null], attrs);
}

/** `ConvTranspose`: the gradient of a convolution with the same weight [in, out/group, *kernel], whose input it computes. */
function convTranspose(node: NodeContext): Value {
  const { attributes } = node;
  const [, outPerGroup, ...kernel] = node.type(1).shape;
  // For a transposed convolution these mean another padding, so they are not the window's.
  const automatic = attributes.choice("auto_pad", ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"], "NOTSET");
  const shape = explicitWindow(
    node,
    kernel.map((size) => node.staticDim(size, "the kernel's size")),
  );
  const rank = shape.kernel.length;
  const extra = attributes.ints("output_padding") ?? new Array<number>(rank).fill(0);
  const groups = attributes.int("group", 1);
  const { spatial, pad } = transposedSizes(node, shape, extra, automatic);
  const attrs = { spatial, stride: ones(shape.stride), pad: zeros(pad), dilation: ones(shape.dilation), groups };
  const y = node.emit("nn.conv_input_grad", [node.input(0), node.input(1)], attrs);
  if (!node.has(2)) return y;
  const channels = dimMul(outPerGroup ?? 1, groups);
  return node.emit("math.add", [y, node.reshape(node.input(2), [1, channels, ...new Array<number>(rank).fill(1)])]);
}

/**
 * Sizes of the result, and the padding that it is cut by: as given; or such that the sizes are `output_shape`, or `auto_pad` times the stride, with the odd element cut at the end unless the pad goes to the upper side.
 */
function transposedSizes(
  node: NodeContext,
  shape: Window,
  extra: readonly number[],
  automatic: string,
): { readonly spatial: readonly Dim[]; readonly pad: readonly number[] } {
  const rank = shape.kernel.length;
  const source = node.type(0).shape.slice(2);
  const fixed = node.attributes.ints("output_shape")?.slice(-rank) ?? null;
  const uncut = (i: number) => ((shape.kernel[i] ?? 1) - 1) * (shape.dilation[i] ?? 1) + 1 + (extra[i] ?? 0);
  const stride = (i: number) => shape.stride[i] ?? 1;
  const same = automatic.startsWith("SAME");
  if (!fixed && !same) {
    const cut = (i: number) => (shape.pad[i] ?? 0) + (shape.pad[i + rank] ?? 0);
    return { spatial: source.map((size, i) => dimAdd(dimMul(dimAdd(size, -1), stride(i)), uncut(i) - cut(i))), pad: shape.pad };
  }
  const sizes = source.map((size) => node.staticDim(size, "output_shape and auto_pad: the size"));
  const spatial = sizes.map((size, i) => fixed?.[i] ?? size * stride(i));
  // Below zero: the result reaches beyond what the input does, as with output_padding.
  const totals = sizes.map((size, i) => Math.max(0, (size - 1) * stride(i) + uncut(i) - (spatial[i] as number)));
  const [small, large] = [totals.map((total) => Math.floor(total / 2)), totals.map((total) => Math.ceil(total / 2))];
  return { spatial, pad: automatic === "SAME_UPPER" ? [...small, ...large] : [...large, ...small] };
}

export const convOps: OpTable = { Conv: conv, ConvTranspose: convTranspose };
