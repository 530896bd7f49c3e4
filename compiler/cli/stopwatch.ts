/** @file Paired timing: contenders take turns, run by run, so that whatever else the machine does falls on all of them alike. */

export interface Contender {
  readonly name: string;
  run(): Promise<unknown>;
}

export interface Times {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly runs: number;
}

/**
 * Milliseconds of `runs` rounds after `warmUp` rounds that are not counted. Each round begins with the next contender, so none is always the one that runs into
 * another's caches.
 */
export async function interleaved(
  contenders: readonly Contender[],
  runs: number,
  warmUp: number,
  onProgress: (fraction: number) => void = () => undefined,
): Promise<readonly Times[]> {
  const samples = contenders.map((): number[] => []);
  for (let round = 0; round < warmUp + runs; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + turn) % contenders.length;
      const start = performance.now();
      await contenders[index]?.run();
      if (round >= warmUp) samples[index]?.push(performance.now() - start);
    }
    onProgress((round + 1) / (warmUp + runs));
  }
  return contenders.map(({ name }, i) => ({ name, ...summary(samples[i] ?? []) }));
}

/** The median of an even number of samples is the mean of the middle two. */
export function summary(samples: readonly number[]): Omit<Times, "name"> {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
  return { median, min: sorted[0] ?? 0, runs: sorted.length };
}
