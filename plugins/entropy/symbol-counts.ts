/** @file What the encoders of whole symbols start from: the symbols of a tensor and how often each occurs. */
import type { EncodeContext } from "../../compiler/index.ts";
import { byteLengthOf } from "../../ir-spec/index.ts";
import { type SymbolForm, symbolForm, unpackSymbols } from "../../runtime/index.ts";

export interface Symbols {
  readonly form: SymbolForm;
  readonly symbols: Uint8Array;
  /** By symbol. */
  readonly counts: Uint32Array;
}

/** null where there is nothing to code. */
export function symbolsOf({ bytes, dtype, shape }: EncodeContext): Symbols | null {
  const form = symbolForm(dtype, shape);
  const elements = shape.reduce((n, d) => n * d, 1);
  if (form.count === 0 || bytes.length !== byteLengthOf(dtype, elements)) return null;
  const symbols = unpackSymbols(bytes, form.width, form.count);
  const counts = new Uint32Array(1 << form.width);
  for (const symbol of symbols) counts[symbol] = (counts[symbol] as number) + 1;
  return { form, symbols, counts };
}

/** Order-0 entropy of the counts, bits for all symbols together. */
export function entropyBits(counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] as number;
  let bits = 0;
  for (let i = 0; i < counts.length; i++) {
    const n = counts[i] as number;
    if (n > 0) bits -= n * Math.log2(n / total);
  }
  return bits;
}
