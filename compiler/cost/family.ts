/**
 * @file A cost family: the terms that the time of some kernels is a sum of. A term is a count that follows from the step's sizes and from how the kernel walks them (tiles, packed
 * taps, short runs, padding to the panel); the microseconds per unit are fitted (`fit.ts`) and never negative. This is the analytical half of the usual split between an
 * analytical model and measurement (e.g. Zhang et al., "nn-Meter", MobiSys 2021, which learns the same per kernel); a sum of few honest counts extrapolates where a learned tree would not.
 */
import type { CostStep } from "./step.ts";

/** What a step's time depends on besides the step. */
export interface CostContext {
  /** Bytes of constants that one run reads, and of the values that lie around at once: what competes for the caches. */
  readonly workingSet: number;
}

export interface CostFamily {
  readonly name: string;
  /** Names of the terms, in order. The first is always `launch`, 1 per call. */
  readonly terms: readonly string[];
  count(step: CostStep, context: CostContext): readonly number[];
}

/** Sizes of the caches that the terms speak of: of the machines that calibration was designed on, and near enough on others. The coefficients absorb the rest. */
const caches = { l1: 32 << 10, l2: 512 << 10, l3: 16 << 20 } as const;

/** 0 while `bytes` fit in the cache, 1 when they are well beyond it, a line between. */
export function beyond(level: keyof typeof caches, bytes: number): number {
  const size = caches[level];
  return Math.min(1, Math.max(0, (bytes - 0.75 * size) / (0.75 * size)));
}

/** Bytes of constants that come from the third cache and from memory, since the rest of the run pushed them out. */
export function coldConstants(bytes: number, { workingSet }: CostContext): readonly [fromL3: number, fromMemory: number] {
  const memory = beyond("l3", workingSet);
  return [bytes * beyond("l2", workingSet) * (1 - memory), bytes * memory];
}

/** Bytes of values that do not stay in the second cache between two steps, and those that do not stay in the third. */
export function coldValues(bytes: number): readonly [fromL3: number, fromMemory: number] {
  const memory = beyond("l3", bytes);
  return [bytes * beyond("l2", bytes) * (1 - memory), bytes * memory];
}
