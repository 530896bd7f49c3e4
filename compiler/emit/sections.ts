/**
 * @file The data sections of a file: equal bytes are stored once, whoever uses them. For each section the smallest of the codecs' answers wins (ties: the
 * earlier one in the list), after its decoder has given the very bytes back.
 */
import { type BytesElsewhere, bytesEqual, type DataStorage } from "../../ir-spec/core/constant.ts";
import type { DType } from "../../ir-spec/core/dtype.ts";
import { hashBytes } from "../../ir-spec/core/hash.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { alignSection } from "../../ir-spec/format/header.ts";
import { decoderTable, type WeightDecoder } from "../../runtime/index.ts";
import type { EncodeContext, WeightEncoder } from "./codec.ts";

/** Bytes of a section. Those that are stored as they are need not be kept: they can be had again from where they came. */
export interface StoredBytes {
  readonly length: number;
  copyTo(target: Uint8Array): void;
}

export interface SectionRecord {
  readonly codec: string;
  readonly stored: StoredBytes;
  readonly params: Uint8Array;
  readonly rawLength: number;
  readonly crc: number;
  readonly type: { readonly dtype: DType; readonly shape: readonly number[] };
  /** From the start of the data area. */
  readonly offset: number;
}

/** Below this, padding to 16 bytes costs more than a copy at load. */
const viewThreshold = 1024;

const none = new Uint8Array(0);

const raw: WeightEncoder = {
  id: "raw",
  encode: ({ bytes }) => (bytes.length >= viewThreshold ? { bytes, params: none } : null),
};

const unaligned: WeightEncoder = {
  id: "unaligned",
  encode: ({ bytes }) => (bytes.length < viewThreshold ? { bytes, params: none } : null),
};

/** Size mode pads nothing. */
const packedRaw: WeightEncoder = { id: "unaligned", encode: ({ bytes }) => ({ bytes, params: none }) };

/** The shortest pattern of 1, 2, 4 or 8 bytes that the data repeats. */
const splat: WeightEncoder = {
  id: "splat",
  encode({ bytes }) {
    for (let size = 1; size <= 8; size *= 2) {
      if (size < bytes.length && bytes.length % size === 0 && bytesEqual(bytes.subarray(size), bytes.subarray(0, bytes.length - size))) {
        return { bytes: bytes.slice(0, size), params: none };
      }
    }
    return null;
  },
};

export function decodersOf(encoders: readonly WeightEncoder[]): readonly WeightDecoder[] {
  return encoders.flatMap(({ decoder }) => (decoder ? [decoder] : []));
}

export class SectionBuilder {
  private readonly encoders: readonly WeightEncoder[];
  private readonly decoders: ReadonlyMap<string, WeightDecoder>;
  private readonly records: (Omit<SectionRecord, "offset"> & { readonly raw: { readonly bytes: Uint8Array } })[] = [];
  private readonly byHash = new Map<string, number[]>();
  /** Holds one section at a time. */
  private scratch = none;
  private readonly byStorage = new Map<DataStorage, number>();

  /** @param padded large raw sections are aligned, so that they can be viewed; not in size mode */
  constructor(encoders: readonly WeightEncoder[], padded = true) {
    this.encoders = [...(padded ? [raw, unaligned] : [packedRaw]), splat, ...encoders];
    this.decoders = decoderTable(decodersOf(encoders));
  }

  /** `add` for bytes that are not in memory: fetched once, however many plans use them. */
  addElsewhere(storage: BytesElsewhere, type: Omit<EncodeContext, "bytes">): number {
    const known = this.byStorage.get(storage);
    if (known !== undefined) return known;
    if (this.scratch.length < storage.length) this.scratch = new Uint8Array(storage.length);
    const bytes = this.scratch.subarray(0, storage.length);
    storage.copyTo(bytes);
    const index = this.add({ bytes, ...type }, storage);
    this.byStorage.set(storage, index);
    return index;
  }

  /** Index of the section that holds these bytes; final once `layOut` has reordered. `again`: the same bytes, which can be had anew, so that they are not kept. */
  add(ctx: EncodeContext, again: BytesElsewhere | null = null): number {
    const hash = `${ctx.bytes.length}:${hashBytes(ctx.bytes)}`;
    const bucket = this.byHash.get(hash) ?? [];
    const known = bucket.find((i) => bytesEqual((this.records[i] as { raw: { readonly bytes: Uint8Array } }).raw.bytes, ctx.bytes));
    if (known !== undefined) return known;
    const index = this.records.push({ ...this.code(ctx, again), raw: again ?? { bytes: ctx.bytes } }) - 1;
    this.byHash.set(hash, [...bucket, index]);
    return index;
  }

  /**
   * The sections in the order of the file, and each `add` result's place in it: coded ones first, without gaps, then the raw ones, aligned.
   */
  order(): { readonly records: readonly Omit<SectionRecord, "offset">[]; readonly places: readonly number[] } {
    this.scratch = none;
    const indices = this.records.map((_, i) => i);
    const sorted = [...indices.filter((i) => this.records[i]?.codec !== "raw"), ...indices.filter((i) => this.records[i]?.codec === "raw")];
    const places = new Array<number>(indices.length);
    sorted.forEach((index, place) => {
      places[index] = place;
    });
    return { records: sorted.map((i) => this.records[i] as Omit<SectionRecord, "offset">), places };
  }

  private code(ctx: EncodeContext, again: BytesElsewhere | null): Omit<SectionRecord, "offset"> {
    let best: { readonly id: string; readonly bytes: Uint8Array; readonly params: Uint8Array } | null = null;
    for (const encoder of this.encoders) {
      const coded = encoder.encode(ctx);
      if (!coded || (best && coded.bytes.length + coded.params.length >= best.bytes.length + best.params.length)) continue;
      best = { id: encoder.id, ...coded };
    }
    if (!best) throw new TersorError({ code: "E0906", message: "no codec took a section: raw must" });
    this.prove(ctx, best);
    const type = { dtype: ctx.dtype, shape: ctx.shape };
    const lent = again !== null && best.bytes.buffer === ctx.bytes.buffer;
    const stored = again && best.bytes === ctx.bytes ? again : kept(lent ? best.bytes.slice() : best.bytes);
    return { codec: best.id, stored, params: best.params, rawLength: ctx.bytes.length, crc: crc32(best.bytes), type };
  }

  private prove(ctx: EncodeContext, coded: { readonly id: string; readonly bytes: Uint8Array; readonly params: Uint8Array }): void {
    const decoder = this.decoders.get(coded.id);
    if (!decoder) throw new TersorError({ code: "E0905", message: `codec ${coded.id} has no decoder: give the encoder its decoder` });
    const { dtype, shape } = ctx;
    const base = this.encoders.find((encoder) => encoder.id === coded.id)?.base;
    const context = { stored: coded.bytes, params: coded.params, rawLength: ctx.bytes.length, dtype, shape };
    const back = decoder.decode(base ? { ...context, base } : context);
    if (bytesEqual(back, ctx.bytes)) return;
    throw new TersorError({
      code: "E0907",
      message: `codec ${coded.id} is not lossless: ${dtype} [${shape.join(", ")}] came back changed`,
    });
  }
}

function kept(bytes: Uint8Array): StoredBytes {
  return { length: bytes.length, copyTo: (target) => target.set(bytes) };
}

/** Gives each section its offset, counted from the start of the data area; `end` is the area's length. */
export function layOut(records: readonly Omit<SectionRecord, "offset">[]): {
  readonly sections: readonly SectionRecord[];
  readonly end: number;
} {
  let at = 0;
  const sections = records.map((record): SectionRecord => {
    const offset = record.codec === "raw" ? alignSection(at) : at;
    at = offset + record.stored.length;
    return { ...record, offset };
  });
  return { sections, end: at };
}
