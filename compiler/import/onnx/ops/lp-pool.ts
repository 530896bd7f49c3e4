/** @file Pools that are sums over windows: `LpPool`, `GlobalLpPool`, and average pools with dilations. A sum over windows is a depthwise convolution with ones. */
import { type Dim, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { inSingle } from "./half-precision.ts";
import { ones, type Window, window, zeros } from "./window.ts";

/** Zeros behind the padding of an axis, so that the last, partial window counts (`ceil_mode`); it must begin inside the picture or the padding before it. */
function ceiling(node: NodeContext, shape: Window): readonly number[] {
  const rank = shape.kernel.length;
  if (!node.attributes.flag("ceil_mode", false)) return shape.kernel.map(() => 0);
  return shape.kernel.map((kernel, i) => {
    const size = node.staticDim(node.type(0).shape[i + 2] as Dim, "ceil_mode: the size");
    const [stride, begin, end] = [shape.stride[i] ?? 1, shape.pad[i] ?? 0, shape.pad[i + rank] ?? 0];
    const reach = (kernel - 1) * (shape.dilation[i] ?? 1) + 1;
    const count = Math.ceil((size + begin + end - reach) / stride) + 1;
    const started = (count - 1) * stride < size + begin ? count : count - 1;
    return Math.max(0, (started - 1) * stride + reach - size - begin - end);
  });
}

/** Sums over windows of each channel, zeros outside. */
export function windowSums(node: NodeContext, x: Value, shape: Window, behind: readonly number[]): Value {
  const rank = shape.kernel.length;
  const channels = node.staticDim(x.type.shape[1] as Dim, "the number of channels");
  const weight = [channels, 1, ...shape.kernel];
  const count = weight.reduce((n, d) => n * d, 1);
  const filter = node.literal(tensorType(x.type.dtype, weight), encodeNumbers(x.type.dtype, weight, new Array<number>(count).fill(1)));
  const pad = shape.pad.map((p, i) => p + (i >= rank ? (behind[i - rank] ?? 0) : 0));
  const attrs = { stride: ones(shape.stride), pad: zeros(pad), dilation: ones(shape.dilation), groups: channels };
  return node.emit("nn.conv", [x, filter], attrs);
}

/** (sum of |x|^p)^(1/p) */
function norm(node: NodeContext, p: number, sum: (powers: Value) => Value): Value {
  const x = node.input(0);
  const { dtype } = x.type;
  const magnitude = node.emit("math.abs", [x]);
  if (p === 1) return sum(magnitude);
  if (p === 2) return node.emit("math.sqrt", [sum(node.emit("math.mul", [x, x]))]);
  return node.emit("math.pow", [sum(node.emit("math.pow", [magnitude, node.scalar(p, dtype)])), node.scalar(1 / p, dtype)]);
}

function lpPool(node: NodeContext): Value {
  const shape = window(node, null);
  const behind = ceiling(node, shape);
  return norm(node, node.attributes.int("p", 2), (powers) => windowSums(node, powers, shape, behind));
}

function globalLpPool(node: NodeContext): Value {
  const axes = Array.from({ length: node.rank(0) - 2 }, (_, i) => i + 2);
  return norm(node, node.attributes.int("p", 2), (powers) => node.emit("reduce.sum", [powers], { axes, keepdims: true }));
}

/** Sums over how many positions of each window count: those of the picture, or with `count_include_pad` those of its padding too. */
export function dilatedAverage(node: NodeContext, shape: Window): Value {
  const behind = ceiling(node, shape);
  const x = node.input(0);
  const rank = shape.kernel.length;
  const spatial = x.type.shape.slice(2).map((dim) => node.staticDim(dim, "dilations: the size"));
  const padded = node.attributes.flag("count_include_pad", false);
  const extent = padded ? spatial.map((size, i) => size + (shape.pad[i] ?? 0) + (shape.pad[i + rank] ?? 0)) : spatial;
  const plane = [1, 1, ...extent];
  const count = plane.reduce((n, d) => n * d, 1);
  const everywhere = node.literal(tensorType(x.type.dtype, plane), encodeNumbers(x.type.dtype, plane, new Array<number>(count).fill(1)));
  const counted = windowSums(node, everywhere, padded ? { ...shape, pad: shape.pad.map(() => 0) } : shape, behind);
  return node.emit("math.div", [windowSums(node, x, shape, behind), counted]);
}

export const lpPoolOps: OpTable = { LpPool: inSingle(lpPool), GlobalLpPool: inSingle(globalLpPool) };
