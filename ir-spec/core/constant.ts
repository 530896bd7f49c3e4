/**
 * @file Constants: *data* (bytes) or *derived* (one op applied to other constants). A compressed weight is a derived constant:
 * the layer that uses it does not change, its definition does (IR.md section 1).
 */
import type { AttrDict } from "./attr.ts";
import { hashBytes } from "./hash.ts";
import { type Location, unknownLocation } from "./location.ts";
import { type TensorType, typeByteLength } from "./type.ts";

/** How the bytes of a data constant are stored and printed. */
export type DataStorage =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Every element is this one element (its little-endian bytes; one value in the low bits for a sub-byte dtype). */
  | { readonly kind: "splat"; readonly element: Uint8Array }
  /** A slice of a named resource. `read` returns exactly `length` bytes. */
  | { readonly kind: "resource"; readonly resource: string; readonly offset: number; readonly length: number }
  /** Reproducible noise for reproducers. */
  | { readonly kind: "random"; readonly seed: number | bigint }
  /** Bytes left out: verifies, does not run. */
  | { readonly kind: "elided"; readonly sha256: string; readonly length: number };

/**
 * Bytes that lie elsewhere (a region of a file, or what a definition gives) and are made each time they are asked for, so that a module of a gigabyte need not be in memory. Whoever keeps what `bytes` gave
 * keeps the memory. The bytes must be the same each time.
 */
export class BytesElsewhere {
  readonly kind = "bytes";
  readonly length: number;
  private readonly source: ByteSource;

  constructor(length: number, source: ByteSource) {
    this.length = length;
    this.source = source;
  }

  get bytes(): Uint8Array {
    return this.source.read();
  }

  /** `length` bytes from `offset` on. */
  part(offset: number, length: number): Uint8Array {
    return this.source.readPart?.(offset, length) ?? this.bytes.subarray(offset, offset + length);
  }

  /** Puts the bytes there, without a copy of them all in between where the source can. */
  copyTo(target: Uint8Array): void {
    if (this.source.readInto) this.source.readInto(target);
    else target.set(this.bytes);
  }
}

/** Where bytes come from: always the same number of them, and the same ones. */
export interface ByteSource {
  read(): Uint8Array;
  readInto?(target: Uint8Array): void;
  readPart?(offset: number, length: number): Uint8Array;
}

/** How many bytes there are, without making them. */
export function bytesLength(storage: DataStorage & { readonly kind: "bytes" }): number {
  return storage instanceof BytesElsewhere ? storage.length : storage.bytes.length;
}

export interface DataConstant {
  readonly kind: "data";
  readonly name: string;
  readonly type: TensorType;
  readonly storage: DataStorage;
  readonly doc: string | null;
  readonly loc: Location;
}

export interface DerivedConstant {
  readonly kind: "derived";
  readonly name: string;
  readonly type: TensorType;
  readonly op: string;
  /** Names of other constants; `null` is an absent optional operand. */
  readonly operands: readonly (string | null)[];
  readonly attrs: AttrDict;
  readonly doc: string | null;
  readonly loc: Location;
}

export type Constant = DataConstant | DerivedConstant;

/** A resource: bytes that live outside the text. `read` is synchronous: whoever opens a module has them at hand. */
export interface Resource {
  readonly name: string;
  readonly path: string;
  readonly attrs: AttrDict;
  readonly doc: string | null;
  /** null when the bytes were not provided. */
  readonly bytes: Uint8Array | null;
}

export function dataConstant(name: string, type: TensorType, bytes: Uint8Array, loc: Location = unknownLocation): DataConstant {
  const expected = typeByteLength(type);
  if (bytes.length !== expected) throw new RangeError(`constant @${name}: ${bytes.length} bytes given, its type takes ${expected}`);
  return { kind: "data", name, type, storage: { kind: "bytes", bytes }, doc: null, loc };
}

/** A data constant whose bytes are made when they are asked for. */
export function constantElsewhere(name: string, type: TensorType, source: ByteSource, loc: Location = unknownLocation): DataConstant {
  return { kind: "data", name, type, storage: new BytesElsewhere(typeByteLength(type), source), doc: null, loc };
}

export function derivedConstant(
  name: string,
  type: TensorType,
  op: string,
  operands: readonly (string | null)[],
  attrs: AttrDict,
  loc: Location = unknownLocation,
): DerivedConstant {
  return { kind: "derived", name, type, op, operands, attrs, doc: null, loc };
}

const hashes = new WeakMap<DataStorage, string>();

/** Content hash of a storage, computed once. Equal content in different storages (splat, bytes) hashes differently. */
export function storageHash(storage: DataStorage): string {
  const cached = hashes.get(storage);
  if (cached !== undefined) return cached;
  const hash = computeHash(storage);
  hashes.set(storage, hash);
  return hash;
}

function computeHash(storage: DataStorage): string {
  switch (storage.kind) {
    case "bytes":
      return `bytes:${bytesLength(storage)}:${hashBytes(storage.bytes)}`;
    case "splat":
      return `splat:${[...storage.element].join(",")}`;
    case "resource":
      return `resource:${storage.resource}:${storage.offset}:${storage.length}`;
    case "random":
      return `random:${storage.seed}`;
    case "elided":
      return `elided:${storage.sha256}:${storage.length}`;
  }
}

/** True equality of storages: hash first, then bytes. */
export function storageEquals(a: DataStorage, b: DataStorage): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || storageHash(a) !== storageHash(b)) return false;
  return a.kind !== "bytes" || (b.kind === "bytes" && bytesEqual(a.bytes, b.bytes));
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
