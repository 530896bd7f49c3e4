/** @file Encoder of the codec `range`: tries every context model that fits the dtype and keeps the shortest stream. Lossless; the decoder is `runtime/codec/range.ts`. */
import type { EncodeContext, Encoded, WeightEncoder } from "../../compiler/index.ts";
import { byteLengthOf, dtypeInfo } from "../../ir-spec/index.ts";
import { BitModel, codePlanes, contextCount, splitPlanes, unpackSymbols } from "../../runtime/index.ts";
import { BitEncoder } from "./bit-encoder.ts";

interface Choice {
  readonly history: number;
  readonly logLimit: number;
}

const logLimits = [5, 8, 11];

export const rangeEncoder: WeightEncoder = { id: "range", encode };

/** null where there is nothing to code. */
function encode({ bytes, dtype, shape }: EncodeContext): Encoded | null {
  const { bits } = dtypeInfo(dtype);
  const count = shape.reduce((n, d) => n * d, 1);
  if (count === 0 || bytes.length !== byteLengthOf(dtype, count)) return null;
  const planes = bits > 8 ? bits / 8 : 0;
  const width = planes > 0 ? 8 : bits;
  const symbols = planes > 0 ? splitPlanes(bytes, planes) : unpackSymbols(bytes, width, count);
  let best: Encoded | null = null;
  for (const choice of likely(symbols, width, planes)) {
    const coded = encodeWith(symbols, width, Math.max(1, planes), choice);
    if (best && coded.length >= best.bytes.length) continue;
    best = { bytes: coded, params: Uint8Array.of(planes > 0 ? 16 + planes : width, choice.history, choice.logLimit) };
  }
  return best;
}

const sampleLength = 1 << 15;

/** All choices for a short section; for a long one of codes the best for its beginning. */
function likely(symbols: Uint8Array, width: number, planes: number): readonly Choice[] {
  const all = choices(width, planes);
  if (planes > 0 || symbols.length <= 2 * sampleLength) return all;
  const sizes = all.map((choice) => encodeWith(symbols.subarray(0, sampleLength), width, 1, choice).length);
  const best = all[sizes.indexOf(Math.min(...sizes))] as Choice;
  return [best, { ...best, logLimit: 11 }].slice(0, best.logLimit === 11 ? 1 : 2);
}

function choices(width: number, planes: number): readonly Choice[] {
  const histories = planes > 0 ? [0] : [0, 1, 2, 4, 8].filter((history) => history * width <= 8);
  return histories.flatMap((history) => logLimits.map((logLimit) => ({ history, logLimit })));
}

function encodeWith(symbols: Uint8Array, width: number, parts: number, { history, logLimit }: Choice): Uint8Array {
  const model = { width, history };
  const encoder = new BitEncoder(new BitModel(contextCount(model) * parts, 2 ** logLimit - 1));
  codePlanes(encoder, symbols.slice(), model, parts);
  return encoder.finish();
}
