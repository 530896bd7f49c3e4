/**
 * @file Before the metadata of a compact file is packed, fields that can be derived are hidden (made zero) and indices that mostly count up are replaced by how far they are from that; a reader reveals them. In place, so that
 * the FlatBuffer's structure stays as it is. FORMAT.md, "Compact files", says what is done; both directions are here.
 */
import { ByteBuffer } from "flatbuffers";
import { tersor as fb } from "./gen/module.ts";

const programOf = (metadata: Uint8Array): fb.Program => fb.Program.getRootAsProgram(new ByteBuffer(metadata));
const viewOf = (metadata: Uint8Array): DataView => new DataView(metadata.buffer, metadata.byteOffset, metadata.length);

type Direction = "hide" | "reveal";

/**
 * Offsets of the strings, which lie behind their vector, the last first: hidden where that is so. Works on metadata that nobody has verified.
 */
export function stringOffsets(metadata: Uint8Array, direction: Direction): void {
  const vector = stringVector(metadata);
  if (!vector) return;
  const view = viewOf(metadata);
  if (direction === "hide") {
    if (vector.every(({ at, to }) => view.getUint32(at, true) === to - at)) for (const { at } of vector) view.setUint32(at, 0, true);
  } else if (vector.every(({ at }) => view.getUint32(at, true) === 0)) {
    for (const { at, to } of vector) view.setUint32(at, to - at, true);
  }
}

/** Where each offset stands, and where it should lead; null where that is outside the metadata. */
function stringVector(metadata: Uint8Array): readonly { readonly at: number; readonly to: number }[] | null {
  const program = programOf(metadata);
  const field = program.bb?.__offset(program.bb_pos, 4) ?? 0;
  if (field === 0) return null;
  const start = program.bb?.__vector(program.bb_pos + field) ?? 0;
  const view = viewOf(metadata);
  if (!(start >= 4 && start <= metadata.length)) return null;
  const count = view.getUint32(start - 4, true);
  if (count === 0 || count > (metadata.length - start) / 4) return null;
  const places: { at: number; to: number }[] = [];
  let to = start + 4 * count;
  for (let i = count - 1; i >= 0; i--) {
    if (to + 4 > metadata.length) return null;
    places.push({ at: start + 4 * i, to });
    to += 4 * Math.floor((view.getUint32(to, true) + 8) / 4);
  }
  return places;
}

/** Indices of constants, sections, types and operands. `metadata` is structurally sound. */
export function relativeIndices(metadata: Uint8Array, direction: Direction): void {
  const program = programOf(metadata);
  const view = viewOf(metadata);
  if (direction === "hide") sectionTypes(program, view, direction);
  constantStorage(program, view, direction);
  if (direction === "reveal") sectionTypes(program, view, direction);
  let newest = -1;
  for (let p = 0; p < program.plansLength(); p++) {
    for (const func of [program.plans(p)?.init(), program.plans(p)?.main()]) {
      if (!func) continue;
      newest = valueTypes(func, newest, direction);
      operands(func, direction);
    }
  }
}

/** A constant mostly lies in the section after the one before. */
function constantStorage(program: fb.Program, view: DataView, direction: Direction): void {
  let before = -1;
  for (let i = 0; i < program.constantsLength(); i++) {
    const at = (program.constants(i)?.bb_pos ?? 0) + 8;
    const given = view.getInt32(at, true);
    const storage = direction === "hide" ? given : (given + before + 1) | 0;
    view.setInt32(at, direction === "hide" ? (given - before - 1) | 0 : storage, true);
    before = storage;
  }
}

/** A section's type is mostly that of the first constant in it: 0 then, else the type plus one. Works on absolute storage. */
function sectionTypes(program: fb.Program, view: DataView, direction: Direction): void {
  const types = new Map<number, number>();
  for (let i = program.constantsLength() - 1; i >= 0; i--) {
    const constant = program.constants(i);
    if (constant) types.set(constant.storage(), constant.type());
  }
  for (let i = 0; i < program.sectionsLength(); i++) {
    const section = program.sections(i);
    if (!section) continue;
    const at = section.bb_pos + 36;
    const type = section.type();
    if (direction === "hide") view.setUint32(at, types.get(i) === type ? 0 : type + 1, true);
    else view.setUint32(at, type === 0 ? (types.get(i) ?? 0) : type - 1, true);
  }
}

/** Types are numbered as they appear: how far a value's type is from a new one. @returns the newest type so far */
function valueTypes(func: fb.Func, known: number, direction: Direction): number {
  const types = func.typesArray();
  if (!types) return known;
  let newest = known;
  for (let i = 0; i < types.length; i++) {
    const given = types[i] as number;
    const type = direction === "hide" ? given : (newest + 1 - given) >>> 0;
    types[i] = direction === "hide" ? (newest + 1 - given) >>> 0 : type;
    if (type > newest && type < 1 << 24) newest = type;
  }
  return newest;
}

/** Operands mostly are the value before and the constant after the one before: 1 is none, even numbers count values back, odd ones constants from the expected one. */
function operands(func: fb.Func, direction: Direction): void {
  const pool = func.operandsArray();
  let next = func.params();
  let constant = 0;
  let at = 0;
  const code = (given: number): number => {
    if (direction === "hide") {
      if (given === -1) return 1;
      if (given >= 0) return 2 * (next - 1 - given) + 2;
      const away = -given - 2 - constant;
      constant = -given - 1;
      return 2 * (away < 0 ? -2 * away - 1 : 2 * away) + 3;
    }
    if (given === 1) return -1;
    if ((given & 1) === 0) return (next - 1 - (given - 2) / 2) | 0;
    const folded = (given - 3) / 2;
    const index = constant + (folded & 1 ? -(folded + 1) / 2 : folded / 2);
    constant = (index + 1) | 0;
    return (-index - 2) | 0;
  };
  for (let i = 0; i < func.opsLength(); i++) {
    const op = func.ops(i);
    for (let k = op?.operands() ?? 0; k > 0 && pool && at < pool.length; k--, at++) pool[at] = code(pool[at] as number);
    next += op?.results() ?? 0;
  }
}
