/**
 * @file Modules, functions and ops: the one data structure from import to the last lowered op. Everything is immutable; passes make new
 * modules through the editor and share what they did not touch. Values are dense integer ids local to a function.
 */
import type { AttrDict } from "./attr.ts";
import type { Constant, Resource } from "./constant.ts";
import type { Dim } from "./dim.ts";
import type { Location } from "./location.ts";
import type { TensorType } from "./type.ts";

export type ValueId = number & { readonly brand?: "ValueId" };

/** A value id, the name of a constant, or an absent optional operand. */
export type Operand = ValueId | string | null;

export interface ValueInfo {
  /** null: unnamed, numbered on print. */
  readonly name: string | null;
  readonly type: TensorType;
}

export interface Op {
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly attrs: AttrDict;
  readonly results: readonly ValueId[];
  readonly doc: string | null;
  readonly loc: Location;
}

export interface FuncResult {
  readonly name: string;
  readonly type: TensorType;
}

/** `%state -> result`: the runtime feeds the result back as the parameter of the next call. */
export interface Carry {
  readonly param: ValueId;
  readonly result: string;
}

/** `require [a] == [b]`, checked when shapes are bound. */
export interface Require {
  readonly left: Dim;
  readonly right: Dim;
}

export interface Func {
  readonly name: string;
  /** Indexed by ValueId. */
  readonly values: readonly ValueInfo[];
  /** Parameters; always named. */
  readonly params: readonly ValueId[];
  readonly results: readonly FuncResult[];
  readonly returns: readonly (ValueId | string)[];
  readonly carries: readonly Carry[];
  readonly requires: readonly Require[];
  /** In order of execution; an operand is defined before its use. */
  readonly ops: readonly Op[];
  readonly doc: string | null;
}

export interface Module {
  /** Version of the language, e.g. `1.0`. */
  readonly version: string;
  readonly name: string;
  readonly doc: string | null;
  /** null: no `meta` written. */
  readonly meta: AttrDict | null;
  readonly metaDoc: string | null;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly functions: ReadonlyMap<string, Func>;
  readonly constants: ReadonlyMap<string, Constant>;
}

export function emptyModule(name: string): Module {
  return {
    version: "1.0",
    name,
    doc: null,
    meta: null,
    metaDoc: null,
    resources: new Map(),
    functions: new Map(),
    constants: new Map(),
  };
}

export function mainFunction(module: Module): Func {
  const main = module.functions.get("main");
  if (!main) throw new RangeError(`module @${module.name} has no function @main`);
  return main;
}

/** @throws RangeError on an id that the function does not have. */
export function valueInfo(func: Func, id: ValueId): ValueInfo {
  const info = func.values[id];
  if (!info) throw new RangeError(`@${func.name} has no value ${id}`);
  return info;
}

/** Type of an operand, `null` for an absent one. @throws RangeError on an unknown value or constant. */
export function operandType(module: Module, func: Func, operand: Operand): TensorType | null {
  if (operand === null) return null;
  if (typeof operand === "number") return valueInfo(func, operand).type;
  const constant = module.constants.get(operand);
  if (!constant) throw new RangeError(`module @${module.name} has no constant @${operand}`);
  return constant.type;
}
