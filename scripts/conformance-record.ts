/** @file What a full conformance run leaves behind (`bench/results/conformance.json`): scores beside ONNX Runtime, one row per operator, every verdict that is not a pass. */
import { disputeOf } from "../compiler/conformance/disputed.ts";
import { exclusionOf } from "../compiler/conformance/excluded.ts";
import type { Outcome } from "../compiler/conformance/run-test.ts";
import { type Score, scoreOf } from "../compiler/conformance/score.ts";
import { type Counts, type Kind, kindOf, subjects, summarize } from "../compiler/conformance/summary.ts";

/** One suite on one backend. */
export interface Run {
  readonly set: string;
  readonly backend: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

export interface RunRecord extends Counts {
  readonly set: string;
  readonly backend: string;
  readonly score: Omit<Score, "set" | "missed" | "mismatch" | "excluded"> & {
    readonly out: number;
    readonly differ: number;
    readonly missed: number;
  };
  /** Tests with inputs fixed to their values. */
  readonly fixed: readonly string[];
  /** Kernels and in how many tests they ran. */
  readonly kernels: Readonly<Record<string, number>>;
  readonly materialized: readonly string[];
  /** Verdicts of the tests that do not pass; a disputed mismatch with the reason. */
  readonly left: Readonly<Record<string, string>>;
}

export interface OperatorRecord {
  /** Oldest and newest operator set of a test about it. */
  readonly opsets: readonly [number, number];
  /** Passed and all tests by backend, all sets together. */
  readonly passed: Readonly<Record<string, readonly [number, number]>>;
  /** Why the rest does not pass, without repetition. */
  readonly out: readonly string[];
}

export interface ConformanceRecord {
  readonly tersor: string;
  readonly oracle: string;
  readonly runs: readonly RunRecord[];
  readonly operators: Readonly<Record<string, OperatorRecord>>;
}

export function recordOf(
  runs: readonly Run[],
  baseline: Readonly<Record<string, Readonly<Record<string, string>>>>,
  tersor: string,
): ConformanceRecord {
  return {
    tersor,
    oracle: "ONNX Runtime 1.30",
    runs: runs.map((run) => runRecord(run, baseline[run.set] ?? {})),
    operators: operatorRecords(runs),
  };
}

function runRecord({ set, backend, outcomes }: Run, verdicts: Readonly<Record<string, string>>): RunRecord {
  const { pass, mismatch, unsupported, error, fixed, kernels, materialized, tests, disputed } = summarize(set, outcomes);
  const { set: _, excluded, mismatch: differ, missed, ...score } = scoreOf(set, outcomes, verdicts, backend);
  const left = Object.entries(tests).filter(([, verdict]) => verdict !== "pass");
  return {
    set,
    backend,
    ...{ pass, mismatch, unsupported, error },
    score: { ...score, out: Object.keys(excluded).length, differ: differ.length, missed: Object.keys(missed).length },
    fixed: Object.keys(fixed),
    kernels,
    materialized,
    left: Object.fromEntries(
      left.map(([name, verdict]) => [name, name in disputed ? `${verdict} (disputed: ${disputed[name]})` : verdict]),
    ),
  };
}

interface Gathered {
  readonly opsets: Set<number>;
  readonly passed: Map<string, [number, number]>;
  readonly out: Set<string>;
}

function operatorRecords(runs: readonly Run[]): Readonly<Record<string, OperatorRecord>> {
  const gathered = new Map<string, Gathered>();
  for (const { set, backend, outcomes } of runs) {
    for (const [name, outcome] of outcomes) {
      for (const op of subjects(name, outcomes)) {
        const row = gathered.get(op) ?? { opsets: new Set(), passed: new Map(), out: new Set() };
        gathered.set(op, row);
        const [passed, all] = row.passed.get(backend) ?? [0, 0];
        row.passed.set(backend, [passed + Number(outcome.verdict === "pass"), all + 1]);
        if (outcome.facts) row.opsets.add(outcome.facts.opset);
        if (outcome.verdict !== "pass") row.out.add(reasonOf(set, backend, name, outcome));
      }
    }
  }
  const rows = [...gathered].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(rows.map(([op, row]) => [op, operatorRecord(row)]));
}

function operatorRecord({ opsets, passed, out }: Gathered): OperatorRecord {
  const versions = opsets.size > 0 ? [...opsets] : [0];
  return { opsets: [Math.min(...versions), Math.max(...versions)], passed: Object.fromEntries(passed), out: [...out].sort() };
}

const LONGEST = 140;

/** Shapes and names of one test taken away, so that ten tests with one cause have one reason. */
function reasonOf(set: string, backend: string, name: string, { verdict, facts }: Outcome): string {
  const excluded = facts && exclusionOf(facts);
  if (excluded !== null && excluded !== undefined) return excluded;
  const dispute = disputeOf(set, name);
  if (verdict === "mismatch") return dispute === null ? `differs on ${backend}` : `disputed: ${dispute}`;
  const text = verdict
    .replace(/^(unsupported|error): /, "")
    .replace(
      /^E0801 target (\S+) has no kernel for ([\w.]+)\((.*?)\)(?=[:;]|$).*$/,
      (_, target: string, op: string, types: string) => `no kernel on ${target} for ${op} of ${dtypesIn(types)}`,
    )
    .replace(/^[ER]\d{4} /, "")
    .replace(/;.*$/, "");
  const prefix = kindOf(verdict) === ("error" satisfies Kind) ? "error: " : "";
  return prefix + (text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text);
}

const dtypesIn = (types: string): string =>
  [...new Set([...types.matchAll(/((?:bf|[fiu])\d+|bool)>/g)].map(([, dtype]) => dtype))].join(", ");
