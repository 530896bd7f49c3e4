/**
 * @file Runs tests in parallel, each in bounded time and memory: a few processes take one test at a time, and one that does not answer in time or dies is killed and replaced, its test an
 * error. Processes and not threads: V8's limit for a thread leaves out typed arrays, and what aborts a thread aborts everybody.
 */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Outcome } from "../../conformance/run-test.ts";
import type { TestEntry } from "../../conformance/suite.ts";
import type { Answer, Task } from "./worker.ts";

export interface PoolOptions {
  /** Tests at a time. */
  readonly jobs: number;
  readonly timeoutMs: number;
  /** Element operations that one run may take. */
  readonly maxWork: number;
}

export type OnDone = (name: string, outcome: Outcome, done: number, total: number) => void;

/** A process's heap; values of a session, and with them whole tests, stay below `MEMORY`. */
const HEAP_MIB = 1024;
const MEMORY = 2 ** 31;
/** For a process to start, on a busy machine. */
const START_MS = 60_000;

/** Processes start with the first tests and stay for those of the next call, until `close`. */
export class Pool {
  private readonly workers: readonly Worker[];

  constructor(options: PoolOptions) {
    this.workers = Array.from({ length: Math.max(1, Math.floor(options.jobs)) }, () => new Worker(options));
  }

  /** By name, in the order given. */
  async run(tests: readonly TestEntry[], backend: string, onDone: OnDone = () => undefined): Promise<ReadonlyMap<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    const queue = [...tests];
    const drain = async (worker: Worker) => {
      for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
        const outcome = await worker.run(entry, backend);
        outcomes.set(entry.name, outcome);
        onDone(entry.name, outcome, outcomes.size, tests.length);
      }
    };
    await Promise.all(this.workers.slice(0, Math.max(1, tests.length)).map(drain));
    return new Map(tests.map(({ name }) => [name, outcomes.get(name) as Outcome]));
  }

  close(): void {
    for (const worker of this.workers) worker.stop();
  }
}

/** One process at a time, a new one after a failure. */
class Worker {
  private readonly options: PoolOptions;
  private child: ChildProcess | null = null;

  constructor(options: PoolOptions) {
    this.options = options;
  }

  async run(entry: TestEntry, backend: string): Promise<Outcome> {
    const { maxWork, timeoutMs } = this.options;
    const test = await entry.open();
    try {
      const child = await this.started();
      const task: Task = { test, backend, maxWork, maxMemory: MEMORY };
      child.send(task);
      const answer = await nextAnswer(child, timeoutMs);
      if ("outcome" in answer) return answer.outcome;
      throw new Error("an answer to nothing");
    } catch (error) {
      this.stop();
      const verdict = `error: ${error instanceof Error ? error.message : String(error)}` as const;
      return { verdict, detail: null, facts: null, fixed: [], kernels: [], materialized: 0 };
    }
  }

  stop(): void {
    if (this.child) kill(this.child);
    this.child = null;
  }

  private async started(): Promise<ChildProcess> {
    if (this.child) return this.child;
    const execArgv = [...process.execArgv, `--max-old-space-size=${HEAP_MIB}`];
    const child = fork(workerFile(), [], { execArgv, serialization: "advanced", stdio: ["ignore", "ignore", "pipe", "ipc"] });
    lastWords.set(child, "");
    child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => void lastWords.set(child, (lastWords.get(child) + text).slice(-LAST_WORDS)));
    this.child = child;
    running.add(child);
    await nextAnswer(child, START_MS);
    return child;
  }
}

/** Of this process; none outlives it. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

function kill(child: ChildProcess): void {
  running.delete(child);
  child.kill("SIGKILL");
}

/** What a process wrote on standard error last. */
const lastWords = new WeakMap<ChildProcess, string>();
const LAST_WORDS = 4096;

/** The line that names the error, among stack traces. */
function causeOfDeath(child: ChildProcess): string {
  const line = (lastWords.get(child) ?? "").split("\n").find((text) => /^\w*Error\b.*:|out of memory/.test(text));
  return line === undefined ? "" : `: ${line.trim()}`;
}

/** @throws Error when the process dies or says nothing in time */
function nextAnswer(child: ChildProcess, limitMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settled = (settle: () => void): void => {
      clearTimeout(timer);
      child.off("message", message).off("error", failure).off("close", exit);
      settle();
    };
    const failure = (error: Error) => settled(() => reject(error));
    const message = (answer: unknown) => settled(() => resolve(answer as Answer));
    const exit = (code: number | null, signal: string | null) =>
      failure(new Error(`the process that ran it died (${signal ?? `exit code ${code}`})${causeOfDeath(child)}`));
    const timer = setTimeout(() => failure(new Error(`no end after ${limitMs / 1000} s`)), limitMs);
    child.on("message", message).on("error", failure).on("close", exit);
  });
}

/** The source beside this file in a checkout; a file of the build in the installed package. */
function workerFile(): string {
  const places = ["./worker.ts", "./conformance-worker.js", "../conformance-worker.js"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no worker beside ${import.meta.url}`);
  return found;
}
