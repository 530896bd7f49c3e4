/**
 * @file Weights as signs with a magnitude for each output channel: `w ~ a sign(w)` with a = E|w|, the least squares of the weights (XNOR-Net); or signs and magnitudes of least output error under
 * the layer's Gram matrix, by coordinate descent from there.
 */

import type { LayerMatrix, Moments, CodedRow as Row } from "../../compiler/index.ts";
import { descentFrom, refitRow } from "../../compiler/index.ts";

export interface Signs {
  /** 1 for plus, 0 for minus, as the weight is stored; the sign of 0 is plus. */
  readonly bits: Int8Array;
  /** One per output channel, 0 for a channel of zeros. */
  readonly magnitudes: Float32Array;
}

/** @param values `[channels, ...]` */
export function signsOf(values: ArrayLike<number>, channels: number): Signs {
  const inner = values.length / channels;
  const magnitudes = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner);
    magnitudes[channel] = (magnitudes[channel] as number) + Math.abs(values[i] as number) / inner;
  }
  return { bits: Int8Array.from(values, (value) => (value < 0 ? 0 : 1)), magnitudes: Float32Array.from(magnitudes) };
}

const rounds = 5;

/** Never a larger output error than that of `start`. */
export function fittedSigns(values: ArrayLike<number>, start: Signs, { rows, columns, places, moments }: LayerMatrix): Signs {
  const [bits, magnitudes] = [Int8Array.from(start.bits), Float32Array.from(start.magnitudes)];
  for (let r = 0; r < rows; r++) {
    const own = places.subarray(r * columns, (r + 1) * columns);
    const moment = moments[Math.floor((r * moments.length) / rows)] as Moments;
    let codes: Int8Array = Int8Array.from(own, (place) => bits[place] as number);
    for (let round = 0; round < rounds; round++) {
      const scale = refitRow(rowOf(values, own, magnitudes[r] as number), codes, new Int32Array(columns).fill(r), moment).get(r);
      if (scale !== undefined) magnitudes[r] = scale / 2;
      codes = descentFrom(rowOf(values, own, magnitudes[r] as number), codes, moment);
    }
    codes.forEach((code, c) => {
      bits[own[c] as number] = code;
    });
  }
  return { bits, magnitudes };
}

/** Codes 0 and 1 with the zero point 1/2 and the step 2 a stand for -a and a. */
export function rowOf(values: ArrayLike<number>, places: Int32Array, magnitude: number): Row {
  return {
    weights: Float64Array.from(places, (place) => values[place] as number),
    scales: new Float64Array(places.length).fill(2 * magnitude),
    zeros: new Float64Array(places.length).fill(0.5),
    fixed: new Uint8Array(places.length),
    least: 0,
    most: 1,
  };
}
