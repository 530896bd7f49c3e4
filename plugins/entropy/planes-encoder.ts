/** @file Encoder of the codec `planes`: splits floats into planes and codes each by whatever makes it smallest. The decoder is `runtime/codec/planes.ts`. */
import type { EncodeContext, Encoded, WeightEncoder } from "../../compiler/index.ts";
import { bytesEqual } from "../../ir-spec/index.ts";
import { planeCodecs, planeLayout } from "../../runtime/index.ts";
import { contextEncoder } from "./context-encoder.ts";
import { huffmanEncoder } from "./huffman-encoder.ts";
import { rangeEncoder } from "./range-encoder.ts";
import { ransEncoder } from "./rans-encoder.ts";
import { entropyBits } from "./symbol-counts.ts";

export const planesEncoder: WeightEncoder = { id: "planes", encode };

/** null for what is no f32, f16 or bf16, and where there is nothing to code. */
function encode(ctx: EncodeContext): Encoded | null {
  const layout = planeLayout(ctx.dtype);
  if (!layout || ctx.bytes.length === 0 || ctx.bytes.length % layout.bytes !== 0) return null;
  const parts = splitFloats(ctx.bytes, ctx.dtype).map((plane) => encodePlane(plane, ctx.shape));
  const bytes = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, params: new Uint8Array(0) };
}

/** The inverse of `joinFloats`. */
export function splitFloats(bytes: Uint8Array, dtype: string): readonly Uint8Array[] {
  const size = dtype === "f32" ? 4 : 2;
  const count = bytes.length / size;
  const top = (i: number) => bytes[size * i + size - 1] as number;
  const next = (i: number) => bytes[size * i + size - 2] as number;
  const plane = (at: (i: number) => number) => Uint8Array.from({ length: count }, (_, i) => at(i));
  if (dtype === "f16") return [plane((i) => (top(i) >>> 2) & 31), plane((i) => ((top(i) >>> 5) & 4) | (top(i) & 3)), plane(next)];
  const upper = [plane((i) => ((top(i) << 1) & 255) | (next(i) >>> 7)), plane((i) => (top(i) & 128) | (next(i) & 127))];
  return dtype === "f32" ? [...upper, plane((i) => bytes[4 * i + 1] as number), plane((i) => bytes[4 * i] as number)] : upper;
}

interface Best extends Encoded {
  readonly codec: (typeof planeCodecs)[number];
}

const none = new Uint8Array(0);
const encoders = [
  ["range", rangeEncoder],
  ["rans", ransEncoder],
  ["huffman", huffmanEncoder],
  ["context", contextEncoder],
] as const satisfies readonly (readonly [Best["codec"], WeightEncoder])[];

function encodePlane(bytes: Uint8Array, shape: readonly number[]): Uint8Array {
  let best: Best = { codec: "raw", bytes, params: none };
  if (bytes.length > 1 && bytesEqual(bytes.subarray(1), bytes.subarray(0, -1)))
    best = { codec: "splat", bytes: bytes.slice(0, 1), params: none };
  else if (!isNoise(bytes)) {
    for (const [id, encoder] of encoders) {
      const coded = encoder.encode({ bytes, dtype: "u8", shape });
      if (coded && coded.bytes.length + coded.params.length < best.bytes.length + best.params.length) best = { codec: id, ...coded };
    }
  }
  const number = planeCodecs.indexOf(best.codec);
  const head = [number, ...leb128(best.params.length), ...leb128(best.bytes.length), ...best.params];
  const out = new Uint8Array(head.length + best.bytes.length);
  out.set(head);
  out.set(best.bytes, head.length);
  return out;
}

/** Whether no codec can pay: bytes that are as good as uniform. Saves time, not bytes. */
function isNoise(bytes: Uint8Array): boolean {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1;
  return bytes.length > 4096 && entropyBits(counts) > 7.98 * bytes.length - 1500;
}

export function leb128(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
