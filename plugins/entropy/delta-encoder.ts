/** @file Encoder of the codec `delta`: finds, among the sections of the base file with the same type, the one that differs least. The decoder is `runtime/codec/delta.ts`. */
import type { EncodeContext, Encoded, WeightEncoder } from "../../compiler/index.ts";
import { bytesEqual } from "../../ir-spec/index.ts";
import { baseChecksum, differenceType, hasDifferences, openFile, planeCodecs, wordsOf } from "../../runtime/index.ts";
import { contextEncoder } from "./context-encoder.ts";
import { rangeEncoder } from "./range-encoder.ts";

/** @param file the base, a `.tsr` file */
export function deltaEncoder(file: Uint8Array): WeightEncoder {
  const base = sectionsOf(file);
  return { id: "delta", base: (section) => base[section]?.bytes ?? null, encode: (ctx) => encode(ctx, base) };
}

interface BaseSection {
  readonly bytes: Uint8Array;
  readonly dtype: string;
  readonly shape: string;
}

function sectionsOf(file: Uint8Array): readonly BaseSection[] {
  const opened = openFile(file, { maxExpandedBytes: Number.POSITIVE_INFINITY });
  return opened.view.sections.map((section, i) => {
    const { dtype, shape } = opened.typeOf(section.type);
    return { bytes: opened.sectionBytes(i), dtype, shape: shape.join() };
  });
}

/** null where the base has nothing of the type. */
function encode({ bytes, dtype, shape }: EncodeContext, base: readonly BaseSection[]): Encoded | null {
  if (!hasDifferences(dtype) || bytes.length === 0) return null;
  let best: { readonly index: number; readonly differences: Uint8Array; readonly size: number } | null = null;
  base.forEach((section, index) => {
    if (section.dtype !== dtype || section.shape !== shape.join() || best?.size === 0) return;
    const { differences, size } = difference(bytes, section.bytes, dtype);
    if (best === null || size < best.size) best = { index, differences, size };
  });
  return best === null ? null : coded(best, base, { bytes, dtype, shape });
}

/** Folded differences, and the bits that they need together. */
function difference(
  bytes: Uint8Array,
  before: Uint8Array,
  dtype: EncodeContext["dtype"],
): { readonly differences: Uint8Array; readonly size: number } {
  const words = wordsOf(bytes, dtype);
  const old = wordsOf(before, dtype);
  const unused = 32 - 8 * words.BYTES_PER_ELEMENT;
  let size = 0;
  for (let i = 0; i < words.length; i++) {
    const change = (((words[i] as number) - (old[i] as number)) << unused) >> unused;
    words[i] = (change << 1) ^ (change >> 31);
    size += 32 - Math.clz32(words[i] as number);
  }
  return { differences: new Uint8Array(words.buffer), size };
}

const none = new Uint8Array(0);

function coded(
  { index, differences }: { readonly index: number; readonly differences: Uint8Array },
  base: readonly BaseSection[],
  { dtype, shape }: EncodeContext,
): Encoded {
  const same = bytesEqual(differences.subarray(1), differences.subarray(0, -1));
  let best: Encoded & { readonly codec: (typeof planeCodecs)[number] } = { codec: "splat", bytes: differences.slice(0, 1), params: none };
  if (!same) {
    best = { codec: "raw", bytes: differences, params: none };
    for (const [codec, encoder] of [
      ["range", rangeEncoder],
      ["context", contextEncoder],
    ] as const) {
      const answer = encoder.encode({ bytes: differences, dtype: differenceType(dtype), shape });
      if (answer && answer.bytes.length + answer.params.length < best.bytes.length)
        best = { codec, bytes: answer.bytes.slice(), params: answer.params.slice() };
    }
  }
  const params = new Uint8Array(8);
  const view = new DataView(params.buffer);
  view.setUint32(0, index, true);
  view.setUint32(4, baseChecksum((base[index] as BaseSection).bytes), true);
  const bytes = new Uint8Array(2 + best.params.length + best.bytes.length);
  bytes.set([planeCodecs.indexOf(best.codec), best.params.length, ...best.params]);
  bytes.set(best.bytes, 2 + best.params.length);
  return { bytes, params };
}
