/** @file Child processes that judge cases, with a watchdog over each: a case that takes too long, or ends its process, is a verdict like any other, and the next gets a new process. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Order } from "./child.ts";
import { caseBytes, caseSeconds } from "./limits.ts";

export type Result = Omit<Answer, "outcome"> & { readonly outcome: Answer["outcome"] | "HANG" | "MEMORY" };

/** Megabytes of JavaScript heap: beyond them V8 ends the process, which counts as MEMORY. */
const heap = 320;

/** Runs every order, `width` at a time; results as they come. */
export async function runPool(
  orders: Iterator<Order>,
  width: number,
  corpusFile: string,
  onResult: (result: Result) => void,
): Promise<void> {
  await Promise.all(Array.from({ length: width }, () => new Worker(corpusFile).run(orders, onResult)));
}

class Worker {
  private readonly corpusFile: string;
  private child: ChildProcess | null = null;

  constructor(corpusFile: string) {
    this.corpusFile = corpusFile;
  }

  async run(orders: Iterator<Order>, onResult: (result: Result) => void): Promise<void> {
    for (let next = orders.next(); !next.done; next = orders.next()) onResult(await this.judge(next.value));
    this.child?.kill();
  }

  private async judge(order: Order): Promise<Result> {
    const child = this.child ?? (await this.start());
    this.child = child;
    const answer = await this.ask(child, order);
    if (typeof answer === "string") {
      child.kill("SIGKILL");
      this.child = null;
      return {
        order,
        outcome: answer === "HANG" ? "HANG" : "MEMORY",
        code: "",
        detail: answer,
        milliseconds: 0,
        bytes: 0,
        fileBytes: 0,
        from: "",
        how: "",
      };
    }
    if (answer.milliseconds > caseSeconds * 1000) return { ...answer, outcome: "HANG" };
    return answer.bytes > caseBytes(answer.fileBytes) ? { ...answer, outcome: "MEMORY" } : answer;
  }

  /** The answer; `HANG`, or how the process ended. */
  private ask(child: ChildProcess, order: Order): Promise<Answer | string> {
    return new Promise((done) => {
      // The child measures; this ends what never comes back. A case may run twice, and on a busy machine.
      const watchdog = setTimeout(() => finish("HANG"), 6000 * caseSeconds);
      const ended = (code: number | null, signal: string | null) => finish(`the process ended with ${signal ?? code}`);
      const finish = (answer: Answer | string) => {
        clearTimeout(watchdog);
        child.off("message", finish);
        child.off("exit", ended);
        done(answer);
      };
      child.on("message", finish);
      child.on("exit", ended);
      child.send(order);
    });
  }

  private start(): Promise<ChildProcess> {
    const script = fileURLToPath(new URL("child.ts", import.meta.url));
    const child = fork(script, [this.corpusFile], { execArgv: ["--import", "tsx", `--max-old-space-size=${heap}`] });
    return new Promise((ready, failed) => {
      child.once("message", () => ready(child));
      child.once("exit", (code) => failed(new Error(`a fuzzing process did not start (exit code ${code})`)));
    });
  }
}
