/** @file Pools. */
import { attribute, type NodeAttrs } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { stepsOf } from "./window.ts";

function poolAttrs(op: OpCall): NodeAttrs {
  const kernel = op.ints("kernel");
  const { stride, pad } = stepsOf(op, kernel.length);
  return {
    kernel_shape: attribute.ints(kernel),
    strides: attribute.ints(stride),
    pads: attribute.ints(pad),
    ceil_mode: attribute.flag(op.flag("ceil")),
  };
}

export function maxPoolAttrs(op: OpCall): NodeAttrs {
  const { dilation } = stepsOf(op, op.ints("kernel").length);
  return { ...poolAttrs(op), dilations: attribute.ints(dilation) };
}

function averagePool(op: OpCall): ResultNode {
  return op.result("AveragePool", [op.input(0)], { ...poolAttrs(op), count_include_pad: attribute.flag(op.flag("count_pad")) });
}

export const poolRows: ExportTable = {
  "nn.max_pool": (op) => op.result("MaxPool", [op.input(0)], maxPoolAttrs(op)),
  "nn.avg_pool": averagePool,
};
