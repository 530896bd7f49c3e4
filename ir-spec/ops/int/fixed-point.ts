/**
 * @file The one rounding of the dialect `int`: a 32-bit sum times a 31-bit multiplier, shifted right with halves rounded up. The product has 62 bits, so it is held as
 * two halves in doubles, exact and far faster than BigInt. The scheme of a normalized multiplier and a shift is that of Jacob et al., "Quantization and Training of
 * Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, section 2.2, with a single rounding instead of their two.
 */

const two16 = 2 ** 16;
const two32 = 2 ** 32;

/**
 * `floor((sum * multiplier + 2^(shift - 1)) / 2^shift)`, without the half when the shift is 0.
 * @param sum any i32
 * @param multiplier 0 to 2^31 - 1
 * @param shift 0 to 62
 * @returns the exact integer where it is below 2^53 in magnitude, else the nearest double: enough to saturate
 */
export function roundShiftProduct(sum: number, multiplier: number, shift: number): number {
  const upper = (sum >> 16) * multiplier;
  const upperHigh = Math.floor(upper / two16);
  const tail = (upper - upperHigh * two16) * two16 + (sum & 0xffff) * multiplier;
  const carry = Math.floor(tail / two32);
  const [high, low] = [upperHigh + carry, tail - carry * two32];
  if (shift === 0) return high * two32 + low;
  if (shift <= 32) return high * 2 ** (32 - shift) + Math.floor((low + 2 ** (shift - 1)) / 2 ** shift);
  return Math.floor((high + 2 ** (shift - 33)) / 2 ** (shift - 32));
}

/** `floor((value + 2^(shift - 1)) / 2^shift)` where value and the half together fit i32; shift 0 to 31. */
export function roundShift(value: number, shift: number): number {
  return shift === 0 ? value : (value + (1 << (shift - 1))) >> shift;
}
