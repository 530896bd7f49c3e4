/**
 * @file Codec `context`: a context-modelled adaptive binary range coder for codes of 1, 2, 4 and 8 bits: quantized weights, indices, masks. Below the order-0 entropy where magnitudes differ between
 * rows and columns or codes can be predicted; no tables travel, so small sections win too. A tenth of rANS's speed.
 *
 * Stored: a byte with the predictor's number; for unsigned dtypes above one bit a byte with the centre that is taken off each code; the stream. Parameters: none.
 */
import { RuntimeError } from "../errors.ts";
import { bitsPerElement, elementCount } from "../tensor.ts";
import type { DecodeContext, WeightDecoder } from "./codec.ts";
import { codeValues, gridOf } from "./context-symbols.ts";
import { predictorCount } from "./predictor.ts";
import { RangeDecoder } from "./range-decoder.ts";
import { packSymbols } from "./symbols.ts";

export const context: WeightDecoder = { id: "context", decode };

/** @throws RuntimeError R0110 on parameters or streams that no encoder writes. */
function decode({ stored, params, dtype, shape }: DecodeContext): Uint8Array {
  const width = bitsPerElement(dtype);
  const predictor = stored[0] ?? 0;
  if (params.length > 0 || width > 8 || predictor > predictorCount || (width === 1 && predictor > 0)) {
    throw new RuntimeError("R0110", `predictor ${predictor} and ${params.length} parameters do not fit ${dtype}`, "codec context");
  }
  const centred = hasCentre(dtype);
  const values = new Int8Array(elementCount(shape));
  const decoder = new RangeDecoder(stored, centred ? 2 : 1);
  codeValues(decoder, values, gridOf(width, shape, predictor));
  decoder.finish();
  return packSymbols(withCentre(values, centred ? (stored[1] ?? 0) : 0, (1 << width) - 1), width);
}

function withCentre(values: Int8Array, centre: number, mask: number): Uint8Array {
  const symbols = new Uint8Array(values.buffer);
  for (let i = 0; i < symbols.length; i++) symbols[i] = ((values[i] as number) + centre) & mask;
  return symbols;
}

/** Whether codes of this dtype lie around a centre that is stored. */
export function hasCentre(dtype: string): boolean {
  return dtype === "u8" || dtype === "u4" || dtype === "u2";
}
