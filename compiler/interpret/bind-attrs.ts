/** @file Symbolic sizes in attributes (`shape = [dim[N], 64]`) as numbers, once symbols are bound. */
import { type Attr, type AttrDict, attr, type Dim, substituteDim } from "../../ir-spec/index.ts";

/** The same object where nothing is symbolic, so that readings of it stay cached. */
export function bindAttrs(attrs: AttrDict, bindings: ReadonlyMap<string, Dim>): AttrDict {
  if (![...attrs.values()].some(isSymbolic)) return attrs;
  return new Map([...attrs].map(([name, value]) => [name, bound(value, bindings)]));
}

function isSymbolic(value: Attr): boolean {
  return value.kind === "dim" || (value.kind === "list" && value.value.some(isSymbolic));
}

function bound(value: Attr, bindings: ReadonlyMap<string, Dim>): Attr {
  if (value.kind === "list") return attr.list(value.value.map((item) => bound(item, bindings)));
  if (value.kind !== "dim" || value.introduces) return value;
  return attr.dim(substituteDim(value.value, bindings));
}
