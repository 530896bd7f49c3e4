/** @file Convolutions and their paddings. */
import { type Dim, dimAdd, dimMul } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { ones, window, zeros } from "./window.ts";

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
  if (attributes.string("auto_pad", "NOTSET") !== "NOTSET")
    node.fail("E0605", "auto_pad of ConvTranspose is not supported", "export explicit pads");
  const [, outPerGroup, ...kernel] = node.type(1).shape;
  const shape = window(
    node,
    kernel.map((size) => node.staticDim(size, "the kernel's size")),
  );
  const rank = shape.kernel.length;
  const extra = attributes.ints("output_padding") ?? new Array<number>(rank).fill(0);
  const fixed = attributes.ints("output_shape");
  if (fixed !== null) node.fail("E0605", "output_shape of ConvTranspose is not supported", "export explicit pads and output_padding");
  const groups = attributes.int("group", 1);
  const spatial = node
    .type(0)
    .shape.slice(2)
    .map((size, i): Dim => {
      const reach = ((shape.kernel[i] ?? 1) - 1) * (shape.dilation[i] ?? 1) + 1;
      const cut = (shape.pad[i] ?? 0) + (shape.pad[i + rank] ?? 0);
      return dimAdd(dimMul(dimAdd(size, -1), shape.stride[i] ?? 1), reach - cut + (extra[i] ?? 0));
    });
  const attrs = { spatial, stride: ones(shape.stride), pad: zeros(shape.pad), dilation: ones(shape.dilation), groups };
  const y = node.emit("nn.conv_input_grad", [node.input(0), node.input(1)], attrs);
  if (!node.has(2)) return y;
  const channels = dimMul(outPerGroup ?? 1, groups);
  return node.emit("math.add", [y, node.reshape(node.input(2), [1, channels, ...new Array<number>(rank).fill(1)])]);
}

export const convOps: OpTable = { Conv: conv, ConvTranspose: convTranspose };
