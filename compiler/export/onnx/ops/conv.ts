/** @file Convolutions, and the gradient in their input, which ONNX calls `ConvTranspose`. */
import { type Dim, dimAdd, dimKey, dimMul, dimSub } from "../../../../ir-spec/index.ts";
import { attribute, type NodeAttrs } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { layer } from "./activation.ts";
import { stepsOf } from "./window.ts";

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

/** dy [batch, out, *spatial], weight [out, in/groups, *kernel]: ConvTranspose's own layout. What `spatial` has beyond the least size is its output padding. */
function convTranspose(op: OpCall): ResultNode {
  const kernel = op.staticShape(1).slice(2);
  const rank = kernel.length;
  const { stride, pad, dilation } = stepsOf(op, rank);
  const extra = op.dims("spatial").map((size, i) => {
    const reach = ((kernel[i] as number) - 1) * (dilation[i] as number) + 1 - (pad[i] as number) - (pad[i + rank] as number);
    const least = dimAdd(dimMul(dimAdd(op.type(0).shape[i + 2] as Dim, -1), stride[i] as number), reach);
    const rest = dimSub(size, least);
    return typeof rest === "number" ? rest : op.fail("E1005", `the size ${dimKey(size)} of spatial axis ${i} is not known at export`);
  });
  const padding = extra.some((n) => n !== 0) ? { output_padding: attribute.ints(extra) } : {};
  return op.result("ConvTranspose", [op.input(0), op.input(1)], { ...convAttrs(op, rank, kernel), ...padding });
}

export const convRows: ExportTable = { "nn.conv": conv, "nn.conv_input_grad": convTranspose };
