/** @file The `require`s of a function: which are there, in whatever direction they were written. */
import { dimKey } from "../../ir-spec/core/dim.ts";
import type { Require } from "../../ir-spec/core/graph.ts";

/** The same for `a == b` and `b == a`. */
export function requireKey({ left, right }: Require): string {
  const [a, b] = [dimKey(left), dimKey(right)];
  return a <= b ? `${a} == ${b}` : `${b} == ${a}`;
}

/** `written`, then those of `needed` that it lacks, each once. */
export function mergeRequires(written: readonly Require[], needed: readonly Require[]): readonly Require[] {
  if (needed.length === 0) return written;
  const present = new Set(written.map(requireKey));
  const merged = [...written];
  for (const require of needed) {
    const key = requireKey(require);
    if (present.has(key)) continue;
    present.add(key);
    merged.push(require);
  }
  return merged;
}

export function printRequire({ left, right }: Require): string {
  const side = typeof right === "number" && right >= 0 ? String(right) : `[${dimKey(right)}]`;
  return `require [${dimKey(left)}] == ${side}`;
}
