/**
 * @file Logistic functions from additions, multiplications and divisions alone: `Math.exp` and `Math.log` differ between engines in the last bits, and the models of an adaptive decoder must not.
 */

/** e^x for |x| <= 64, relative error below 1e-12. */
export function exactExp(x: number): number {
  const reduced = x / 1024;
  let sum = 1;
  for (let k = 8; k > 0; k--) sum = 1 + (sum * reduced) / k;
  for (let k = 0; k < 10; k++) sum *= sum;
  return sum;
}

/** ln x for 2^-40 <= x <= 2^40: powers of two taken out, then the series of the inverse hyperbolic tangent. */
export function exactLog(x: number): number {
  let doublings = 0;
  let m = x;
  for (; m > 1.5; m /= 2) doublings++;
  for (; m < 0.75; m *= 2) doublings--;
  const t = (m - 1) / (m + 1);
  let sum = 0;
  for (let k = 25; k > 0; k -= 2) sum = sum * t * t + 1 / k;
  return 2 * t * sum + doublings * Math.LN2;
}

/** 1 / (1 + e^-x) for x = (i - 2048) / 128, as a probability of 65536, kept off 0 and 1 by 1/2048 of a percent at least. */
export const squashTable: Uint16Array = Uint16Array.from({ length: 4096 }, (_, i) => {
  const p = 1 / (1 + exactExp((2048 - i) / 128));
  return Math.max(1, Math.min(65535, Math.floor(p * 65536)));
});

/** ln(p / (1 - p)) for p = (i + 0.5) / 4096. */
export const stretchTable: Float64Array = Float64Array.from({ length: 4096 }, (_, i) => exactLog((i + 0.5) / (4095.5 - i)));
