/** @file Stride, padding and dilation as ONNX writes them: one number for each spatial axis, pads for begins and then ends. */
import type { OpCall } from "../call.ts";

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
