/**
 * @file Typed options of a pass. They *are* its pipeline-text and command-line options: one spec parses, prints, documents and types each.
 */

/** A value in pipeline text (IR.md section 6). `50%` arrives as 0.5. */
export type PipelineValue = number | string | boolean | readonly PipelineValue[];

export interface OptionSpec<T> {
  /** For help texts: `number 0..1`, `global | layer`. */
  readonly type: string;
  readonly doc: string;
  readonly required: boolean;
  readonly fallback: T | undefined;
  /** The value, or `undefined` when it does not fit. */
  parse(value: PipelineValue): T | undefined;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec<unknown>>>;
export type OptionValues<S extends OptionSpecs> = { readonly [K in keyof S]: S[K] extends OptionSpec<infer T> ? T : never };

interface NumberLimits {
  readonly min?: number;
  readonly max?: number;
  readonly integer?: boolean;
}

function spec<T>(type: string, doc: string, fallback: T | undefined, parse: (value: PipelineValue) => T | undefined): OptionSpec<T> {
  return { type, doc, required: fallback === undefined, fallback, parse };
}

function numberIn(limits: NumberLimits) {
  return (value: PipelineValue): number | undefined => {
    if (typeof value !== "number" || Number.isNaN(value)) return undefined;
    if (limits.integer && !Number.isInteger(value)) return undefined;
    return value >= (limits.min ?? Number.NEGATIVE_INFINITY) && value <= (limits.max ?? Number.POSITIVE_INFINITY) ? value : undefined;
  };
}

function limitText(limits: NumberLimits): string {
  const kind = limits.integer ? "integer" : "number";
  return limits.min === undefined && limits.max === undefined ? kind : `${kind} ${limits.min ?? ""}..${limits.max ?? ""}`;
}

/** Specs without a fallback are required. */
export const option = {
  number: (doc: string, fallback?: number, limits: NumberLimits = {}) => spec(limitText(limits), doc, fallback, numberIn(limits)),
  integer: (doc: string, fallback?: number, limits: NumberLimits = {}) =>
    spec(limitText({ ...limits, integer: true }), doc, fallback, numberIn({ ...limits, integer: true })),
  bool: (doc: string, fallback?: boolean) => spec("true | false", doc, fallback, (v) => (typeof v === "boolean" ? v : undefined)),
  string: (doc: string, fallback?: string) => spec("string", doc, fallback, (v) => (typeof v === "string" ? v : undefined)),
  oneOf: <const E extends string>(members: readonly E[], doc: string, fallback?: E) =>
    spec<E>(members.join(" | "), doc, fallback, (v) => members.find((m) => m === v)),
  /** Glob patterns over constant names. */
  names: (doc: string, fallback?: readonly string[]) =>
    spec<readonly string[]>("list of strings", doc, fallback, (v) => {
      const list = Array.isArray(v) ? (v as readonly PipelineValue[]) : [v as PipelineValue];
      return list.every((item) => typeof item === "string") ? (list as readonly string[]) : undefined;
    }),
};

export type OptionReading =
  | { readonly ok: true; readonly values: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly message: string };

/** Values for a pass, defaults filled in; the message names the first wrong option. */
export function readOptions(specs: OptionSpecs, given: Readonly<Record<string, PipelineValue>>): OptionReading {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(specs, name)) {
      const names = Object.keys(specs);
      return { ok: false, message: `unknown option "${name}"; it has ${names.length === 0 ? "no options" : names.join(", ")}` };
    }
  }
  const values: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(specs)) {
    const raw = given[name];
    if (raw === undefined) {
      if (item.required) return { ok: false, message: `option "${name}" (${item.type}) is missing` };
      values[name] = item.fallback;
      continue;
    }
    const value = item.parse(raw);
    if (value === undefined) return { ok: false, message: `option "${name}" must be ${item.type}, got ${JSON.stringify(raw)}` };
    values[name] = value;
  }
  return { ok: true, values };
}
