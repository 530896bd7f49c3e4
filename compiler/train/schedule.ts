/** @file Learning-rate schedules: the rate of a step by its number, from 0, and how many there will be. */
import { cos } from "../random/elementary.ts";

export type Schedule = (step: number, steps: number) => number;

export const constantRate =
  (rate: number): Schedule =>
  () =>
    rate;

export interface CosineOptions {
  /** Steps of linear growth from 0 at the start; default 0. */
  readonly warmup?: number;
  /** The last rate as a part of the highest; default 0. */
  readonly floor?: number;
}

/** Half a cosine from `highest` to `floor * highest` (Loshchilov and Hutter, "SGDR", 2017). The same bits on every engine. */
export function cosine(highest: number, { warmup = 0, floor = 0 }: CosineOptions = {}): Schedule {
  return (step, steps) => {
    if (step < warmup) return (highest * (step + 1)) / (warmup + 1);
    const done = (step - warmup) / Math.max(1, steps - warmup);
    return highest * (floor + (1 - floor) * 0.5 * (1 + cos(Math.PI * Math.min(1, done))));
  };
}
