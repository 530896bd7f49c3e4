/**
 * @file Typed attributes: each op lists its attributes as specs that read stored `Attr`s into plain JavaScript values and write them back.
 * Values equal to the default may be left out of the text; what was written is kept as written.
 */
import { type Attr, type AttrDict, attr } from "../core/attr.ts";
import type { Dim } from "../core/dim.ts";
import { type DType, isDType } from "../core/dtype.ts";

export interface AttrSpec<T> {
  /** For OPS.md: `int`, `list of int`, `none | relu`... */
  readonly type: string;
  readonly doc: string;
  readonly required: boolean;
  readonly fallback: T | undefined;
  /** The value, or `undefined` when the stored attribute has another kind. */
  read(stored: Attr): T | undefined;
  write(value: T): Attr;
}

export type AttrSpecs = Readonly<Record<string, AttrSpec<unknown>>>;
export type AttrValues<S extends AttrSpecs> = { readonly [K in keyof S]: S[K] extends AttrSpec<infer T> ? T : never };
/** What a caller may pass when making an op: any subset. */
export type AttrInput = Readonly<Record<string, unknown>>;

interface Codec<T> {
  readonly type: string;
  read(stored: Attr): T | undefined;
  write(value: T): Attr;
}

function spec<T>(codec: Codec<T>, doc: string, fallback?: T): AttrSpec<T> {
  return { ...codec, doc, required: fallback === undefined, fallback };
}

const int: Codec<number> = {
  type: "int",
  read: (s) => (s.kind === "int" && typeof s.value === "number" ? s.value : undefined),
  write: (v) => attr.int(v),
};
const float: Codec<number> = {
  type: "float",
  read: (s) => (s.kind === "float" ? s.value : s.kind === "int" ? Number(s.value) : undefined),
  write: (v) => attr.float(v),
};
const bool: Codec<boolean> = { type: "bool", read: (s) => (s.kind === "bool" ? s.value : undefined), write: (v) => attr.bool(v) };
const string: Codec<string> = { type: "string", read: (s) => (s.kind === "string" ? s.value : undefined), write: (v) => attr.string(v) };
const symbol: Codec<string> = { type: "symbol", read: (s) => (s.kind === "symbol" ? s.value : undefined), write: (v) => attr.symbol(v) };
const dtype: Codec<DType> = {
  type: "dtype",
  read: (s) => (s.kind === "enum" && isDType(s.value) ? s.value : undefined),
  write: (v) => attr.enum(v),
};
const dim: Codec<Dim> = {
  type: "dim",
  read: (s) => (s.kind === "dim" ? s.value : int.read(s)),
  write: (v) => attr.dim(v),
};

function listOf<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    type: `list of ${item.type}`,
    read(stored) {
      if (stored.kind !== "list") return undefined;
      const values = stored.value.map((s) => item.read(s));
      return values.every((v) => v !== undefined) ? (values as readonly T[]) : undefined;
    },
    write: (values) => attr.list(values.map((v) => item.write(v))),
  };
}

function oneOf<E extends string>(members: readonly E[]): Codec<E> {
  return {
    type: members.join(" | "),
    read: (s) => (s.kind === "enum" && (members as readonly string[]).includes(s.value) ? (s.value as E) : undefined),
    write: (v) => attr.enum(v),
  };
}

/** Specs without a fallback are required. */
export const a = {
  int: (doc: string, fallback?: number) => spec(int, doc, fallback),
  float: (doc: string, fallback?: number) => spec(float, doc, fallback),
  bool: (doc: string, fallback?: boolean) => spec(bool, doc, fallback),
  string: (doc: string, fallback?: string) => spec(string, doc, fallback),
  symbol: (doc: string) => spec(symbol, doc),
  dtype: (doc: string, fallback?: DType) => spec(dtype, doc, fallback),
  dim: (doc: string, fallback?: Dim) => spec(dim, doc, fallback),
  ints: (doc: string, fallback?: readonly number[]) => spec(listOf(int), doc, fallback),
  floats: (doc: string, fallback?: readonly number[]) => spec(listOf(float), doc, fallback),
  /** A shape or part of one: integers and `dim[...]`. */
  dims: (doc: string, fallback?: readonly Dim[]) => spec(listOf(dim), doc, fallback),
  enum: <const E extends string>(members: readonly E[], doc: string, fallback?: E) => spec(oneOf(members), doc, fallback),
};

/** A dotted name is a note that passes may drop; ops do not declare it. */
export function isNote(name: string): boolean {
  return name.includes(".");
}

export type AttrReading =
  | { readonly ok: true; readonly values: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly message: string };

/** Stored attributes to typed values with defaults filled in; the message names the first wrong attribute. */
export function readAttrs(specs: AttrSpecs, stored: AttrDict): AttrReading {
  for (const name of stored.keys()) {
    if (!isNote(name) && !Object.hasOwn(specs, name)) {
      const names = Object.keys(specs);
      return { ok: false, message: `unknown attribute "${name}"; it has ${names.length === 0 ? "none" : names.join(", ")}` };
    }
  }
  const values: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(specs)) {
    const given = stored.get(name);
    if (given === undefined) {
      if (item.required) return { ok: false, message: `attribute "${name}" (${item.type}) is missing` };
      values[name] = item.fallback;
      continue;
    }
    const value = item.read(given);
    if (value === undefined) return { ok: false, message: `attribute "${name}" must be ${item.type}, got ${given.kind}` };
    values[name] = value;
  }
  return { ok: true, values };
}

/** Plain values to stored attributes, in the order of the specs; `undefined` and values equal to the default are left out. */
export function writeAttrs(specs: AttrSpecs, values: AttrInput): AttrDict {
  const stored = new Map<string, Attr>();
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(specs, name)) throw new RangeError(`unknown attribute "${name}"`);
  }
  for (const [name, item] of Object.entries(specs)) {
    const value = values[name];
    if (value === undefined || sameValue(value, item.fallback)) continue;
    stored.set(name, item.write(value));
  }
  return stored;
}

function sameValue(x: unknown, y: unknown): boolean {
  if (Object.is(x, y)) return true;
  return Array.isArray(x) && Array.isArray(y) && x.length === y.length && x.every((v, i) => Object.is(v, y[i]));
}
