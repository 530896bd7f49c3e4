/** @file Stride, padding and dilation as ONNX writes them: one number for each spatial axis, pads for begins and then ends. */
import { type Dim, dimAdd, dimMax, dimSub } from "../../../../ir-spec/index.ts";
import type { OpCall, ResultNode } from "../call.ts";

export interface Steps {
  readonly stride: readonly number[];
  readonly pad: readonly number[];
  readonly dilation: readonly number[];
}

/** The attributes with their defaults filled in; an op without `dilation` has ones. */
export function stepsOf(op: OpCall, rank: number): Steps {
  const filled = (list: readonly number[] | undefined, length: number, value: number): readonly number[] =>
    list === undefined || list.length === 0 ? new Array<number>(length).fill(value) : list;
  return {
    stride: filled(op.ints("stride"), rank, 1),
    pad: filled(op.ints("pad"), 2 * rank, 0),
    dilation: filled(op.attr<readonly number[] | undefined>("dilation"), rank, 1),
  };
}

/**
 * The part of an adjoint that lies in x, [batch, channels, *spatial]: `reached` elements of an axis are there, of which `begin` lie in the padding; behind the last window there are zeros.
 */
export function insideOf(
  op: OpCall,
  adjoint: string,
  reached: readonly Dim[],
  begin: readonly number[],
  spatial: readonly Dim[],
): ResultNode {
  const ends = spatial.map((size, i) => dimAdd(size, begin[i] ?? 0));
  const behind = ends.map((end, i) => dimMax(dimSub(end, reached[i] ?? 0), 0));
  const none = behind.map(() => 0);
  const all = behind.every((size) => size === 0) ? adjoint : op.node("Pad", [adjoint, op.sizes([0, 0, ...none, 0, 0, ...behind])]);
  return op.result("Slice", [all, op.list(begin), op.sizes(ends), op.list(spatial.map((_, i) => i + 2))]);
}
