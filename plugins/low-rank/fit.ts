/**
 * @file What a chain of factors does to the outputs, by the inputs' second moments, and the last factor fitted to them by least squares: with the map F in front of it fixed,
 * `U = W G Fᵀ (F G Fᵀ)⁻¹` is the best there is. It repairs every method alike; of a whitened SVD it changes nothing but the damping's trace.
 */
import type { Factors } from "./factoring.ts";
import { cholesky, damped, solveNormal } from "./linear-algebra/cholesky.ts";
import { difference, dot, type Matrix, multiply, multiplyTransposed, sumOfSquares } from "./linear-algebra/matrix.ts";

/** `tr(D G Dᵀ)`: mean squared length of `D x`. Without G that of x with independent entries of variance 1: the sum of squares of D. */
export function outputEnergy(d: Matrix, gram: Matrix | null): number {
  return gram ? dot(multiply(d, gram).data, d.data) : sumOfSquares(d.data);
}

/** Squared error of the outputs over their energy, 0 where there is none. */
export function relativeError(w: Matrix, approximated: Matrix, gram: Matrix | null): number {
  const energy = outputEnergy(w, gram);
  return energy <= 0 ? 0 : Math.max(0, outputEnergy(difference(w, approximated), gram)) / energy;
}

export const productOf = ({ last, map }: Factors): Matrix => multiply(last, map);

/** The same map with the last factor fitted; null where the normal equations cannot be solved, or where the fit is no better. */
export function fitted(w: Matrix, factors: Factors, gram: Matrix, damping: number): Factors | null {
  const moments = multiply(factors.map, gram);
  const root = cholesky(damped(multiplyTransposed(moments, factors.map), damping));
  if (!root) return null;
  const last = solveNormal(multiplyTransposed(w, moments), root);
  const better = { ...factors, last };
  return relativeError(w, productOf(better), gram) < relativeError(w, productOf(factors), gram) ? better : null;
}
