/** @file Convolutions, and the gradient in their input, which ONNX calls `ConvTranspose`. */
import { type Dim, dimAdd, dimMul, dimSub } from "../../../../ir-spec/index.ts";
import { attribute, type NodeAttrs } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { layer } from "./activation.ts";
import { insideOf, stepsOf } from "./window.ts";

/** Window and groups of a convolution over `rank` spatial axes. */
export function convAttrs(op: OpCall, rank: number, kernel: readonly number[]): NodeAttrs {
  const { stride, pad, dilation } = stepsOf(op, rank);
  return {
    kernel_shape: attribute.ints(kernel),
    strides: attribute.ints(stride),
    pads: attribute.ints(pad),
    dilations: attribute.ints(dilation),
    group: attribute.int(op.int("groups")),
  };
}

function conv(op: OpCall): ResultNode {
  const kernel = op.staticShape(1).slice(2);
  return layer(op, "Conv", op.inputs(), convAttrs(op, kernel.length, kernel));
}

/**
 * dy [batch, out, *spatial], weight [out, in/groups, *kernel]: ConvTranspose's own layout. What `spatial` has beyond the least size is its output padding; where that is not known, the
 * whole is made and cut.
 */
function convTranspose(op: OpCall): ResultNode {
  const kernel = op.staticShape(1).slice(2);
  const rank = kernel.length;
  const { stride, pad, dilation } = stepsOf(op, rank);
  const spatial = op.dims("spatial");
  const reached = kernel.map((size, i) => {
    const steps = dimMul(dimAdd(op.type(0).shape[i + 2] as Dim, -1), stride[i] as number);
    return dimAdd(steps, (size - 1) * (dilation[i] as number) + 1);
  });
  const extra = spatial.map((size, i) => dimSub(size, dimAdd(reached[i] as Dim, -(pad[i] as number) - (pad[i + rank] as number))));
  const attrs = convAttrs(op, rank, kernel);
  const inputs = [op.input(0), op.input(1)];
  if (!extra.every((n) => typeof n === "number"))
    return insideOf(
      op,
      op.node("ConvTranspose", inputs, { ...attrs, pads: attribute.ints(pad.map(() => 0)) }),
      reached,
      pad.slice(0, rank),
      spatial,
    );
  const padding = extra.some((n) => n !== 0) ? { output_padding: attribute.ints(extra) } : {};
  return op.result("ConvTranspose", inputs, { ...attrs, ...padding });
}

export const convRows: ExportTable = { "nn.conv": conv, "nn.conv_input_grad": convTranspose };
