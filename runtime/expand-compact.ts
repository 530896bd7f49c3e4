/**
 * @file Compact files (FORMAT.md): unpacks the metadata, fills in what was left out (offsets, lengths, checksums of the sections) and gives the ordinary file that says the same, which is then checked as any other. Costs a
 * copy: for small models.
 */
import { ByteBuffer } from "flatbuffers";
import { compactLimit, compactVersion, decodeCompactHead } from "../ir-spec/format/compact.ts";
import { relativeIndices, stringOffsets } from "../ir-spec/format/compact-fields.ts";
import { crc32 } from "../ir-spec/format/crc32.ts";
import { tersor as fb } from "../ir-spec/format/gen/module.ts";
import {
  alignSection,
  encodeHeader,
  formatMajor,
  formatMinor,
  headerChecksumAt,
  headerLength,
  MetadataCoding,
} from "../ir-spec/format/header.ts";
import { packLimit, packRatioLimit, unpack } from "../ir-spec/format/pack.ts";
import { compactPrimer } from "../ir-spec/format/primer.ts";
import { staticBytes } from "./check-references.ts";
import { inRange } from "./check-tables.ts";
import { RuntimeError } from "./errors.ts";
import { viewProgram } from "./program-view.ts";
import { verifyFlatBuffer } from "./verify-flatbuffer.ts";

/** @throws RuntimeError R01xx, R0201, R0202 as for an ordinary file. */
export function expandCompact(bytes: Uint8Array): Uint8Array {
  const head = decodeCompactHead(bytes);
  if (bytes.length > compactLimit) throw new RuntimeError("R0104", `a compact file has at most ${compactLimit} bytes`, "file");
  if (!head || head.length + head.stored > bytes.length) throw new RuntimeError("R0104", "the compact file ends inside its head", "file");
  if (head.version !== compactVersion)
    throw new RuntimeError("R0102", `compact format ${head.version}; this runtime reads ${compactVersion}`, "file");
  const crc = crc32(bytes.subarray(head.length), crc32(bytes.subarray(0, head.length - 4)));
  if (crc !== head.crc) throw new RuntimeError("R0103", "the file's checksum is wrong", "file");
  if (head.raw > packLimit || head.raw > packRatioLimit * head.stored) {
    throw new RuntimeError("R0106", `metadata of ${head.raw} bytes cannot be packed in ${head.stored}`, "file");
  }
  const metadata = unpack(bytes.subarray(head.length, head.length + head.stored), head.raw, compactPrimer());
  stringOffsets(metadata, "reveal");
  verifyFlatBuffer(metadata, "TSR1");
  relativeIndices(metadata, "reveal");
  const data = bytes.subarray(head.length + head.stored);
  fillSections(metadata, data);
  return ordinaryFile(metadata, data);
}

/** Offsets, lengths and checksums of the sections, which follow each other without gaps. */
function fillSections(metadata: Uint8Array, data: Uint8Array): void {
  const view = viewProgram(metadata);
  const fields = new DataView(metadata.buffer, metadata.byteOffset, metadata.length);
  const program = fb.Program.getRootAsProgram(new ByteBuffer(metadata));
  let offset = 0;
  view.sections.forEach((section, i) => {
    const where = `section ${i}`;
    inRange(section.type, view.types.length, "type", where);
    const raw = staticBytes(view, section.type);
    const stored = view.strings[section.codec] === "unaligned" ? (raw ?? 0) : Number(section.stored);
    if (raw === null || !Number.isSafeInteger(raw) || !(offset + stored <= data.length))
      throw new RuntimeError("R0108", "it reaches beyond the end of the file", where);
    const at = program.sections(i)?.bb_pos ?? 0;
    fields.setBigUint64(at, BigInt(offset), true);
    fields.setBigUint64(at + 8, BigInt(stored), true);
    fields.setBigUint64(at + 16, BigInt(raw), true);
    fields.setUint32(at + 24, crc32(data.subarray(offset, offset + stored)), true);
    offset += stored;
  });
}

function ordinaryFile(metadata: Uint8Array, data: Uint8Array): Uint8Array {
  const end = headerLength + metadata.length;
  const start = data.length === 0 ? end : alignSection(end);
  const file = new Uint8Array(start + data.length);
  const lengths = { stored: metadata.length, raw: metadata.length, fileLength: file.length };
  file.set(encodeHeader({ major: formatMajor, minor: formatMinor, coding: MetadataCoding.plain, crc: crc32(metadata), ...lengths }));
  new DataView(file.buffer).setUint32(headerChecksumAt, crc32(file.subarray(0, headerChecksumAt)), true);
  file.set(metadata, headerLength);
  file.set(data, start);
  return file;
}
