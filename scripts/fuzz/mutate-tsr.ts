/**
 * @file Damage to `.tsr` files. `tsr`: the bytes as they lie, checksums left wrong (or their fields hit). `tsr-checked`: the FlatBuffer's fields, vectors, offsets and the sections'
 * data, then every checksum made right again, so that the damage reaches the checks behind them.
 */

import { AttrKind } from "../../ir-spec/format/codes.ts";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { decodeHeader, headerLength } from "../../ir-spec/format/header.ts";
import { type Anatomy, anatomyOf, type Place } from "./flatbuffer.ts";
import { byteMutations, joined, mutateBytes } from "./mutate-bytes.ts";
import type { FuzzRandom } from "./random.ts";
import { putTogether, sealHeader, takeApart } from "./tsr-file.ts";

export interface Mutated {
  readonly bytes: Uint8Array;
  readonly how: string;
}

/** A file whose checksums no longer fit, unless the damage undoes itself. */
export function mutateTsr(file: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]): Mutated {
  const aimed = random.below(10);
  if (aimed === 0) return { bytes: headerField(file, random), how: "a header field" };
  if (aimed === 1) return { bytes: inflatedLength(file, random), how: "a length inflated, the header's checksum right" };
  if (aimed === 2) return { bytes: swappedSections(file, random), how: "sections swapped" };
  return mutateBytes(file, random, others);
}

const headerFields: readonly (readonly [at: number, size: number])[] = [
  [8, 2],
  [10, 2],
  [12, 4],
  [16, 4],
  [20, 4],
  [24, 4],
  [28, 4],
  [32, 8],
  [40, 4],
  [44, 4],
];

function headerField(file: Uint8Array, random: FuzzRandom): Uint8Array {
  const bytes = file.slice();
  const [at, size] = random.pick(headerFields);
  writeInteger(bytes, at, size, random.integer());
  return bytes;
}

function inflatedLength(file: Uint8Array, random: FuzzRandom): Uint8Array {
  const bytes = file.slice();
  const [at, size] = random.pick(headerFields.slice(3, 5).concat([[32, 8]]));
  writeInteger(bytes, at, size, random.chance(50) ? random.integer() : readInteger(bytes, at, size) + BigInt(1 + random.below(1000)));
  return sealHeader(bytes);
}

/** The data area cut in two and turned round: each section whole, at another's place. */
function swappedSections(file: Uint8Array, random: FuzzRandom): Uint8Array {
  const { stored } = decodeHeader(file);
  const start = Math.min(file.length, Math.ceil((headerLength + stored) / 16) * 16);
  const cut = start + 16 * random.below(Math.max(1, (file.length - start) >> 4));
  return joined(file.subarray(0, start), file.subarray(cut), file.subarray(start, cut));
}

/** One to four damages behind right checksums. */
export function mutateChecked(file: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]): Mutated {
  const { metadata, data, packed } = takeApart(file);
  const parts = { metadata: metadata.slice(), data: data.slice() };
  const how: string[] = [];
  for (let left = random.pick([1, 1, 1, 2, 2, 3, 4]); left > 0; left--) {
    const name = random.pick(checkedNames);
    how.push(name);
    (checkedMutations[name] as CheckedMutation)(parts, random, others, anatomyOf(metadata));
  }
  if (random.chance(80)) fixSections(parts, anatomyOf(metadata));
  const again = packed && random.chance(60);
  if (again) how.push("packed");
  return { bytes: putTogether({ ...parts, packed: again }), how: how.join(", ") };
}

interface Parts {
  metadata: Uint8Array;
  data: Uint8Array;
}

/** Places are those of the undamaged buffer: the damage before it may have changed what lies there. */
type CheckedMutation = (parts: Parts, random: FuzzRandom, others: readonly Uint8Array[], anatomy: Anatomy) => void;

const checkedMutations: Readonly<Record<string, CheckedMutation>> = {
  "a scalar": ({ metadata }, random, _, { scalars }) => {
    const { at, size } = random.pick(scalars);
    writeInteger(metadata, at, size, newValue(readInteger(metadata, at, size), random));
  },
  "an item": ({ metadata }, random, _, anatomy) => changeItem(metadata, random, vectorsOf(anatomy, random)),
  "an item of a function": ({ metadata }, random, _, { vectors }) =>
    changeItem(metadata, random, random.pick(vectors.filter((v) => v.field.startsWith("Func.") && v.count > 0))),
  "an item moved": ({ metadata }, random, _, anatomy) => {
    const { at, size, count } = vectorsOf(anatomy, random);
    const [from, to] = [random.below(count), random.below(count)];
    const saved = metadata.slice(at + to * size, at + (to + 1) * size);
    metadata.copyWithin(at + to * size, at + from * size, at + (from + 1) * size);
    if (random.chance(60)) metadata.set(saved, at + from * size);
  },
  "a count": ({ metadata }, random, _, { vectors, strings }) => {
    const { at, count } = random.pick(random.chance(70) ? vectors : strings.length > 0 ? strings : vectors);
    writeInteger(metadata, at - 4, 4, random.chance(70) ? BigInt(Math.max(0, count + random.pick([-2, -1, 1, 2, 5]))) : random.integer());
  },
  "an offset": ({ metadata }, random, _, { offsets }) => retarget(metadata, random, offsets),
  "a vtable": ({ metadata }, random, _, { vtables }) => {
    const { at, count } = random.pick(vtables);
    const entry = at + 2 * random.below(count);
    const value = random.pick([0n, 4n, 8n, 65535n, readInteger(metadata, at + 2 * random.below(count), 2), BigInt(random.below(64))]);
    writeInteger(metadata, entry, 2, value);
  },
  "a string": ({ metadata }, random, _, { strings }) => {
    const full = strings.filter((s) => s.count > 0);
    if (full.length === 0) return;
    const { at, count } = random.pick(full);
    const other = random.pick(full);
    if (random.chance(50)) metadata.copyWithin(at, other.at, other.at + Math.min(count, other.count));
    else metadata[at + random.below(count)] = random.pick([0, 34, 46, 64, 95, 128, 255, 78, 48 + random.below(10), 97 + random.below(26)]);
  },
  "a size everywhere": ({ metadata }, random, _, anatomy) => replaceSize(metadata, random, anatomy),
  "an integer attribute": ({ metadata }, random, _, { vectors }) => changeAttribute(metadata, random, vectors),
  "an op or kernel": ({ metadata }, random, _, { vectors }) => renameOp(metadata, random, vectors),
  "a section's record": ({ metadata }, random, _, { vectors }) => {
    const sections = vectors.find((v) => v.field === "Program.sections");
    if (sections && sections.count > 0) changeItem(metadata, random, sections);
  },
  "a codec's parameters": ({ metadata }, random, _, { vectors }) => {
    const params = vectors.find((v) => v.field === "Program.codec_params");
    if (params && params.count > 0)
      metadata[params.at + random.below(params.count)] = random.pick([0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 20, 24, 255, random.below(256)]);
  },
  "section data": (parts, random) => {
    if (parts.data.length === 0) return;
    const names = ["flip a bit", "set a byte", "set a word", "zero a span", "noise in a span", "copy a word"];
    parts.data = (byteMutations[random.pick(names)] as (typeof byteMutations)[string])(parts.data, random, []);
  },
  "data cut or longer": (parts, random) => {
    const length = Math.max(0, parts.data.length + random.pick([-16, -8, -1, 1, 4, 16, 64]));
    const data = new Uint8Array(length);
    data.set(parts.data.subarray(0, length));
    parts.data = data;
  },
  "metadata bytes": (parts, random, others) => {
    const name = random.pick([
      "flip a bit",
      "set a word",
      "copy a word",
      "zero a span",
      "swap two spans",
      "cut short",
      "repeat a span",
      "noise in a span",
    ]);
    const damaged = (byteMutations[name] as (typeof byteMutations)[string])(parts.metadata, random, others);
    // Later damage aims at places of the undamaged buffer: they must still lie inside.
    const bytes = new Uint8Array(Math.max(damaged.length, parts.metadata.length));
    bytes.set(damaged);
    parts.metadata = bytes;
  },
};

const checkedNames: readonly string[] = [
  ...Object.keys(checkedMutations),
  // More of what gets far.
  "an item",
  "an item of a function",
  "an item of a function",
  "a size everywhere",
  "a size everywhere",
  "an integer attribute",
  "an integer attribute",
  "an op or kernel",
  "section data",
];

function vectorsOf({ vectors }: Anatomy, random: FuzzRandom): Place {
  return random.pick(vectors.filter((v) => v.count > 0));
}

function changeItem(metadata: Uint8Array, random: FuzzRandom, { at, size, count }: Place): void {
  const word = size < 4 ? size : random.chance(15) ? 2 : 4;
  const column = word * random.below(Math.floor(size / word));
  const place = (item: number) => at + item * size + column;
  const item = random.below(count);
  const value = random.chance(40)
    ? readInteger(metadata, place(random.below(count)), word)
    : newValue(readInteger(metadata, place(item), word), random);
  writeInteger(metadata, place(item), word, value);
}

function newValue(old: bigint, random: FuzzRandom): bigint {
  return random.chance(50) ? old + BigInt(random.pick([-2, -1, 1, 2, 3])) : random.integer();
}

/** To the target of another offset of its kind, or anywhere. */
function retarget(metadata: Uint8Array, random: FuzzRandom, offsets: readonly Place[]): void {
  const { at, field } = random.pick(offsets);
  const like = offsets.filter((o) => o.field === field && o.at !== at);
  const other = random.pick(random.chance(60) && like.length > 0 ? like : offsets);
  const target = other.at + Number(readInteger(metadata, other.at, 4));
  writeInteger(metadata, at, 4, random.chance(70) ? BigInt(target - at) : BigInt(4 * random.below(metadata.length >> 1)));
}

/** One size of the tensors' shapes, wherever it stands as a size or as an attribute: types then still agree. */
function replaceSize(metadata: Uint8Array, random: FuzzRandom, { vectors }: Anatomy): void {
  const dims = vectors.find((v) => v.field === "Program.dims");
  const attrs = vectors.find((v) => v.field === "Program.attrs");
  if (!dims || dims.count === 0) return;
  const old = readInteger(metadata, dims.at + 4 * random.below(dims.count), 4);
  const fresh = random.chance(40)
    ? BigInt(random.below(12))
    : random.pick([0n, 1n, 1000n, 65536n, 1000003n, 2n ** 24n, 2n ** 30n, 2n ** 31n - 1n, -1n, -2n]);
  const change = (at: number) => {
    if (readInteger(metadata, at, 4) === old) writeInteger(metadata, at, 4, fresh);
  };
  for (let i = 0; i < dims.count; i++) change(dims.at + 4 * i);
  if (!attrs || random.chance(30)) return;
  for (let i = 0; i < attrs.count; i++)
    if (readInteger(metadata, attrs.at + 12 * i, 4) === BigInt(AttrKind.int)) change(attrs.at + 12 * i + 4);
}

function changeAttribute(metadata: Uint8Array, random: FuzzRandom, vectors: readonly Place[]): void {
  const attrs = vectors.find((v) => v.field === "Program.attrs");
  if (!attrs) return;
  const numbers: number[] = [];
  for (let i = 0; i < attrs.count; i++) {
    const kind = Number(readInteger(metadata, attrs.at + 12 * i, 4));
    if (kind === AttrKind.int || kind === AttrKind.float) numbers.push(attrs.at + 12 * i);
  }
  if (numbers.length === 0) return;
  const at = random.pick(numbers);
  const value = random.chance(50) ? BigInt(random.below(9) - 2) : random.integer();
  writeInteger(metadata, at + 4, 8, value);
}

/** An op's name becomes that of another op of the file: a known op with the wrong operands. */
function renameOp(metadata: Uint8Array, random: FuzzRandom, vectors: readonly Place[]): void {
  const ops = vectors.filter((v) => v.field === "Func.ops" && v.count > 0);
  if (ops.length === 0) return;
  const [to, from] = [random.pick(ops), random.pick(ops)];
  const name = readInteger(metadata, from.at + 20 * random.below(from.count), 4);
  writeInteger(metadata, to.at + 20 * random.below(to.count), 4, name);
}

/** Checksums of the sections, as far as they lie inside the file. */
function fixSections({ metadata, data }: Parts, { vectors }: Anatomy): void {
  const sections = vectors.find((v) => v.field === "Program.sections");
  for (let i = 0; sections && i < sections.count; i++) {
    const at = sections.at + 40 * i;
    if (at + 40 > metadata.length) return;
    const [offset, stored] = [readInteger(metadata, at, 8), readInteger(metadata, at + 8, 8)];
    if (offset + stored > BigInt(data.length)) continue;
    writeInteger(metadata, at + 24, 4, BigInt(crc32(data.subarray(Number(offset), Number(offset + stored)))));
  }
}

function readInteger(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] ?? 0);
  return size === 4 ? BigInt.asIntN(32, value) : value;
}

function writeInteger(bytes: Uint8Array, at: number, size: number, value: bigint): void {
  for (let i = 0; i < size && at + i < bytes.length; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 255n);
}
