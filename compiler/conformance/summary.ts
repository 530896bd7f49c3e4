/** @file Counts of a run: by verdict, by operator, by kernel. */
import { disputeOf } from "./disputed.ts";
import type { Outcome } from "./run-test.ts";

export type Kind = "pass" | "mismatch" | "unsupported" | "error";

export type Counts = Readonly<Record<Kind, number>>;

export interface Summary extends Counts {
  readonly tests: Readonly<Record<string, string>>;
  /** By operator: the tests that are about it. */
  readonly ops: Readonly<Record<string, Counts>>;
  /** Which element of which output differs. */
  readonly mismatches: Readonly<Record<string, string>>;
  /** Mismatches whose expected outputs we do not share, and why. */
  readonly disputed: Readonly<Record<string, string>>;
  /** Tests that ran with inputs fixed to their values, and which inputs: a specialisation. */
  readonly fixed: Readonly<Record<string, readonly string[]>>;
  /** Kernels that ran, and in how many tests. */
  readonly kernels: Readonly<Record<string, number>>;
  /** Tests with a constant that the reference functions evaluated at compile time, for want of a kernel. */
  readonly materialized: readonly string[];
  /** No mismatch but disputed ones, and no error. */
  readonly ok: boolean;
}

export const kindOf = (verdict: string): Kind => verdict.replace(/:.*$/s, "") as Kind;

/** @param set name of the suite, by which disputes go */
export function summarize(set: string, outcomes: ReadonlyMap<string, Outcome>): Summary {
  const all = [...outcomes];
  const disputed = Object.fromEntries(
    all.flatMap(([name, { verdict }]) => {
      const why = verdict === "mismatch" ? disputeOf(set, name) : null;
      return why === null ? [] : [[name, why]];
    }),
  );
  const counts = countKinds(all.map(([, outcome]) => outcome));
  return {
    ...counts,
    tests: Object.fromEntries(all.map(([name, { verdict }]) => [name, verdict])),
    ops: byOperator(outcomes),
    mismatches: Object.fromEntries(all.flatMap(([name, { detail }]) => (detail === null ? [] : [[name, detail]]))),
    disputed,
    fixed: Object.fromEntries(all.filter(([, { fixed }]) => fixed.length > 0).map(([name, { fixed }]) => [name, fixed])),
    kernels: kernelCounts(all.map(([, outcome]) => outcome)),
    materialized: all.filter(([, { materialized }]) => materialized > 0).map(([name]) => name),
    ok: counts.error === 0 && counts.mismatch === Object.keys(disputed).length,
  };
}

function countKinds(outcomes: readonly Outcome[]): Counts {
  const counts = { pass: 0, mismatch: 0, unsupported: 0, error: 0 };
  for (const { verdict } of outcomes) counts[kindOf(verdict)]++;
  return counts;
}

function kernelCounts(outcomes: readonly Outcome[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { kernels } of outcomes) for (const id of kernels) counts.set(id, (counts.get(id) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A graph of more operators is a network, and about none of them. */
const MOST_SUBJECTS = 3;

/** Operators that a test is about: those of its graph; of a test with a function's body written out, those of the test that calls the function. */
export function subjects(name: string, outcomes: ReadonlyMap<string, Outcome>): readonly string[] {
  const original = outcomes.get(name.replace(/_expanded(_ver\d+)?(_mask)?$/, ""));
  const ops = (original ?? outcomes.get(name))?.facts?.ops ?? [];
  const telling = ops.filter((op) => op !== "Constant");
  if (telling.length > MOST_SUBJECTS) return [];
  return telling.length > 0 ? telling : ops;
}

function byOperator(outcomes: ReadonlyMap<string, Outcome>): Readonly<Record<string, Counts>> {
  const groups = new Map<string, Outcome[]>();
  for (const [name, outcome] of outcomes) {
    for (const op of subjects(name, outcomes)) groups.set(op, [...(groups.get(op) ?? []), outcome]);
  }
  return Object.fromEntries([...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([op, list]) => [op, countKinds(list)]));
}
