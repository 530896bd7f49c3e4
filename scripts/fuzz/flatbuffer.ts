/**
 * @file Where everything lies in a metadata FlatBuffer, by the generated description of the schema: the places that a mutation can aim at. Walks valid buffers only (those that
 * our own compiler wrote), so it checks nothing.
 */
import { rootTable, tableLayouts } from "../../ir-spec/format/gen/layout.ts";

export interface Place {
  /** `Program.dims`, `Func.params` ... */
  readonly field: string;
  readonly at: number;
  /** Bytes of one item. */
  readonly size: number;
  readonly count: number;
}

export interface Anatomy {
  readonly scalars: readonly Place[];
  /** Vectors of numbers and structs; `at` is the first item, the count lies 4 bytes before it. */
  readonly vectors: readonly Place[];
  /** Bytes of each string. */
  readonly strings: readonly Place[];
  /** 32-bit offsets. */
  readonly offsets: readonly Place[];
  /** 16-bit entries of vtables. */
  readonly vtables: readonly Place[];
}

type Mutable = { -readonly [K in keyof Anatomy]: Place[] };

export function anatomyOf(bytes: Uint8Array): Anatomy {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Mutable = { scalars: [], vectors: [], strings: [], offsets: [], vtables: [] };
  found.offsets.push({ field: "root", at: 0, size: 4, count: 1 });
  walkTable(view, view.getUint32(0, true), rootTable, found);
  return found;
}

function walkTable(view: DataView, at: number, name: string, found: Mutable): void {
  const vtable = at - view.getInt32(at, true);
  const size = view.getUint16(vtable, true);
  found.offsets.push({ field: `${name}.vtable`, at, size: 4, count: 1 });
  found.vtables.push({ field: name, at: vtable, size: 2, count: size / 2 });
  (tableLayouts[name] ?? []).forEach((layout, i) => {
    const slot = 4 + 2 * i;
    const offset = slot < size ? view.getUint16(vtable + slot, true) : 0;
    if (offset === 0) return;
    const field = `${name}.${layout.name}`;
    const place = at + offset;
    if (layout.kind === "scalar") {
      found.scalars.push({ field, at: place, size: layout.size, count: 1 });
      return;
    }
    const target = place + view.getUint32(place, true);
    found.offsets.push({ field, at: place, size: 4, count: 1 });
    if (layout.kind === "table") walkTable(view, target, layout.table, found);
    else if (layout.kind === "vector")
      found.vectors.push({ field, at: target + 4, size: layout.size, count: view.getUint32(target, true) });
    else walkOffsets(view, target, field, found, layout.kind === "tables" ? layout.table : null);
  });
}

function walkOffsets(view: DataView, at: number, field: string, found: Mutable, table: string | null): void {
  const count = view.getUint32(at, true);
  for (let i = 0; i < count; i++) {
    const place = at + 4 + 4 * i;
    const target = place + view.getUint32(place, true);
    found.offsets.push({ field, at: place, size: 4, count: 1 });
    if (table !== null) walkTable(view, target, table, found);
    else found.strings.push({ field, at: target + 4, size: 1, count: view.getUint32(target, true) });
  }
}
