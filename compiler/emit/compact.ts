/** @file Size mode: a compact file from the metadata and the sections. What a reader can work out itself is zeroed before packing: offsets, checksums, lengths of what is stored as it is. */
import { ByteBuffer } from "flatbuffers";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { compactLimit, encodeCompactHead } from "../../ir-spec/format/compact.ts";
import { relativeIndices, stringOffsets } from "../../ir-spec/format/compact-fields.ts";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { tersor as fb } from "../../ir-spec/format/gen/module.ts";
import { pack, packLimit } from "../../ir-spec/format/pack.ts";
import { compactPrimer } from "../../ir-spec/format/primer.ts";
import type { SectionRecord } from "./sections.ts";

/** @throws TersorError E0916 where the metadata is too large to pack. */
export function compactFile(metadata: Uint8Array, sections: readonly SectionRecord[]): Uint8Array {
  if (metadata.length > packLimit)
    throw new TersorError({
      code: "E0916",
      message: `size mode is for small models: ${metadata.length} bytes of metadata, ${packLimit} are the limit`,
    });
  const packed = pack(withoutDerivable(metadata, sections), compactPrimer());
  const head = encodeCompactHead({ stored: packed.length, raw: metadata.length });
  const data = sections.reduce((n, section) => n + section.stored.length, 0);
  if (head.length + packed.length + data > compactLimit)
    throw new TersorError({
      code: "E0916",
      message: `size mode is for small models: ${data} bytes of weights, a compact file has at most ${compactLimit}`,
    });
  const file = new Uint8Array(head.length + packed.length + data);
  file.set(head);
  file.set(packed, head.length);
  let at = head.length + packed.length;
  for (const { stored } of sections) {
    stored.copyTo(file.subarray(at, at + stored.length));
    at += stored.length;
  }
  const crcAt = head.length - 4;
  const crc = crc32(file.subarray(head.length), crc32(file.subarray(0, crcAt)));
  new DataView(file.buffer).setUint32(crcAt, crc, true);
  return file;
}

/** The metadata with what a reader can derive hidden. */
export function withoutDerivable(metadata: Uint8Array, sections: readonly Pick<SectionRecord, "codec">[]): Uint8Array {
  const bare = metadata.slice();
  const view = new DataView(bare.buffer);
  const program = fb.Program.getRootAsProgram(new ByteBuffer(bare));
  sections.forEach(({ codec }, i) => {
    const at = program.sections(i)?.bb_pos ?? 0;
    view.setBigUint64(at, 0n, true);
    if (codec === "unaligned") view.setBigUint64(at + 8, 0n, true);
    view.setBigUint64(at + 16, 0n, true);
    view.setUint32(at + 24, 0, true);
  });
  relativeIndices(bare, "hide");
  stringOffsets(bare, "hide");
  return bare;
}
