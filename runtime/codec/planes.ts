/**
 * @file Codec `planes`: floats split into planes that are coded each in its own way, in the manner of ZipNN (Hershcovitch et al. 2024) and DFloat11 (2025): the exponents of trained weights take 2 to 3 bits of their 8, signs and
 * mantissas are noise. Bit-identical back.
 *
 * Planes of f32 and bf16: the exponents; sign and upper 7 bits of the mantissa; for f32 the other two bytes of the mantissa, upper first. Of f16: the exponents; sign and upper 2 bits of the mantissa; the 8
 * bits below. Each plane is a u8 tensor of the same shape: a byte with its codec (`planeCodecs`), the lengths of its parameters and of its stream in LEB128, parameters, stream. Parameters: none.
 */
import { RuntimeError } from "../errors.ts";
import { elementCount } from "../tensor.ts";
import type { DecodeContext, WeightDecoder } from "./codec.ts";

/** Codecs of a plane by number; 0 is the bytes themselves. */
export const planeCodecs = ["raw", "splat", "range", "rans", "huffman", "context"] as const;

interface Layout {
  readonly bytes: number;
  readonly planes: number;
}

const layouts: Readonly<Record<string, Layout>> = {
  f32: { bytes: 4, planes: 4 },
  bf16: { bytes: 2, planes: 2 },
  f16: { bytes: 2, planes: 3 },
};

export function planeLayout(dtype: string): Layout | undefined {
  return layouts[dtype];
}

/** @param decoders by id, of the codecs of planes */
export function planesDecoder(decoders: readonly WeightDecoder[]): WeightDecoder {
  const byId = new Map(decoders.map((decoder) => [decoder.id, decoder]));
  return { id: "planes", decode: (context) => decode(context, byId) };
}

/** @throws RuntimeError R0110 on streams that no encoder writes. */
function decode({ stored, params, dtype, shape }: DecodeContext, decoders: ReadonlyMap<string, WeightDecoder>): Uint8Array {
  const layout = planeLayout(dtype);
  if (!layout || params.length > 0) throw refused(`it does not fit ${dtype}`);
  const count = elementCount(shape);
  let at = 0;
  const span = (length: number): Uint8Array => {
    if (at + length > stored.length) throw refused("the stream ends too early");
    at += length;
    return stored.subarray(at - length, at);
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const [byte = 0] = span(1);
      value += (byte & 127) * shift;
      if (byte < 128) return value;
      if (shift > 2 ** 35) throw refused("a length is too long");
    }
  };
  const planes = Array.from({ length: layout.planes }, () => {
    const [codec = 0] = span(1);
    const [ownParams, length] = [number(), number()];
    const context = { params: span(ownParams), stored: span(length), rawLength: count, dtype: "u8", shape } as const;
    return decodePlane(planeCodecs[codec], context, decoders);
  });
  if (at !== stored.length) throw refused(`${stored.length - at} bytes are left over`);
  return joinFloats(planes, dtype, count);
}

function decodePlane(id: string | undefined, context: DecodeContext, decoders: ReadonlyMap<string, WeightDecoder>): Uint8Array {
  const decoder = decoders.get(id ?? "");
  const plane = decoder?.decode(context);
  if (plane?.length !== context.rawLength) throw refused(`a plane by codec ${id} has ${plane?.length} of ${context.rawLength} bytes`);
  return plane;
}

/** Planes to the tensor's bytes, little-endian. */
export function joinFloats(planes: readonly Uint8Array[], dtype: string, count: number): Uint8Array {
  const [exponents, uppers, middles, lowers] = planes as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const bytes = new Uint8Array(count * (dtype === "f32" ? 4 : 2));
  if (dtype === "f16") {
    for (let i = 0; i < count; i++) {
      const upper = uppers[i] as number;
      bytes[2 * i] = middles[i] as number;
      bytes[2 * i + 1] = ((upper & 4) << 5) | (((exponents[i] as number) & 31) << 2) | (upper & 3);
    }
    return bytes;
  }
  const size = dtype === "f32" ? 4 : 2;
  for (let i = 0; i < count; i++) {
    const exponent = exponents[i] as number;
    const upper = uppers[i] as number;
    const top = size * i + size - 1;
    bytes[top] = (upper & 128) | (exponent >>> 1);
    bytes[top - 1] = ((exponent & 1) << 7) | (upper & 127);
    if (size === 4) {
      bytes[top - 2] = middles[i] as number;
      bytes[top - 3] = lowers[i] as number;
    }
  }
  return bytes;
}

function refused(why: string): RuntimeError {
  return new RuntimeError("R0110", why, "codec planes");
}
