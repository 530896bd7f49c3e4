/**
 * @file sin, cos and ln from + - * / alone.
 *
 * ECMAScript leaves the last bits of Math.sin, Math.exp and their kin to the engine, so anything seeded that goes through them
 * may differ between browsers. IEEE 754 pins down + - * / and sqrt, so these give the same bits everywhere. Plain series after
 * a range reduction (Cody and Waite, "Software Manual for the Elementary Functions", 1980); a few units in the last place off
 * the correctly rounded result, which is the price for staying this short.
 */

const HALF_PI = Math.PI / 2;
/** What HALF_PI lacks of pi/2. */
const HALF_PI_REST = 6.123233995736766e-17;
const LN2 = Math.LN2;

/** Taylor series of sin on [-pi/4, pi/4]; the first dropped term is below 1e-17. */
function sinSeries(x: number): number {
  const x2 = x * x;
  let term = x;
  let sum = x;
  for (let k = 1; k <= 8; k++) {
    term = (-term * x2) / (2 * k * (2 * k + 1));
    sum += term;
  }
  return sum;
}

/** Taylor series of cos on [-pi/4, pi/4]. */
function cosSeries(x: number): number {
  const x2 = x * x;
  let term = 1;
  let sum = 1;
  for (let k = 1; k <= 8; k++) {
    term = (-term * x2) / (2 * k * (2 * k - 1));
    sum += term;
  }
  return sum;
}

/** sin(x + quarters * pi/2) for x in radians, |x| up to about 1e5. */
function sinShifted(x: number, quarters: number): number {
  const nearest = Math.round(x / HALF_PI);
  const rest = x - nearest * HALF_PI - nearest * HALF_PI_REST;
  const quadrant = (((nearest + quarters) % 4) + 4) % 4;
  const value = quadrant % 2 === 0 ? sinSeries(rest) : cosSeries(rest);
  return quadrant < 2 ? value : -value;
}

/** Sine of `x` radians, the same bits on every engine. */
export function sin(x: number): number {
  return sinShifted(x, 0);
}

/** Cosine of `x` radians, the same bits on every engine. */
export function cos(x: number): number {
  return sinShifted(x, 1);
}

/** Natural logarithm of a positive, normal `x`: ln(m 2^e) = e ln 2 + 2 atanh((m - 1) / (m + 1)). */
export function ln(x: number): number {
  let mantissa = x;
  let exponent = 0;
  for (; mantissa > Math.SQRT2; exponent++) mantissa *= 0.5;
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2;
  const ratio = (mantissa - 1) / (mantissa + 1);
  const ratio2 = ratio * ratio;
  let power = ratio;
  let sum = 0;
  for (let k = 1; k <= 21; k += 2) {
    sum += power / k;
    power *= ratio2;
  }
  return exponent * LN2 + 2 * sum;
}
