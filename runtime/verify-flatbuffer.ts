/**
 * @file A verifier for FlatBuffers: the JavaScript library has none and reads whatever the offsets say. Driven by the generated description of our schema
 * (`ir-spec/format/gen/layout.ts`). Afterwards every generated accessor stays inside the buffer and every typed-array view is aligned. A buffer whose offsets share
 * targets could be read far longer than it is, so what is visited is charged against a budget of a few times its length.
 */
import { type FieldLayout, rootTable, tableLayouts } from "../ir-spec/format/gen/layout.ts";
import { RuntimeError } from "./errors.ts";

/** @throws RuntimeError R0201 naming the table and field. */
export function verifyFlatBuffer(bytes: Uint8Array, identifier: string): void {
  new Verifier(bytes).root(identifier);
}

class Verifier {
  private readonly view: DataView;
  private readonly length: number;
  private budget: number;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = bytes.byteLength;
    this.budget = 4 * bytes.byteLength + 1024;
  }

  root(identifier: string): void {
    if (this.length < 8) fail("root", "the buffer is too short");
    for (let i = 0; i < 4; i++) {
      if (this.view.getUint8(4 + i) !== identifier.charCodeAt(i)) fail("root", `the identifier is not ${identifier}`);
    }
    this.table(this.target(0, "root"), rootTable);
  }

  private table(at: number, name: string): void {
    this.within(at, 4, 4, name);
    const vtable = at - this.view.getInt32(at, true);
    this.within(vtable, 4, 2, name);
    const vtableSize = this.view.getUint16(vtable, true);
    const tableSize = this.view.getUint16(vtable + 2, true);
    if (vtableSize < 4 || vtableSize % 2 !== 0 || tableSize < 4) fail(name, "its vtable is broken");
    this.within(vtable, vtableSize, 2, name);
    this.within(at, tableSize, 4, name);
    this.charge(vtableSize + tableSize, name);
    (tableLayouts[name] ?? []).forEach((field, i) => {
      const slot = 4 + 2 * i;
      const offset = slot + 2 <= vtableSize ? this.view.getUint16(vtable + slot, true) : 0;
      this.field(field, at, offset, tableSize, `${name}.${field.name}`);
    });
  }

  private field(field: FieldLayout, table: number, offset: number, tableSize: number, where: string): void {
    if (offset === 0) {
      if (field.kind !== "scalar" && field.required) fail(where, "it is missing");
      return;
    }
    const size = field.kind === "scalar" ? field.size : 4;
    if (offset < 4 || offset + size > tableSize) fail(where, "it lies outside its table");
    if (field.kind === "scalar") return;
    const target = this.target(table + offset, where);
    if (field.kind === "table") this.table(target, field.table);
    else if (field.kind === "vector") this.vector(target, field.size, where);
    else this.offsets(target, where, (at) => (field.kind === "tables" ? this.table(at, field.table) : this.vector(at, 1, where)));
  }

  /** A vector of scalars or structs, or a string. Its count is aligned to 4, hence also the items that are viewed as 32-bit numbers. */
  private vector(at: number, size: number, where: string): number {
    this.within(at, 4, 4, where);
    const count = this.view.getUint32(at, true);
    this.within(at + 4, count * size, 1, where);
    this.charge(4 + count * size, where);
    return count;
  }

  private offsets(at: number, where: string, visit: (at: number) => void): void {
    const count = this.vector(at, 4, where);
    for (let i = 0; i < count; i++) visit(this.target(at + 4 + 4 * i, where));
  }

  /** Follows a forward offset. */
  private target(at: number, where: string): number {
    this.within(at, 4, 4, where);
    const target = at + this.view.getUint32(at, true);
    this.within(target, 4, 4, where);
    return target;
  }

  private within(at: number, size: number, align: number, where: string): void {
    if (at < 0 || at % align !== 0 || at + size > this.length) fail(where, "an offset leads outside the buffer");
  }

  private charge(bytes: number, where: string): void {
    this.budget -= bytes;
    if (this.budget < 0) fail(where, "parts of the buffer overlap");
  }
}

function fail(where: string, message: string): never {
  throw new RuntimeError("R0201", `broken metadata: ${message}`, where);
}
