/** @file The cost model of a target: a profile asked about steps. Everything that chooses, warns or reports asks here. */
import type { KernelRow } from "../../runtime/manifest.ts";
import { counted, familyOf, graphFamilyOf } from "./families/index.ts";
import type { CostContext, CostFamily } from "./family.ts";
import { estimate } from "./fit.ts";
import type { CostProfile } from "./profile.ts";
import { type CostStep, touchedBytes } from "./step.ts";

export interface CostModel {
  readonly target: string;
  /** The profile that it asks; null: the manifest's rough terms only. */
  readonly profile: CostProfile | null;
  /** What its profile has coefficients for. */
  readonly families: Families;
  /** Microseconds of one step. */
  step(step: CostStep, context: CostContext): number;
  /** Microseconds of a run besides its steps: binding, inputs in, outputs out. */
  run(inputBytes: number, outputBytes: number): number;
}

/** Kernels whose time follows from more than the op record's counts. */
export type Families = (step: CostStep) => CostFamily;

export const wasmFamilies: Families = familyOf;
export const graphFamilies: Families = graphFamilyOf;
export const countedFamilies: Families = (step) => counted(step.kernel);

export const runTerms = ["launch", "input bytes", "output bytes"] as const;

export function costModel(target: string, profile: CostProfile | null, families: Families): CostModel {
  return {
    target,
    profile,
    families,
    step(step, context) {
      const { row } = step;
      if (row?.view) return 0;
      const family = families(step);
      const fitted = profile?.kernels[family.name];
      if (fitted) return estimate(coefficients(fitted, family.terms), family.count(step, context));
      return row ? roughly(row, step) * (profile?.unmeasured ?? 1) : 0;
    },
    run: (inputBytes, outputBytes) => (profile ? estimate(coefficients(profile.run, runTerms), [1, inputBytes, outputBytes]) : 0),
  };
}

function coefficients(fitted: Readonly<Record<string, number>>, terms: readonly string[]): readonly number[] {
  return terms.map((term) => fitted[term] ?? 0);
}

/** The same target by another profile. */
export function withProfile({ target, families }: CostModel, profile: CostProfile): CostModel {
  return costModel(target, profile, families);
}

/** What a target has that brings no model of its own: the manifest's rough terms. */
export function roughModel(target: string): CostModel {
  return costModel(target, null, countedFamilies);
}

/** By the manifest's terms. */
export function roughly({ cost }: KernelRow, step: CostStep): number {
  const { launch, macNs, byteNs, opNs } = cost;
  return launch + (step.macs * macNs + touchedBytes(step) * byteNs + step.elementOps * opNs) / 1000;
}
