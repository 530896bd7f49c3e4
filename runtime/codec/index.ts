/** @file The decoders that every runtime has. A new built-in codec is one file beside this one and one line in the list. */
import type { WeightDecoder } from "./codec.ts";
import { context } from "./context.ts";
import { deltaDecoder } from "./delta.ts";
import { huffman } from "./huffman.ts";
import { planesDecoder } from "./planes.ts";
import { range } from "./range.ts";
import { rans } from "./rans.ts";
import { raw, unaligned } from "./raw.ts";
import { splat } from "./splat.ts";

const ofCodes: readonly WeightDecoder[] = [raw, unaligned, splat, range, rans, huffman, context];

export const builtinDecoders: readonly WeightDecoder[] = [...ofCodes, planesDecoder(ofCodes), deltaDecoder(ofCodes)];

/** By id; an extension's decoder of the same id as a built-in one does not replace it. */
export function decoderTable(extensions: readonly WeightDecoder[] = []): ReadonlyMap<string, WeightDecoder> {
  return new Map([...extensions, ...builtinDecoders].map((decoder) => [decoder.id, decoder]));
}
