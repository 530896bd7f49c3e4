/** @file `tersor.config.ts`: what a project says once instead of on every command line. Plain data and plugins; checked whole, every problem at once. */
import { nearest, type Problem, TersorError } from "../../ir-spec/index.ts";
import type { WasmExtension } from "../../runtime/backends/wasm/index.ts";
import type { PreprocessingDeclaration } from "../emit/preprocessing.ts";
import type { PluginInput } from "../plugin/plugin.ts";

export interface TersorConfig {
  /** Used by every command. Falsy entries are ignored, arrays flattened; one that is named like a bundled plugin replaces it. */
  readonly plugins?: readonly PluginInput[];
  /** Runtime halves of plugins, for the commands that run a file. */
  readonly extend?: readonly WasmExtension[];
  /** A named pipeline; `compile --preset`. Not together with `passes`. */
  readonly preset?: string;
  /** Pipeline text; `compile --passes`. */
  readonly passes?: string;
  /** `compile --target`. */
  readonly targets?: readonly string[];
  /** `--fallback`: the backend for ops that a target has no kernel for. */
  readonly fallback?: string;
  /** `--data`: samples to calibrate with, and to measure on. */
  readonly data?: string;
  /** An integer from 0 to 2^32 - 1. */
  readonly seed?: number;
  /** How pictures are prepared for the model; `compile --preprocess`. */
  readonly preprocessing?: PreprocessingDeclaration;
  /** `compile --report`: where the HTML report goes. */
  readonly report?: string;
  /** `--backend` of the commands that run a file. */
  readonly backend?: string;
}

/** Types a configuration; returns it as it is. */
export function defineConfig(config: TersorConfig): TersorConfig {
  return config;
}

/** What a field must be; null when it is. */
type Check = (value: unknown) => string | null;

const string: Check = (value) => (typeof value === "string" ? null : "a string");
const list: Check = (value) => (Array.isArray(value) ? null : "a list");
const record: Check = (value) => (isRecord(value) ? null : "a record");

const checks: { readonly [K in keyof TersorConfig]-?: Check } = {
  plugins: (value) =>
    list(value) ?? (pluginsIn(value as readonly unknown[]) ? null : "a list of plugins: did you forget to call one, as in prune()?"),
  extend: (value) => list(value) ?? ((value as readonly unknown[]).every(isRecord) ? null : "a list of runtime halves"),
  preset: string,
  passes: string,
  targets: (value) =>
    list(value) ?? ((value as readonly unknown[]).every((item) => typeof item === "string") ? null : "a list of target names"),
  fallback: string,
  data: string,
  seed: (value) =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffffffff ? null : "an integer from 0 to 4294967295",
  preprocessing: record,
  report: string,
  backend: string,
};

export const configKeys: readonly string[] = Object.keys(checks);

/** A loaded value as a configuration. @param file for errors @throws TersorError E0009 with every field that is wrong. */
export function checkConfig(value: unknown, file: string): TersorConfig {
  if (!isRecord(value))
    throw new TersorError({ code: "E0009", message: `the default export must be a record, found ${describe(value)}`, where: file });
  const problems = Object.entries(value).flatMap(([key, field]) => fieldProblem(key, field, file) ?? []);
  if (value.preset !== undefined && value.passes !== undefined)
    problems.push({ code: "E0009", message: "preset and passes exclude each other", where: `${file}: preset` });
  if (problems.length > 0) throw new TersorError(problems);
  return value as TersorConfig;
}

function fieldProblem(key: string, value: unknown, file: string): Problem | null {
  if (!Object.hasOwn(checks, key)) {
    const near = nearest(key, configKeys);
    const hint = near === null ? `there are: ${configKeys.join(", ")}` : `did you mean "${near}"?`;
    return { code: "E0009", message: `unknown key "${key}"`, where: file, hint };
  }
  const expected = value === undefined ? null : checks[key as keyof TersorConfig](value);
  return expected === null ? null : { code: "E0009", message: `expected ${expected}; found ${describe(value)}`, where: `${file}: ${key}` };
}

/** Falsy, plugins, or lists of these. */
function pluginsIn(items: readonly unknown[]): boolean {
  return items.every((item) => !item || (Array.isArray(item) ? pluginsIn(item) : isRecord(item) && typeof item.name === "string"));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return JSON.stringify(value);
  return Array.isArray(value) ? "a list" : value === null ? "null" : typeof value;
}
