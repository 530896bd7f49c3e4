/** @file Random names, docs and locations, hard ones among them: what must be quoted, keywords, digits, all of Unicode. */
import type { Location } from "../../ir-spec/core/location.ts";
import type { Random } from "../random/random.ts";

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.int(items.length)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}

/** True once in `n`. */
export function once(random: Random, n: number): boolean {
  return random.int(n) === 0;
}

/** Between 0 and most. */
export function upTo(random: Random, most: number): number {
  return random.int(most + 1);
}

export function times<T>(n: number, make: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => make(i));
}

const words = [
  "x",
  "conv1",
  "fc.w",
  "a.b.c",
  "_hidden",
  "A_1",
  "y.0",
  "module",
  "return",
  "const",
  "func",
  "loc",
  "splat",
  "true",
  "inf",
  "nan",
  "hex",
  "dim",
  "tensor",
  "require",
  "0",
  "758",
  "007",
  "_",
  "-1",
  "a/b:0",
  "a b",
  "a.",
  ".a",
  "1x",
  "é",
  "模型",
  "\u{1f600}",
  '"',
  "\\",
  "\n",
  "\t",
  "\u2028",
  "\ud800",
  "%x",
  "@x",
  "//",
  "a-b",
];

/** Not in `used`, and put there. */
export function freshName(random: Random, used: Set<string>): string {
  for (;;) {
    const base = pick(random, words);
    const name = once(random, 3) ? base : base + pick(random, ["", "1", "_b", ".k", " ", "ß"]) + (once(random, 2) ? random.int(1000) : "");
    if (used.has(name)) continue;
    used.add(name);
    return name;
  }
}

export function randomText(random: Random): string {
  return times(upTo(random, 3), () => pick(random, words)).join(pick(random, ["", " ", "/", "\n"]));
}

export function randomDoc(random: Random): string | null {
  if (!once(random, 4)) return null;
  const lines = ["", "Plain words.", " leading space", "/ slash", "trailing ", "ünïcode \u2028 \u0007", "```tersor```", "\ttab"];
  return times(1 + upTo(random, 2), () => pick(random, lines)).join("\n");
}

export function randomLocation(random: Random): Location {
  if (!once(random, 3)) return [];
  return times(1 + upTo(random, 2), () => ({
    file: pick(random, ["model.onnx", "a.tir", "", 'q"uote\\']),
    parts: times(upTo(random, 3), () => (once(random, 2) ? random.int(10_000) : randomText(random))),
  }));
}
