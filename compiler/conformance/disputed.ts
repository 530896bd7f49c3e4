/** @file Tests whose expected outputs we do not share, as `set:folder/test`, and why. They stay mismatches in every table; they do not fail a run, and ONNX Runtime passes none of them. */

export interface Dispute {
  readonly test: RegExp;
  readonly why: string;
}

export const disputes: readonly Dispute[] = [
  {
    test: /_cast(like)?_FLOAT(16)?_to_U?INT[24](_expanded)?$/,
    why: "floats out of range: undefined by the specification; the test wraps, type.cast saturates",
  },
  {
    test: /_resize_downsample_scales_linear_align_corners$/,
    why: "the test places corners by the size before rounding, 2.4; the result has 2 positions, by which ONNX Runtime and we place them",
  },
  {
    test: /^onnx-1\.13\.1.*_cast(like)?_FLOAT_to_BFLOAT16(_expanded)?$/,
    why: "the archive cuts the low bits off; the specification rounds to nearest even, as later archives do",
  },
];

export function disputeOf(set: string, test: string): string | null {
  return disputes.find((dispute) => dispute.test.test(`${set}:${test}`))?.why ?? null;
}
