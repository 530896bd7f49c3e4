/** @file The classes with the highest scores, by name where the model declares names. */
import type { Tensor } from "../../runtime/index.ts";

export interface Ranked {
  readonly index: number;
  /** null where no names are declared. */
  readonly label: string | null;
  readonly score: number;
}

/**
 * The best `count` of a score per class; null when the tensor is no such list: one row of at least two floats, as long as the list of names where there is one.
 * Of equal scores the first class comes first.
 */
export function ranked(scores: Tensor, labels: readonly string[] | null, count = 5): readonly Ranked[] | null {
  const classes = scores.shape.at(-1) ?? 0;
  const values = scores.data;
  if (classes < 2 || values.length !== classes || !(values instanceof Float32Array)) return null;
  if (labels && labels.length !== classes) return null;
  const order = Array.from(values.keys()).sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
  return order.slice(0, count).map((index) => ({ index, label: labels?.[index] ?? null, score: values[index] as number }));
}

export function rankedText(top: readonly Ranked[]): string {
  const names = top.map(({ index, label }) => (label === null ? `class ${index}` : `${index}: ${label}`));
  const width = Math.max(...names.map((name) => name.length));
  return top.map(({ score }, i) => `  ${(names[i] as string).padEnd(width)}  ${Number(score.toPrecision(6))}`).join("\n");
}
