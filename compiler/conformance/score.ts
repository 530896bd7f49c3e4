/**
 * @file The score beside ONNX Runtime: of the tests that it passes and that no exclusion covers, how many differ (none may) and how many we do not run. On a device the tests count
 * whose tensors are of the element types that devices have kernels for.
 */
import { exclusionOf } from "./excluded.ts";
import type { Outcome } from "./run-test.ts";

/** Verdicts of ONNX Runtime by set and test, "pass" among them. */
export type Baseline = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Score {
  readonly set: string;
  /** Tests of this run that ONNX Runtime passes. */
  readonly theirs: number;
  /** Of those, what a rule of excluded.ts covers, with the reason. */
  readonly excluded: Readonly<Record<string, string>>;
  readonly excludedShare: number;
  /** What is left, on a device only those of its element types. */
  readonly counted: number;
  readonly pass: number;
  readonly mismatch: readonly string[];
  /** With the verdict; errors and refusals alike are tests that we do not run. */
  readonly missed: Readonly<Record<string, string>>;
  readonly missedShare: number;
  readonly limits: Limits;
  readonly ok: boolean;
}

export interface Limits {
  readonly excludedShare: number;
  readonly missedShare: number;
}

const referenceLimits: Limits = { excludedShare: 0.08, missedShare: 0.03 };
const deviceLimits: Limits = { excludedShare: 0.08, missedShare: 0.1 };

/** f32, i64, i32, i8, u8 and bool. */
const deviceTypes: ReadonlySet<string> = new Set(["FLOAT", "INT64", "INT32", "INT8", "UINT8", "BOOL"]);

export function scoreOf(
  set: string,
  outcomes: ReadonlyMap<string, Outcome>,
  baseline: Readonly<Record<string, string>>,
  backend: string,
): Score {
  const limits = backend === "reference" ? referenceLimits : deviceLimits;
  const theirs = [...outcomes].filter(([name]) => baseline[name] === "pass");
  const excluded = Object.fromEntries(
    theirs.flatMap(([name, { facts }]) => {
      const why = facts && exclusionOf(facts);
      return why === null ? [] : [[name, why]];
    }),
  );
  const counted = theirs.filter(([name, outcome]) => !(name in excluded) && (backend === "reference" || onDevice(outcome)));
  const withVerdict = (kind: string) => counted.filter(([, { verdict }]) => verdict.startsWith(kind)).map(([name]) => name);
  const mismatch = withVerdict("mismatch");
  const missed = Object.fromEntries(
    counted.filter(([, o]) => /^(unsupported|error)/.test(o.verdict)).map(([name, o]) => [name, o.verdict]),
  );
  const shares = {
    excludedShare: share(Object.keys(excluded).length, theirs.length),
    missedShare: share(Object.keys(missed).length, counted.length),
  };
  const ok = mismatch.length === 0 && shares.excludedShare <= limits.excludedShare && shares.missedShare <= limits.missedShare;
  const counts = { theirs: theirs.length, counted: counted.length, pass: withVerdict("pass").length };
  return { set, ...counts, excluded, ...shares, mismatch, missed, limits, ok };
}

function onDevice({ facts }: Outcome): boolean {
  return facts?.dtypes.every((dtype) => deviceTypes.has(dtype)) ?? true;
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
