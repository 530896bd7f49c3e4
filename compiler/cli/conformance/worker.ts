/** @file A process that runs one operator test after the other, as it is told. What it does to itself (endless loops, exhausted memory) does not touch the one that asked: see pool.ts. */

import { type Outcome, runTest } from "../../conformance/run-test.ts";
import type { ConformanceTest } from "../../conformance/suite.ts";
import { backendNamed } from "../backends.ts";

/** Processes exchange these with structured clones, so bytes stay bytes. */
export interface Task {
  readonly test: ConformanceTest;
  readonly backend: string;
  readonly maxWork: number;
  readonly maxMemory: number;
}

export type Answer = { readonly ready: true } | { readonly outcome: Outcome };

const answer = (message: Answer): void => void process.send?.(message);

process.on("message", async ({ test, backend, ...limits }: Task) => {
  answer({ outcome: await runTest(test, { ...backendNamed(backend), ...limits }) });
});
process.on("disconnect", () => process.exit(0));
answer({ ready: true });
