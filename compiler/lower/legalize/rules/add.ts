/** @file Addition: `int.add`, both operands brought to one unit under a shared shift. */
import { outputAttrs, type Rule, refuse } from "../cluster.ts";
import { sharedShift } from "../fixed-point.ts";

export const addRule: Rule = {
  ops: ["math.add"],
  apply(cluster) {
    const [a, b] = [0, 1].map((i) => cluster.reader.dequantized(cluster.op.operands[i]));
    if (!a || !b) return refuse(`operand ${a ? 1 : 0} is not dequantized bytes with one scale`);
    const factors = sharedShift([a.scale / cluster.out.scale, b.scale / cluster.out.scale]);
    if (!factors) return refuse("its factors have no multipliers");
    const [a_multiplier, b_multiplier] = factors.multipliers;
    const attrs = { a_zero: a.zero, b_zero: b.zero, a_multiplier, b_multiplier, shift: factors.shift, ...outputAttrs(cluster) };
    return [{ op: "int.add", operands: [a.codes, b.codes], attrs }];
  },
};
