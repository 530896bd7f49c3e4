/**
 * @file Codec `range`: adaptive binary range coding of weight data, lossless. Parameters: three bytes [width, history, log2 of the adaptation limit];
 * width 1..8 codes packed or byte elements; width 16 + n codes n-byte elements in n planes of bytes, each plane with contexts of its own.
 */
import { RuntimeError } from "../errors.ts";
import { bitsPerElement, elementCount } from "../tensor.ts";
import { BitDecoder, BitModel } from "./bit-coder.ts";
import type { DecodeContext, WeightDecoder } from "./codec.ts";
import { codePlanes, contextCount, joinPlanes, packSymbols } from "./symbols.ts";

export const range: WeightDecoder = { id: "range", decode };

/** @throws RuntimeError R0110 on parameters or streams that no encoder writes. */
function decode({ stored, params, rawLength, dtype, shape }: DecodeContext): Uint8Array {
  const [width = 0, history = 0, logLimit = 0] = params;
  const bits = bitsPerElement(dtype);
  const planes = width > 16 ? width - 16 : 0;
  const symbolWidth = planes > 0 ? 8 : width;
  const fits = params.length === 3 && logLimit >= 1 && logLimit <= 11 && (planes > 0 ? planes * 8 === bits : width === bits);
  if (!fits || ![1, 2, 4, 8].includes(symbolWidth) || symbolWidth * history > 10) {
    throw new RuntimeError("R0110", `parameters [${[...params].join(", ")}] do not fit ${dtype}`, "codec range");
  }
  const symbols = new Uint8Array(planes > 0 ? rawLength : elementCount(shape));
  const model = { width: symbolWidth, history };
  const parts = Math.max(1, planes);
  const coder = new BitDecoder(stored, new BitModel(contextCount(model) * parts, 2 ** logLimit - 1));
  codePlanes(coder, symbols, model, parts);
  coder.finish();
  const bytes = planes > 0 ? joinPlanes(symbols, planes) : packSymbols(symbols, width);
  if (bytes.length !== rawLength) throw new RuntimeError("R0110", `${bytes.length} bytes decoded, ${rawLength} expected`, "codec range");
  return bytes;
}
