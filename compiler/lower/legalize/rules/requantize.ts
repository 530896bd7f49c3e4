/** @file Bytes with one scale to bytes with another: `int.requantize`, which also does what is left of a relu or clip between dequantize and quantize. */
import { type Affine, type Cluster, codeBounds, type Dequantized, outputAttrs, refuse, sameAffine } from "../cluster.ts";
import { sharedShift } from "../fixed-point.ts";
import type { Step, StepOperand } from "../step.ts";

/** The step that takes `x`, whose bytes are `codes`, to the cluster's result; none when nothing changes. */
export function requantized(x: Affine, codes: StepOperand, cluster: Cluster): readonly Step[] | { readonly refuse: string } {
  if (sameAffine(x, cluster.out) && isUnclamped(cluster)) return [];
  const factors = sharedShift([x.scale / cluster.out.scale]);
  if (!factors) return refuse(`its factor ${x.scale / cluster.out.scale} has no multiplier`);
  const attrs = { x_zero: x.zero, multiplier: factors.multipliers[0], shift: factors.shift, ...outputAttrs(cluster) };
  return [{ op: "int.requantize", operands: [codes], attrs }];
}

function isUnclamped(cluster: Cluster): boolean {
  const { min, max } = codeBounds(cluster);
  return cluster.out.dtype === "i8" ? min === -128 && max === 127 : min === 0 && max === 255;
}

/** quantize(relu...(dequantize(x))). */
export function requantizeRule(x: Dequantized, cluster: Cluster): readonly Step[] | { readonly refuse: string } {
  return requantized(x, x.codes, cluster);
}
