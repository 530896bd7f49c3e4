/**
 * @file Opens a `.tsr` file: header, checksums, metadata, sections; every byte is under a checksum or known to be zero. After this nothing is checked again but what callers pass
 * in. Raw sections are views of the given bytes: do not change them while the file is in use.
 */
import { hasCompactMagic } from "../ir-spec/format/compact.ts";
import { crc32 } from "../ir-spec/format/crc32.ts";
import {
  alignSection,
  decodeHeader,
  formatMajor,
  formatMinor,
  type Header,
  hasMagic,
  headerChecksumAt,
  headerLength,
  MetadataCoding,
} from "../ir-spec/format/header.ts";
import { packLimit, packRatioLimit, unpack } from "../ir-spec/format/pack.ts";
import type { PlanType } from "./backend.ts";
import { checkProgram } from "./check-program.ts";
import { staticBytes } from "./check-references.ts";
import { inRange } from "./check-tables.ts";
import type { DecodeContext, WeightDecoder } from "./codec/codec.ts";
import { decoderTable } from "./codec/index.ts";
import { RuntimeError } from "./errors.ts";
import { expandCompact } from "./expand-compact.ts";
import { planType } from "./plan-dim.ts";
import { type ProgramView, type SectionView, viewProgram } from "./program-view.ts";
import { verifyFlatBuffer } from "./verify-flatbuffer.ts";

export interface OpenOptions {
  /** Decoders of plugins, beside the built-in ones. */
  readonly codecs?: readonly WeightDecoder[];
  /** Most bytes that all coded sections together may decode to; default 32 MiB and 16 times the file's length. */
  readonly maxExpandedBytes?: number;
  /** The file that this one holds differences to (codec `delta`). */
  readonly base?: Uint8Array;
}

export interface OpenedFile {
  readonly bytes: Uint8Array;
  readonly header: Header;
  readonly view: ProgramView;
  /** Offset of the data area. */
  readonly dataStart: number;
  /** A type of `view.types`, dims as numbers or expressions. */
  typeOf(type: number): PlanType;
  /** The section as stored. */
  storedBytes(section: number): Uint8Array;
  /** The section decoded: a view for raw ones, otherwise fresh bytes. @throws RuntimeError R0109, R0110 */
  sectionBytes(section: number): Uint8Array;
}

/** @throws RuntimeError R01xx (the file), R02xx (its program). */
export function openFile(given: Uint8Array, options: OpenOptions = {}): OpenedFile {
  const bytes = hasCompactMagic(given) ? expandCompact(given) : given;
  const header = checkHeader(bytes);
  const metadata = readMetadata(bytes, header);
  verifyFlatBuffer(metadata, "TSR1");
  const view = viewProgram(metadata);
  const dataStart = view.sections.length === 0 ? headerLength + header.stored : alignSection(headerLength + header.stored);
  checkSections(bytes, view, headerLength + header.stored, dataStart);
  checkExpansion(bytes, view, options.maxExpandedBytes);
  checkProgram(view);
  return new File(bytes, header, view, dataStart, decoderTable(options.codecs), baseSections(options));
}

class File implements OpenedFile {
  readonly bytes: Uint8Array;
  readonly header: Header;
  readonly view: ProgramView;
  readonly dataStart: number;
  private readonly decoders: ReadonlyMap<string, WeightDecoder>;
  private readonly base: DecodeContext["base"];

  constructor(
    bytes: Uint8Array,
    header: Header,
    view: ProgramView,
    dataStart: number,
    decoders: ReadonlyMap<string, WeightDecoder>,
    base: DecodeContext["base"],
  ) {
    this.base = base;
    this.bytes = bytes;
    this.header = header;
    this.view = view;
    this.dataStart = dataStart;
    this.decoders = decoders;
  }

  typeOf(type: number): PlanType {
    return planType(this.view, type);
  }

  storedBytes(section: number): Uint8Array {
    const { offset, stored } = this.section(section);
    const start = this.dataStart + Number(offset);
    return this.bytes.subarray(start, start + Number(stored));
  }

  sectionBytes(index: number): Uint8Array {
    const section = this.section(index);
    const id = this.view.strings[section.codec] ?? "";
    const decoder = this.decoders.get(id);
    if (!decoder) throw missingCodec(this.view, section.codec, id);
    const { dtype, shape } = this.typeOf(section.type);
    const rawLength = Number(section.raw);
    const context = { stored: this.storedBytes(index), params: section.params, rawLength, dtype, shape: shape as readonly number[] };
    const withBase = this.base ? { ...context, base: this.base } : context;
    const decoded = decode(decoder, withBase, `section ${index}`);
    if (decoded.length === rawLength) return decoded;
    throw new RuntimeError("R0110", `codec ${id} gave ${decoded.length} bytes, ${rawLength} were expected`, `section ${index}`);
  }

  private section(index: number): SectionView {
    inRange(index, this.view.sections.length, "section", "file");
    return this.view.sections[index] as SectionView;
  }
}

/** The base is opened when its first section is asked for; it has no base of its own. */
function baseSections({ base, ...options }: OpenOptions): DecodeContext["base"] {
  if (!base) return undefined;
  let opened: OpenedFile | null = null;
  return (section) => {
    opened ??= openFile(base, options);
    return section < opened.view.sections.length ? opened.sectionBytes(section) : null;
  };
}

function decode(decoder: WeightDecoder, context: Parameters<WeightDecoder["decode"]>[0], where: string): Uint8Array {
  try {
    return decoder.decode(context);
  } catch (error) {
    throw new RuntimeError(
      "R0110",
      `codec ${decoder.id} cannot decode it: ${error instanceof Error ? error.message : error}`,
      where,
      error,
    );
  }
}

function missingCodec(view: ProgramView, codec: number, id: string): RuntimeError {
  const requirement = view.requirements.find((r) => r.id === codec);
  if (!requirement) return new RuntimeError("R0109", `codec ${JSON.stringify(id)} is unknown to this version of the runtime`, "file");
  const npmPackage = view.strings[requirement.npmPackage] ?? "";
  const hint = `npm install ${npmPackage}, then load(source, { codecs: [...] }) with the codecs of "${npmPackage}/runtime"`;
  return new RuntimeError("R0109", `the file needs codec ${id} of package ${npmPackage}: ${hint}`, "file");
}

function checkHeader(bytes: Uint8Array): Header {
  if (!hasMagic(bytes)) throw new RuntimeError("R0101", "this is no .tsr file (its first bytes differ)", "file");
  if (bytes.length < headerLength) throw new RuntimeError("R0104", `the file ends inside its header, after ${bytes.length} bytes`, "file");
  const header = decodeHeader(bytes);
  if (header.checksum !== crc32(bytes.subarray(0, headerChecksumAt)))
    throw new RuntimeError("R0103", "the header's checksum is wrong", "file");
  if (header.major !== formatMajor || !header.reserved) {
    const version = `${header.major}.${header.minor}`;
    throw new RuntimeError(
      "R0102",
      `format ${version}; this runtime reads ${formatMajor}.x (${formatMajor}.${formatMinor} is its own)`,
      "file",
    );
  }
  if (header.fileLength !== bytes.length) {
    throw new RuntimeError("R0104", `the file has ${bytes.length} bytes, its header says ${header.fileLength}`, "file");
  }
  if (headerLength + header.stored > bytes.length) throw new RuntimeError("R0104", "the metadata would reach beyond the end", "file");
  return header;
}

/** The metadata FlatBuffer in a buffer of its own: its vectors must be aligned. */
function readMetadata(bytes: Uint8Array, header: Header): Uint8Array {
  const stored = bytes.subarray(headerLength, headerLength + header.stored);
  if (crc32(stored) !== header.crc) throw new RuntimeError("R0105", "the metadata's checksum is wrong", "file");
  if (header.coding === MetadataCoding.plain && header.raw === header.stored) return stored.slice();
  if (header.coding !== MetadataCoding.packed || header.raw > packLimit || header.raw > packRatioLimit * header.stored) {
    throw new RuntimeError("R0106", `metadata of ${header.raw} bytes cannot be coded as ${header.coding} in ${header.stored}`, "file");
  }
  return unpack(stored, header.raw);
}

/** Sections follow each other in order, end with the file, and have only zeros between them. */
function checkSections(bytes: Uint8Array, view: ProgramView, metadataEnd: number, dataStart: number): void {
  const [wanted, present] = view.paramCounts;
  if (wanted !== present) throw new RuntimeError("R0108", `the codecs' parameters take ${wanted} bytes, there are ${present}`, "sections");
  let end = metadataEnd;
  view.sections.forEach((section, i) => {
    const where = `section ${i}`;
    inRange(section.codec, view.strings.length, "string", where);
    inRange(section.type, view.types.length, "type", where);
    const start = dataStart + Number(section.offset);
    const isRaw = view.strings[section.codec] === "raw";
    const expected = i === 0 || isRaw ? alignSection(end) : end;
    if (start !== expected) throw new RuntimeError("R0108", `it begins at byte ${start}, expected ${expected}`, where);
    if (start + Number(section.stored) > bytes.length) throw new RuntimeError("R0108", "it reaches beyond the end of the file", where);
    checkZeros(bytes, end, start, where);
    end = start + Number(section.stored);
    checkSection(view, section, isRaw, where);
    if (crc32(bytes.subarray(start, end)) !== section.crc) throw new RuntimeError("R0107", "its checksum is wrong", where);
  });
  if (end !== bytes.length) throw new RuntimeError("R0108", `${bytes.length - end} bytes follow the last section`, "file");
}

function checkSection(view: ProgramView, section: SectionView, isRaw: boolean, where: string): void {
  if (isRaw && section.stored !== section.raw) throw new RuntimeError("R0108", "a raw section's lengths differ", where);
  const bytes = staticBytes(view, section.type);
  if (bytes !== Number(section.raw)) throw new RuntimeError("R0108", `its type takes ${bytes} bytes, it holds ${section.raw}`, where);
}

function checkZeros(bytes: Uint8Array, start: number, end: number, where: string): void {
  for (let i = start; i < end; i++) {
    if (bytes[i] !== 0) throw new RuntimeError("R0108", `the padding before it (byte ${i}) is not zero`, where);
  }
}

function checkExpansion(bytes: Uint8Array, view: ProgramView, given: number | undefined): void {
  const limit = given ?? 2 ** 25 + 16 * bytes.length;
  let total = 0;
  for (const section of view.sections) if (view.strings[section.codec] !== "raw") total += Number(section.raw);
  if (total <= limit) return;
  const hint = "pass maxExpandedBytes to allow it";
  throw new RuntimeError(
    "R0111",
    `its sections decode to ${total} bytes, the limit for a file of ${bytes.length} is ${limit}: ${hint}`,
    "file",
  );
}
