/**
 * @file One session's limits over several executables. Each takes what it needs when sizes are new to it and is refused what all of them together may not have. Work is counted per binding of
 * the symbols: parts that know a binding take nothing for it again, since together they were within the limit when it was new.
 */
import { RuntimeError } from "../../../errors.ts";
import type { LimitShare, RunLimits } from "../../../limits.ts";

type Taken = { work: number; memory: number };

export class Ledger {
  private readonly limits: RunLimits;
  private readonly parts: Taken[] = [];
  private entered: string | null = null;
  /** By bindings: those whose work was too much stay refused, whatever of them the parts know by now. */
  private readonly refusals = new Map<string, RuntimeError>();

  constructor(limits: RunLimits) {
    this.limits = limits;
  }

  part(): RunLimits {
    const own: Taken = { work: 0, memory: 0 };
    this.parts.push(own);
    const share: LimitShare = {
      others: (what) => this.parts.reduce((sum, part) => sum + (part === own ? 0 : part[what]), 0),
      take: (what, amount) => {
        own[what] = amount;
      },
    };
    return { ...this.limits, share };
  }

  /** A run with these bindings begins. @throws RuntimeError R0410 */
  enter(bindings: ReadonlyMap<string, number>): void {
    const key = JSON.stringify([...bindings]);
    const refusal = this.refusals.get(key);
    if (refusal) throw refusal;
    if (key === this.entered) return;
    this.entered = key;
    for (const part of this.parts) part.work = 0;
  }

  /** What the run ended with. */
  failed(error: unknown): void {
    if (error instanceof RuntimeError && error.code === "R0410" && this.entered !== null) this.refusals.set(this.entered, error);
  }
}
