/**
 * @file Real factors as integer multiplier and right shift: `real = multiplier / 2^shift`, the multiplier with 31 significant bits. From: Jacob et al., "Quantization and
 * Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, section 2.2 (a factor in [0.5, 1) times a power of two, as C's frexp splits it).
 */

export interface FixedPoint {
  /** 2^30 .. 2^31 - 1, or 0. */
  readonly multiplier: number;
  /** 0 .. 62. */
  readonly shift: number;
}

/** null where no shift of 0..62 gives the factor: it is negative, not finite, or 2^31 and more. Below 2^-32 every i32 product rounds to 0, so the factor is 0. */
export function fixedPoint(real: number): FixedPoint | null {
  if (!(real >= 0 && real < 2 ** 31)) return null;
  if (real < 2 ** -32) return { multiplier: 0, shift: 0 };
  let exponent = Math.floor(Math.log2(real)) + 1;
  // log2 may round across a power of two.
  if (real >= 2 ** exponent) exponent++;
  if (real < 2 ** (exponent - 1)) exponent--;
  let multiplier = Math.round((real / 2 ** exponent) * 2 ** 31);
  if (multiplier === 2 ** 31) {
    multiplier = 2 ** 30;
    exponent++;
  }
  return exponent > 31 ? null : { multiplier, shift: 31 - exponent };
}

export interface SharedShift {
  /** 0 .. 2^21 each. */
  readonly multipliers: readonly number[];
  /** 0 .. 29. */
  readonly shift: number;
}

const mostMultiplier = 2 ** 21;
const mostShift = 29;

/** Several factors under one shift, with as many bits as keep sums of two 9-bit operands in i32; null where the largest is over 2^21. */
export function sharedShift(factors: readonly number[]): SharedShift | null {
  const largest = Math.max(...factors);
  if (!(largest <= mostMultiplier) || factors.some((factor) => !(factor >= 0))) return null;
  let shift = largest === 0 ? 0 : Math.min(mostShift, Math.floor(Math.log2(mostMultiplier / largest)));
  while (shift > 0 && Math.round(largest * 2 ** shift) > mostMultiplier) shift--;
  return { multipliers: factors.map((factor) => Math.round(factor * 2 ** shift)), shift };
}
