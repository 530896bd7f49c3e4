/**
 * @file Equality of modules: structure, names, docs, locations, attributes and constant bits. The order of constants does not count (the printer
 * groups them by owner), nor do value ids (only what they name). The first difference is told in words, for tests and reports.
 */
import { type AttrDict, attrDictEquals } from "./attr.ts";
import { bytesEqual, type Constant, type Resource, storageEquals } from "./constant.ts";
import { dimEquals } from "./dim.ts";
import type { Carry, Func, Module, Op, Operand, Require, ValueId } from "./graph.ts";
import { type Location, placeEquals } from "./location.ts";
import { printType, type TensorType, typeEquals } from "./type.ts";

export function moduleEquals(a: Module, b: Module): boolean {
  return moduleDifference(a, b) === null;
}

/** The first difference in words, or null. */
export function moduleDifference(a: Module, b: Module): string | null {
  if (a === b) return null;
  return (
    differ("version", a.version, b.version) ??
    differ("name", a.name, b.name) ??
    differ("doc", a.doc, b.doc) ??
    differ("meta's doc", a.metaDoc, b.metaDoc) ??
    flag("meta", dictsEqual(a.meta, b.meta)) ??
    differ("resources", [...a.resources.keys()].join(), [...b.resources.keys()].join()) ??
    differ("functions", [...a.functions.keys()].join(), [...b.functions.keys()].join()) ??
    differ("number of constants", a.constants.size, b.constants.size) ??
    first(a.resources, (name, r) => resourceDifference(name, r, b.resources.get(name))) ??
    first(a.functions, (name, f) => functionDifference(name, f, b.functions.get(name))) ??
    first(a.constants, (name, c) => constantDifference(name, c, b.constants.get(name)))
  );
}

function differ(what: string, a: string | number | null, b: string | number | null): string | null {
  return a === b ? null : `${what}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`;
}

function flag(what: string, equal: boolean): string | null {
  return equal ? null : `${what} differ`;
}

function first<T>(items: ReadonlyMap<string, T>, difference: (name: string, item: T) => string | null): string | null {
  for (const [name, item] of items) {
    const found = difference(name, item);
    if (found !== null) return found;
  }
  return null;
}

function dictsEqual(a: AttrDict | null, b: AttrDict | null): boolean {
  return a === null || b === null ? a === b : attrDictEquals(a, b);
}

function locationsEqual(a: Location, b: Location): boolean {
  return a.length === b.length && a.every((place, i) => placeEquals(place, b[i] ?? { file: "", parts: [] }));
}

function differType(what: string, a: TensorType, b: TensorType): string | null {
  return typeEquals(a, b) ? null : `${what}: ${printType(a)} and ${printType(b)}`;
}

/** Bytes count only where both sides have them. */
function resourceDifference(name: string, a: Resource, b: Resource | undefined): string | null {
  if (!b) return `resource @${name} is missing`;
  const bytes = a.bytes === null || b.bytes === null || bytesEqual(a.bytes, b.bytes);
  const equal = a.path === b.path && a.doc === b.doc && attrDictEquals(a.attrs, b.attrs) && bytes;
  return flag(`resource @${name}`, equal);
}

function constantDifference(name: string, a: Constant, b: Constant | undefined): string | null {
  if (!b) return `constant @${name} is missing`;
  const what = `constant @${name}`;
  const common =
    differ(`${what}: kind`, a.kind, b.kind) ??
    differType(`${what}: type`, a.type, b.type) ??
    differ(`${what}: doc`, a.doc, b.doc) ??
    flag(`${what}: locations`, locationsEqual(a.loc, b.loc));
  if (common !== null) return common;
  if (a.kind === "data") return flag(`${what}: data`, b.kind === "data" && storageEquals(a.storage, b.storage));
  if (b.kind === "data") return `${what}: kind`;
  return (
    differ(`${what}: op`, a.op, b.op) ??
    differ(`${what}: operands`, JSON.stringify(a.operands), JSON.stringify(b.operands)) ??
    flag(`${what}: attributes`, attrDictEquals(a.attrs, b.attrs))
  );
}

/** Ids of b by ids of a, filled as definitions are met. */
type IdMap = Map<ValueId, ValueId>;

function functionDifference(name: string, a: Func, b: Func | undefined): string | null {
  if (!b) return `function @${name} is missing`;
  const what = `@${name}`;
  const ids: IdMap = new Map();
  const same = (x: Operand, y: Operand) => (typeof x === "number" ? ids.get(x) === y : x === y);
  const results = (f: Func) => f.results.map((r) => `${JSON.stringify(r.name)}: ${printType(r.type)}`).join();
  return (
    differ(`${what}: doc`, a.doc, b.doc) ??
    valuesDifference(`${what}: parameters`, a, b, a.params, b.params, ids) ??
    differ(`${what}: results`, results(a), results(b)) ??
    opsDifference(what, a, b, ids, same) ??
    flag(`${what}: returns`, a.returns.length === b.returns.length && a.returns.every((x, i) => same(x, b.returns[i] ?? null))) ??
    flag(`${what}: carries`, carriesEqual(a.carries, b.carries, same)) ??
    flag(`${what}: requires`, requiresEqual(a.requires, b.requires))
  );
}

function carriesEqual(a: readonly Carry[], b: readonly Carry[], same: (x: Operand, y: Operand) => boolean): boolean {
  return a.length === b.length && a.every((c, i) => same(c.param, b[i]?.param ?? null) && c.result === b[i]?.result);
}

function requiresEqual(a: readonly Require[], b: readonly Require[]): boolean {
  const equal = (x: Require, y: Require | undefined) => y !== undefined && dimEquals(x.left, y.left) && dimEquals(x.right, y.right);
  return a.length === b.length && a.every((r, i) => equal(r, b[i]));
}

function valuesDifference(what: string, a: Func, b: Func, as: readonly ValueId[], bs: readonly ValueId[], ids: IdMap): string | null {
  if (as.length !== bs.length) return `${what}: ${as.length} and ${bs.length}`;
  for (const [i, id] of as.entries()) {
    const other = bs[i] ?? -1;
    const x = a.values[id];
    const y = b.values[other];
    if (!x || !y) return `${what}: no value ${x ? other : id}`;
    const found = differ(`${what}: name`, x.name, y.name) ?? differType(what, x.type, y.type);
    if (found !== null) return found;
    ids.set(id, other);
  }
  return null;
}

function opsDifference(what: string, a: Func, b: Func, ids: IdMap, same: (x: Operand, y: Operand) => boolean): string | null {
  if (a.ops.length !== b.ops.length) return `${what}: ${a.ops.length} and ${b.ops.length} ops`;
  for (const [i, op] of a.ops.entries()) {
    const other = b.ops[i];
    if (!other) return `${what}: op ${i} is missing`;
    const where = `${what}: op ${i} (${op.name})`;
    const found = opDifference(where, op, other, same) ?? valuesDifference(`${where}: results`, a, b, op.results, other.results, ids);
    if (found !== null) return found;
  }
  return null;
}

function opDifference(where: string, a: Op, b: Op, same: (x: Operand, y: Operand) => boolean): string | null {
  const operands = a.operands.length === b.operands.length && a.operands.every((x, i) => same(x, b.operands[i] ?? null));
  return (
    differ(`${where}: name`, a.name, b.name) ??
    flag(`${where}: operands`, operands) ??
    flag(`${where}: attributes`, attrDictEquals(a.attrs, b.attrs)) ??
    differ(`${where}: doc`, a.doc, b.doc) ??
    flag(`${where}: locations`, locationsEqual(a.loc, b.loc))
  );
}
