/** @file How far one tensor lies from another: the measures that reports and `diff` share. */

export interface TensorError {
  /** Largest absolute difference. */
  readonly maxAbs: number;
  /** Root mean square of the difference, relative to that of the original; Infinity where an original of zeros was changed. */
  readonly relativeRms: number;
  /** Signal to quantization noise, 10 log10(sum x^2 / sum (x - y)^2) in dB; null where nothing differs. */
  readonly sqnr: number | null;
}

/** @throws RangeError when the lengths differ */
export function tensorError(original: ArrayLike<number>, changed: ArrayLike<number>): TensorError {
  if (original.length !== changed.length) throw new RangeError(`${original.length} values beside ${changed.length}`);
  let [energy, noise, maxAbs] = [0, 0, 0];
  for (let i = 0; i < original.length; i++) {
    const [x, y] = [original[i] as number, changed[i] as number];
    const gap = Object.is(x, y) || x === y ? 0 : Math.abs(x - y);
    energy += x * x;
    noise += gap * gap;
    maxAbs = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(maxAbs, gap);
  }
  if (maxAbs === 0) return { maxAbs, relativeRms: 0, sqnr: null };
  return { maxAbs, relativeRms: Math.sqrt(noise / energy), sqnr: 10 * Math.log10(energy / noise) };
}
