/** @file Checks of what a record refers to: strings, types, attributes of a kind, locations, requirements. */
import { AttrKind, dtypeBits } from "../ir-spec/format/codes.ts";
import { checkDim, inRange, optionalInRange } from "./check-tables.ts";
import { RuntimeError } from "./errors.ts";
import { planDim } from "./plan-dim.ts";
import type { ProgramView, RequireView } from "./program-view.ts";

/** A single value or constant may not be declared larger: what a backend would have to allocate. */
export const maxTensorBytes = 2 ** 32;

/** Bytes of a value of this type; null when a dim is symbolic, NaN when one is negative. */
export function staticBytes(view: ProgramView, type: number): number | null {
  const { dtype, dims } = view.types[type] ?? { dtype: 0, dims: [] };
  let count = 1;
  for (const dim of dims) {
    const size = planDim(view, dim);
    if (typeof size !== "number") return null;
    count *= size >= 0 ? size : Number.NaN;
  }
  return Math.ceil((count * (dtypeBits[dtype] ?? 0)) / 8);
}

export function checkType(view: ProgramView, type: number, where: string): void {
  inRange(type, view.types.length, "type", where);
  const bytes = staticBytes(view, type);
  if (bytes !== null && !(bytes >= 0 && bytes <= maxTensorBytes)) {
    throw new RuntimeError("R0203", `a value would take ${bytes} bytes, the limit is ${maxTensorBytes}`, where);
  }
}

export function checkOptionalKind(view: ProgramView, attr: number, kind: number, where: string): void {
  optionalInRange(attr, view.attrs.length, "attribute", where);
  if (attr !== 0 && view.attrs[attr - 1]?.kind !== kind) throw new RuntimeError("R0204", "an attribute has the wrong kind here", where);
}

/** A location: a list of places, each a list that begins with a file's name, then strings and integers. */
export function checkLocation(view: ProgramView, loc: number, where: string): void {
  checkOptionalKind(view, loc, AttrKind.list, where);
  for (const place of loc === 0 ? [] : listOf(view, loc - 1)) {
    const parts = view.attrs[place]?.kind === AttrKind.list ? listOf(view, place) : [];
    const kinds = [...parts].map((part) => view.attrs[part]?.kind);
    if (kinds[0] !== AttrKind.string || kinds.some((kind) => kind !== AttrKind.string && kind !== AttrKind.int)) {
      throw new RuntimeError("R0204", "a location is malformed", where);
    }
  }
}

function listOf(view: ProgramView, attr: number): Uint32Array {
  const { a, b } = view.attrs[attr] ?? { a: 0, b: 0 };
  return view.listItems.subarray(a, a + b);
}

export function checkString(view: ProgramView, index: number, where: string): void {
  inRange(index, view.strings.length, "string", where);
}

export function checkOptionalString(view: ProgramView, index: number, where: string): void {
  optionalInRange(index, view.strings.length, "string", where);
}

export function checkRequires(view: ProgramView, requires: readonly RequireView[], where: string): void {
  for (const { left, right } of requires) {
    checkDim(view, left, where);
    checkDim(view, right, where);
  }
}
