/** @file Encoder of the codec `context`. Of the predictors it takes the one that leaves least, and codes with it and without any. The decoder is `runtime/codec/context.ts`. */
import type { EncodeContext, Encoded, WeightEncoder } from "../../compiler/index.ts";
import { byteLengthOf, dtypeInfo } from "../../ir-spec/index.ts";
import { type CodeGrid, codeValues, gridOf, hasCentre, Predictor, predictorCount, unpackSymbols } from "../../runtime/index.ts";
import { RangeStream } from "./range-stream.ts";

export const contextEncoder: WeightEncoder = { id: "context", encode };

/** null for what is no code of 1, 2, 4 or 8 bits, and where there is nothing to code. */
function encode({ bytes, dtype, shape }: EncodeContext): Encoded | null {
  const width = dtypeInfo(dtype).bits;
  const count = shape.reduce((n, d) => n * d, 1);
  if (width > 8 || count === 0 || bytes.length !== byteLengthOf(dtype, count)) return null;
  const symbols = unpackSymbols(bytes, width, count);
  const centre = hasCentre(dtype) ? median(symbols, width) : 0;
  const values = Int8Array.from(symbols, (symbol) => (width === 1 ? symbol : ((symbol - centre) << (32 - width)) >> (32 - width)));
  const head = hasCentre(dtype) ? [centre] : [];
  const streams = candidates(values, gridOf(width, shape, 0)).map((grid) => encodeValues(values, grid, head));
  const shortest = streams.reduce((best, stream) => (stream.length < best.length ? stream : best));
  return { bytes: shortest, params: new Uint8Array(0) };
}

function encodeValues(values: Int8Array, grid: CodeGrid, head: readonly number[]): Uint8Array {
  const stream = new RangeStream();
  const coder = {
    code(probability: number, bit: number): number {
      stream.encode(bit, probability, 16);
      return bit;
    },
  };
  codeValues(coder, values.slice(), grid);
  const body = stream.finish();
  const bytes = new Uint8Array(1 + head.length + body.length);
  bytes.set([grid.predictor, ...head]);
  bytes.set(body, 1 + head.length);
  return bytes;
}

/** No predictor, and the best one where it takes at least a hundredth off the magnitudes. */
function candidates(values: Int8Array, grid: CodeGrid): readonly CodeGrid[] {
  if (grid.width === 1) return [grid];
  const sample = values.subarray(0, sampleLength);
  const plain = sample.reduce((sum, value) => sum + Math.abs(value), 0);
  let best = { left: plain * 0.99, predictor: 0 };
  for (let predictor = 1; predictor <= predictorCount; predictor++) {
    const left = residualSum(sample, { ...grid, predictor });
    if (left < best.left) best = { left, predictor };
  }
  return best.predictor === 0 ? [grid] : [grid, { ...grid, predictor: best.predictor }];
}

/** Enough codes to tell predictors apart. */
const sampleLength = 1 << 15;

/** Sum of the magnitudes that a predictor leaves. */
function residualSum(values: Int8Array, grid: CodeGrid): number {
  const predictor = new Predictor(grid.predictor, values, grid.row, grid.width);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    sum += Math.abs(value - predictor.predict(i));
    predictor.learn(value);
  }
  return sum;
}

/** The code that as many lie below as above. */
function median(symbols: Uint8Array, width: number): number {
  const counts = new Uint32Array(1 << width);
  for (const symbol of symbols) counts[symbol] = (counts[symbol] as number) + 1;
  let below = 0;
  return counts.findIndex((count) => {
    below += count;
    return 2 * below >= symbols.length;
  });
}
