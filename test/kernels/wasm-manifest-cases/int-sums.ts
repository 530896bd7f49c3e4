/** @file Cases of integer products whose sums stay i32: both dtypes on both sides, odd sizes, zero points that are absent, constant, computed and per column. */
import type { CaseDim } from "../../support/op-module.ts";
import { type CasesOf, dtypesOf, type RowCase } from "./row-case.ts";

type Shape = readonly CaseDim[];

/** Each case for all pairs of dtypes, without zero points and with each kind, in turn. */
function summed(row: Parameters<CasesOf>[0], cases: readonly (RowCase & { readonly columns: CaseDim })[]): readonly RowCase[] {
  const pairs = dtypesOf(row).flatMap((a) => dtypesOf(row, 1).map((b) => [a, b] as const));
  return pairs.flatMap(([a, b], p) =>
    cases.map(({ columns, shapes, attrs }, i): RowCase => {
      const zeros: readonly (Shape | null)[] = [[], [columns], null];
      const [left, right] = [(i + p) % 3 === 0 ? null : [], zeros[(i + p) % 3] ?? null];
      return { shapes: [...shapes, left, right], dtypes: [a, b, a, b], ...(attrs ? { attrs } : {}) };
    }),
  );
}

// biome-ignore format: one case a line
export const intSumsCases: { readonly [op: string]: CasesOf } = {
  "int.matmul": (row) => summed(row, [
    { shapes: [["N", 7], [7, 5]], columns: 5 },
    { shapes: [["N", 3, 24], [24, 9]], columns: 9 },
    { shapes: [["N", 2, 3, 17], [2, 17, 4]], columns: 4 },
    { shapes: [[4, 1, 5, 8], [3, 8, 2]], columns: 2 },
    { shapes: [["N", 1], [1, 1]], columns: 1 },
    { shapes: [[2, 300], [300, 3]], columns: 3 },
  ]),
  "int.conv_sums": (row) => summed(row, [
    { shapes: [["N", 3, 9, 8], [4, 3, 3, 3]], columns: 4 },
    { shapes: [["N", 4, 7, 6], [6, 2, 3, 2]], attrs: { groups: 2, stride: [2, 1], pad: [1, 0, 2, 1], dilation: [1, 2] }, columns: 6 },
    { shapes: [["N", 5, 6, 6], [5, 1, 3, 3]], attrs: { groups: 5, pad: [1, 1, 1, 1] }, columns: 5 },
    { shapes: [["N", 2, 17], [3, 2, 4]], attrs: { stride: [3], pad: [2, 1], dilation: [2] }, columns: 3 },
    { shapes: [["N", 7, 5, 5], [9, 7, 1, 1]], columns: 9 },
  ]),
};
