/** @file A cost profile: the fitted coefficients of one target, where they were measured, and reading one from JSON. */
import { TersorError } from "../../ir-spec/index.ts";

export const profileFormat = 1;

/** What the coefficients were measured on. */
export interface Fingerprint {
  readonly cpu: string;
  readonly cores: number;
  readonly arch: string;
  /** JavaScript engine or native runtime, with version. */
  readonly engine: string;
  /** GPU or software adapter, where there is one. */
  readonly adapter?: string;
}

export interface CostProfile {
  readonly format: typeof profileFormat;
  readonly target: string;
  readonly tersor: string;
  readonly measuredOn: Fingerprint;
  /** Microseconds of the reference kernel there: f32 GEMM 128x128x128 on the wasm backend, one thread. Times over this compare machines. */
  readonly referenceMicroseconds: number;
  /** Per family, microseconds per unit of its terms, which are named. */
  readonly kernels: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** What a run takes besides its steps: `launch`, and per byte of input and output. */
  readonly run: Readonly<Record<string, number>>;
  /** Measured over predicted by the manifest's rough terms, for kernels that were not measured. */
  readonly unmeasured: number;
}

/** @throws TersorError E0810 naming what is wrong */
export function readProfile(text: string, where: string): CostProfile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(where, `it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return checkedProfile(value, where);
}

export function checkedProfile(value: unknown, where: string): CostProfile {
  if (!isRecord(value)) throw malformed(where, "it is no object");
  if (value.format !== profileFormat)
    throw malformed(where, `format ${JSON.stringify(value.format)} is not ${profileFormat}; calibrate again`);
  if (typeof value.target !== "string") throw malformed(where, "target must be a string");
  if (!isPositive(value.referenceMicroseconds)) throw malformed(where, "referenceMicroseconds must be a positive number");
  if (!isPositive(value.unmeasured)) throw malformed(where, "unmeasured must be a positive number");
  if (!isRecord(value.measuredOn)) throw malformed(where, "measuredOn must be an object");
  if (!isRecord(value.kernels)) throw malformed(where, "kernels must be an object");
  for (const [family, terms] of [...Object.entries(value.kernels), ["run", value.run] as const]) checkTerms(terms, family, where);
  return value as unknown as CostProfile;
}

function checkTerms(terms: unknown, family: string, where: string): void {
  if (!isRecord(terms)) throw malformed(where, `${family} must be an object`);
  const bad = Object.entries(terms).find(([, n]) => typeof n !== "number" || !(n >= 0) || !Number.isFinite(n));
  if (bad) throw malformed(where, `${family}: ${bad[0]} must be a number from 0, got ${JSON.stringify(bad[1])}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPositive(value: unknown): boolean {
  return typeof value === "number" && value > 0 && Number.isFinite(value);
}

function malformed(where: string, message: string): TersorError {
  return new TersorError({ code: "E0810", message: `cost profile ${where}: ${message}` });
}
