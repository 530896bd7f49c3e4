/** @file The methods by name. */
import type { Random } from "../../../compiler/index.ts";
import type { Factoring } from "../factoring.ts";
import type { LayerView } from "../layer-view.ts";
import { cholesky, damped } from "../linear-algebra/cholesky.ts";
import type { Matrix } from "../linear-algebra/matrix.ts";
import { cpFactoring } from "./cp.ts";
import { nmfFactoring } from "./nmf.ts";
import { isSpatial, spatialFactoring } from "./spatial.ts";
import { svdFactoring } from "./svd.ts";
import { hasWindow, tuckerFactoring } from "./tucker.ts";

export const methods = ["whitened", "svd", "spatial", "tucker", "cp", "nmf"] as const;

export interface MethodOptions {
  readonly method: (typeof methods)[number];
  readonly damping: number;
}

/** @param second second moments of the inputs; null without data */
export function factoringOf(view: LayerView, random: Random, options: MethodOptions, second: Matrix | null): Factoring {
  switch (options.method) {
    case "svd":
      return svdFactoring(view, random, null);
    case "spatial":
      if (isSpatial(view)) return spatialFactoring(view, random);
      break;
    case "tucker":
      if (hasWindow(view)) return tuckerFactoring(view, random);
      break;
    case "cp":
      if (hasWindow(view)) return cpFactoring(view, random);
      break;
    case "nmf":
      return nmfFactoring(view, random);
    case "whitened":
      break;
  }
  return svdFactoring(view, random, second ? whitening(second, options.damping) : null);
}

/** Inputs that are linearly dependent need some damping: it grows until the factor exists. */
function whitening(second: Matrix, damping: number): Matrix | null {
  for (let share = damping; share <= 1; share = Math.max(share * 10, 1e-12)) {
    const root = cholesky(damped(second, share));
    if (root) return root;
  }
  return null;
}
