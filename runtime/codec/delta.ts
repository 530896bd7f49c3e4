/**
 * @file Codec `delta`: the difference to a section of a base file, for fine-tuned and lightly changed models: bit patterns subtracted as integers (an exact operation on floats too), the differences coded by another codec.
 *
 * Parameters: the base section's index and the CRC-32 of its decoded bytes, four bytes each. Stored: a byte with the number of the codec (`planeCodecs`), a byte with the length of its parameters, those, the stream. The
 * differences are a tensor of the same shape, unsigned, of the elements' width; a difference d is stored as 2 d, or -2 d - 1 where it is negative.
 */
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { RuntimeError } from "../errors.ts";
import { bitsPerElement, type RuntimeDType } from "../tensor.ts";
import type { DecodeContext, WeightDecoder } from "./codec.ts";
import { planeCodecs } from "./planes.ts";

/** @param decoders by id, of the codecs of differences */
export function deltaDecoder(decoders: readonly WeightDecoder[]): WeightDecoder {
  const byId = new Map(decoders.map((decoder) => [decoder.id, decoder]));
  return { id: "delta", decode: (context) => decode(context, byId) };
}

/** @throws RuntimeError R0110 without the base, on another base, and on streams that no encoder writes. */
function decode(context: DecodeContext, decoders: ReadonlyMap<string, WeightDecoder>): Uint8Array {
  const { stored, params, rawLength, dtype, shape, base } = context;
  if (params.length !== 8) throw refused(`${params.length} bytes of parameters`);
  if (!base) throw refused("the file holds differences to another one: give that as `base`");
  const view = new DataView(params.buffer, params.byteOffset, 8);
  const before = base(view.getUint32(0, true));
  if (before?.length !== rawLength || baseChecksum(before) !== view.getUint32(4, true))
    throw refused("the base given is not the one it was made with");
  const [codec = 0, count = 0] = stored;
  const decoder = decoders.get(planeCodecs[codec] ?? "");
  if (!decoder || stored.length < 2 + count) throw refused(`codec ${codec} of the differences`);
  const own = { params: stored.subarray(2, 2 + count), stored: stored.subarray(2 + count), rawLength, dtype: differenceType(dtype), shape };
  const differences = decoder.decode(own);
  if (differences.length !== rawLength) throw refused(`${differences.length} bytes of differences, ${rawLength} expected`);
  return addDifferences(before, differences, dtype);
}

/** Says of a base section's decoded bytes whether they are the right ones. */
export const baseChecksum = (bytes: Uint8Array): number => crc32(bytes);

/** Unsigned, as wide; sub-byte elements go by the byte, which any shape's bytes are a whole number of. */
export function differenceType(dtype: RuntimeDType): RuntimeDType {
  const bits = bitsPerElement(dtype);
  return bits === 32 ? "u32" : bits === 16 ? "u16" : bits === 8 ? "u8" : dtype;
}

/** Whether differences of this dtype are taken. */
export function hasDifferences(dtype: RuntimeDType): boolean {
  return [8, 16, 32].includes(bitsPerElement(dtype));
}

type Words = Uint8Array | Uint16Array | Uint32Array;

/** Copies. */
export function wordsOf(bytes: Uint8Array, dtype: RuntimeDType): Words {
  const bits = bitsPerElement(dtype);
  const copy = bytes.slice();
  return bits === 32 ? new Uint32Array(copy.buffer) : bits === 16 ? new Uint16Array(copy.buffer) : copy;
}

function addDifferences(base: Uint8Array, differences: Uint8Array, dtype: RuntimeDType): Uint8Array {
  if (!hasDifferences(dtype)) throw refused(`there are no differences of ${dtype}`);
  const words = wordsOf(base, dtype);
  const changes = wordsOf(differences, dtype);
  for (let i = 0; i < words.length; i++) {
    const folded = changes[i] as number;
    words[i] = (words[i] as number) + (folded & 1 ? ~(folded >>> 1) : folded >>> 1);
  }
  return new Uint8Array(words.buffer);
}

function refused(why: string): RuntimeError {
  return new RuntimeError("R0110", why, "codec delta");
}
