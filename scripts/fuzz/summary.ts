/** @file What came out, counted by kind, outcome and code. */
import { violations } from "./judge.ts";
import type { Result } from "./pool.ts";

interface Row {
  readonly outcomes: Map<string, number>;
  readonly codes: Map<string, number>;
  slowest: Result | null;
  largest: Result | null;
}

export class Summary {
  private readonly kinds = new Map<string, Row>();
  private readonly failures: Result[] = [];

  add(result: Result): void {
    const row = this.kinds.get(result.order.kind) ?? { outcomes: new Map(), codes: new Map(), slowest: null, largest: null };
    this.kinds.set(result.order.kind, row);
    increment(row.outcomes, result.outcome);
    if (result.code !== "") increment(row.codes, `${result.outcome} ${result.code}`);
    if (result.milliseconds >= (row.slowest?.milliseconds ?? 0)) row.slowest = result;
    if (excess(result) >= (row.largest ? excess(row.largest) : Number.NEGATIVE_INFINITY)) row.largest = result;
    if (violations.has(result.outcome)) this.failures.push(result);
  }

  get violations(): number {
    return this.failures.length;
  }

  json(): object {
    const kinds = Object.fromEntries(
      [...this.kinds].map(([kind, { outcomes, codes, slowest, largest }]) => [
        kind,
        {
          outcomes: Object.fromEntries(sorted(outcomes)),
          codes: Object.fromEntries(sorted(codes)),
          slowestMs: slowest?.milliseconds,
          slowestCase: slowest?.order.index,
          mostBytes: largest?.bytes,
          mostBytesCase: largest?.order.index,
        },
      ]),
    );
    return { violations: this.failures.length, failures: this.failures, kinds };
  }

  text(): string {
    const parts = [...this.kinds].map(([kind, row]) => {
      const outcomes = sorted(row.outcomes).map(([name, n]) => `  ${name.padEnd(10)} ${String(n).padStart(7)}`);
      const codes = sorted(row.codes).map(([name, n]) => `${name} ${n}`);
      const slowest = `  slowest ${row.slowest?.milliseconds.toFixed(0)} ms (case ${row.slowest?.order.index})`;
      const largest = `most memory ${((row.largest?.bytes ?? 0) / 1e6).toFixed(1)} MB (case ${row.largest?.order.index})`;
      return [kind, ...outcomes, `  ${codes.join(", ")}`, `${slowest}, ${largest}`].join("\n");
    });
    return [...parts, `${this.failures.length} violations`].join("\n");
  }
}

/** Bytes beyond what the length of the file allows for free. */
const excess = ({ bytes, fileBytes }: Result): number => bytes - 4 * fileBytes;

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const sorted = (counts: ReadonlyMap<string, number>): [string, number][] => [...counts].sort(([, a], [, b]) => b - a);
