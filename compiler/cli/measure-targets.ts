/** @file Times a compiled file on every target that can run on this machine, so that the report holds measured beside predicted. */
import type { Module } from "../../ir-spec/index.ts";
import { fileTargets, load, openFile, RuntimeError, type Session } from "../../runtime/index.ts";
import { toolExpansion } from "../emit/read-source.ts";
import { backendOfTarget } from "./backends.ts";
import type { Configuration } from "./config.ts";
import { inputSizes, seededInputs } from "./inputs.ts";
import { makeBackend } from "./runnable.ts";
import { summary } from "./stopwatch.ts";

export interface TargetTime {
  readonly target: string;
  readonly backend: string;
  /** Median milliseconds of a run, one thread, at the smallest sizes that the model takes; null where it could not be timed. */
  readonly msMedian: number | null;
  readonly runs: number;
  /** Why it was not timed. */
  readonly reason: string | null;
}

/** Milliseconds for one target; a run that takes longer is timed once. */
const budget = 300;
const mostRuns = 100;
/** A session takes as much memory again as its file. */
const mostBytes = 1 << 28;

/** @param module what was compiled: sizes of its symbols are the smallest at which it can run */
export async function measureTargets(bytes: Uint8Array, module: Module, config: Configuration): Promise<readonly TargetTime[]> {
  const targets = fileTargets(openFile(bytes, { maxExpandedBytes: toolExpansion(bytes) }));
  const times: TargetTime[] = [];
  const sizes = inputSizes(module);
  for (const target of targets) times.push(await timed(bytes, target, sizes, config));
  return times;
}

/** What this machine lacks (an adapter, a package) and sizes that nothing satisfies are reasons; anything else is an error. */
async function timed(bytes: Uint8Array, target: string, sizes: ReadonlyMap<string, number>, config: Configuration): Promise<TargetTime> {
  const backend = backendOfTarget(target)?.name;
  if (bytes.length > mostBytes)
    return {
      target,
      backend: backend ?? "",
      msMedian: null,
      runs: 0,
      reason: "a large file is not timed while it is compiled: tersor bench times it",
    };
  if (backend === undefined) return { target, backend: "", msMedian: null, runs: 0, reason: "no backend of this program runs it" };
  try {
    const own = makeBackend(backend, config);
    const companions = (own.companions ?? []).map((name) => makeBackend(name, config));
    const session = await load(bytes, { backends: [own, ...companions], target, maxExpandedBytes: toolExpansion(bytes) });
    try {
      return { target, backend, ...(await medianOf(session, sizes)), reason: null };
    } finally {
      session.dispose();
    }
  } catch (error) {
    if (!(error instanceof RuntimeError) || !/^R0(4|307|308)/.test(error.code)) throw error;
    // Of several backends the first is the target's own.
    return { target, backend, msMedian: null, runs: 0, reason: error.message.split("; wasm: ")[0] ?? error.message };
  }
}

async function medianOf(
  session: Session,
  sizes: ReadonlyMap<string, number>,
): Promise<{ readonly msMedian: number; readonly runs: number }> {
  const inputs = seededInputs(session.inputs, 0, sizes);
  const once = async () => {
    const start = performance.now();
    await session.run(inputs);
    return performance.now() - start;
  };
  const first = await once();
  const warm = performance.now();
  while (first < budget / 4 && performance.now() - warm < budget / 3) await once();
  const samples: number[] = [];
  const start = performance.now();
  do samples.push(await once());
  while (performance.now() - start < budget && samples.length < mostRuns);
  return { msMedian: summary(samples).median, runs: samples.length };
}
