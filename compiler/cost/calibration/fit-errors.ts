/** @file How well a profile gives back the samples that it was fitted on: a lower bound of its error elsewhere. */
import { estimate } from "../fit.ts";
import type { CostProfile } from "../profile.ts";
import type { CalibrationSamples } from "./calibrate.ts";
import { median } from "./reference.ts";

export interface FitError {
  readonly family: string;
  readonly samples: number;
  /** Median of |predicted / measured - 1|. */
  readonly median: number;
  /** Share of samples predicted within 20 %. */
  readonly within20: number;
}

export function fitErrors(profile: CostProfile, samples: CalibrationSamples): readonly FitError[] {
  return samples.families.map(({ family, terms, samples: own }) => {
    const fitted = profile.kernels[family] ?? {};
    const coefficients = terms.map((term) => fitted[term] ?? 0);
    const errors = own.map(({ counts, microseconds }) => Math.abs(estimate(coefficients, counts) / microseconds - 1));
    return { family, samples: own.length, median: median(errors), within20: errors.filter((e) => e <= 0.2).length / errors.length };
  });
}
