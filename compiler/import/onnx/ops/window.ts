/** @file Kernel, stride, dilation and padding as convolutions and pools share them, `auto_pad` resolved to numbers. */
import type { NodeContext } from "../node.ts";

export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Begin of every spatial axis, then end of every spatial axis. */
  readonly pad: readonly number[];
}

/** Reads the attributes; `kernel` is the weight's, null where only `kernel_shape` says it. */
export function window(node: NodeContext, kernel: readonly number[] | null): Window {
  const shape = explicitWindow(node, kernel);
  return { ...shape, pad: padding(node, shape.kernel, shape.stride, shape.dilation) };
}

/** `window` with the `pads` that are given, whatever `auto_pad` says. */
export function explicitWindow(node: NodeContext, kernel: readonly number[] | null): Window {
  const { attributes } = node;
  const rank = node.rank(0) - 2;
  if (rank < 1) node.fail("E0606", `the input must have at least 3 axes [batch, channels, *spatial], got ${rank + 2}`);
  const given = attributes.ints("kernel_shape");
  const size = kernel ?? given ?? node.fail("E0606", "attribute kernel_shape is missing");
  if (given?.some((k, i) => k !== size[i]))
    node.fail("E0606", `kernel_shape [${given.join(", ")}] is not the weight's [${size.join(", ")}]`);
  const list = (name: string) => checked(node, name, attributes.ints(name) ?? new Array<number>(rank).fill(1), rank);
  const [stride, dilation] = [list("strides"), list("dilations")];
  checked(node, "kernel_shape", size, rank);
  return { kernel: size, stride, dilation, pad: givenPads(node, rank) };
}

function checked(node: NodeContext, name: string, list: readonly number[], rank: number): readonly number[] {
  if (list.length !== rank || list.some((v) => v < 1))
    node.fail("E0606", `${name} must be ${rank} positive integers, got [${list.join(", ")}]`);
  return list;
}

function padding(node: NodeContext, kernel: readonly number[], stride: readonly number[], dilation: readonly number[]): readonly number[] {
  const mode = node.attributes.choice("auto_pad", ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"], "NOTSET");
  if (mode === "NOTSET") return givenPads(node, kernel.length);
  const totals = kernel.map((k, i) => (mode === "VALID" ? 0 : sameTotal(node, i, k, stride[i] ?? 1, dilation[i] ?? 1)));
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total) => Math.ceil(total / 2));
  return mode === "SAME_LOWER" ? [...large, ...small] : [...small, ...large];
}

function givenPads(node: NodeContext, rank: number): readonly number[] {
  const pad = node.attributes.ints("pads") ?? new Array<number>(2 * rank).fill(0);
  if (pad.length !== 2 * rank || pad.some((p) => p < 0))
    node.fail("E0606", `pads must be ${2 * rank} integers that are not negative, got [${pad.join(", ")}]`);
  return pad;
}

/** Padding of one axis that makes ceil(size / stride) outputs. With stride 1 it does not depend on the size. */
function sameTotal(node: NodeContext, axis: number, kernel: number, stride: number, dilation: number): number {
  const reach = (kernel - 1) * dilation + 1;
  if (stride === 1) return reach - 1;
  const size = node.staticDim(node.type(0).shape[axis + 2] ?? 1, `auto_pad with stride ${stride}: the padding`);
  return Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
}

/** The list as an attribute: left out (empty) where it is all ones. */
export const ones = (list: readonly number[]): readonly number[] => (list.every((v) => v === 1) ? [] : list);

/** The list as an attribute: left out (empty) where it is all zeros. */
export const zeros = (list: readonly number[]): readonly number[] => (list.every((v) => v === 0) ? [] : list);
