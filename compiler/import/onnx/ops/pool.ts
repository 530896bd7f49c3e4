/** @file Pools. Global ones are reductions over the spatial axes. */
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { dilatedAverage } from "./lp-pool.ts";
import { maxPoolIndices } from "./unpool.ts";
import { ones, window, zeros } from "./window.ts";

function maxPool(node: NodeContext): readonly (Value | null)[] {
  const { attributes } = node;
  const shape = window(node, null);
  const steps = { kernel: shape.kernel, stride: ones(shape.stride), pad: zeros(shape.pad), dilation: ones(shape.dilation) };
  const attrs = { ...steps, ceil: attributes.flag("ceil_mode", false) };
  attributes.ignore("storage_order");
  return [node.emit("nn.max_pool", [node.input(0)], attrs), node.outputCount > 1 ? maxPoolIndices(node, attrs) : null];
}

function averagePool(node: NodeContext): Value {
  const { attributes } = node;
  const shape = window(node, null);
  if (shape.dilation.some((d) => d !== 1)) return dilatedAverage(node, shape);
  const attrs = { kernel: shape.kernel, stride: ones(shape.stride), pad: zeros(shape.pad), ceil: attributes.flag("ceil_mode", false) };
  return node.emit("nn.avg_pool", [node.input(0)], { ...attrs, count_pad: attributes.flag("count_include_pad", false) });
}

const globalPool =
  (op: string) =>
  (node: NodeContext): Value => {
    const axes = Array.from({ length: Math.max(node.rank(0) - 2, 0) }, (_, i) => i + 2);
    return node.emit(op, [node.input(0)], { axes, keepdims: true });
  };

export const poolOps: OpTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalPool("reduce.mean"),
  GlobalMaxPool: globalPool("reduce.max"),
};
