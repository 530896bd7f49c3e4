/**
 * @file Which axes a reshape merges and splits: both shapes are cut into the smallest groups of neighbouring axes with equal products, so that
 * elements move within a group only. Symbolic sizes are compared in normal form; what cannot be proved equal falls into one larger group.
 */
import { type Dim, dimEquals, dimMul } from "../../core/dim.ts";
import type { AxisMap } from "../define.ts";

export interface AxisGroup {
  readonly operandAxes: readonly number[];
  readonly resultAxes: readonly number[];
}

/** Groups in order. Axes of size 1 that stand alone are in none; neither is anything of a shape without elements. */
export function reshapeGroups(from: readonly Dim[], to: readonly Dim[]): readonly AxisGroup[] {
  if (from.includes(0) || to.includes(0)) return [];
  const [before, after] = [prefixProducts(from), prefixProducts(to)];
  const groups: AxisGroup[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const [nextI, nextJ] = nextCut(before, after, i, j);
    if (nextI > i && nextJ > j) groups.push({ operandAxes: range(i, nextI), resultAxes: range(j, nextJ) });
    [i, j] = [nextI, nextJ];
  }
  return groups;
}

export function reshapeMaps(from: readonly Dim[], to: readonly Dim[]): readonly AxisMap[] {
  return reshapeGroups(from, to).map((group) => ({ operand: 0, result: 0, ...group }));
}

/** The nearest pair of places behind (i, j) up to which both shapes hold equally many elements. */
function nextCut(before: readonly Dim[], after: readonly Dim[], i: number, j: number): readonly [number, number] {
  const last = before.length + after.length - 2;
  for (let sum = i + j + 1; sum <= last; sum++) {
    for (let p = Math.max(i, sum - after.length + 1); p <= Math.min(sum - j, before.length - 1); p++) {
      if (dimEquals(before[p] as Dim, after[sum - p] as Dim)) return [p, sum - p];
    }
  }
  return [before.length - 1, after.length - 1];
}

function prefixProducts(shape: readonly Dim[]): readonly Dim[] {
  const products: Dim[] = [1];
  for (const dim of shape) products.push(dimMul(products[products.length - 1] as Dim, dim));
  return products;
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, k) => from + k);
}
