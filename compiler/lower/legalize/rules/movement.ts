/**
 * @file Ops that move or pick elements run on bytes as they are; a requantize follows where the scales differ. A concatenation brings each operand to the scale of the result
 * first.
 */
import { type Answer, type Cluster, codesOf, type Dequantized, type Rule, refuse } from "../cluster.ts";
import type { Step, StepOperand } from "../step.ts";
import { requantized } from "./requantize.ts";

export const movementRule: Rule = {
  ops: ["shape.reshape", "shape.transpose", "shape.slice", "shape.gather", "shape.broadcast", "shape.pad", "nn.max_pool", "reduce.max"],
  apply(cluster) {
    const { op, reader } = cluster;
    const x = reader.dequantized(op.operands[0]);
    if (!x) return refuse("its input is not dequantized bytes with one scale");
    const allowed = reader.registry.require(op.name).operands[0]?.dtypes;
    if (allowed && !allowed.includes(x.dtype)) return refuse(`${op.name} takes no ${x.dtype}`);
    const attrs = op.name === "shape.pad" ? padAttrs(cluster, x) : cluster.attrs;
    if (!attrs) return refuse("its padding has no exact code");
    const move: Step = { op: op.name, operands: [x.codes, ...op.operands.slice(1)], attrs };
    const scaled = requantized(x, { kind: "step", index: 0 }, cluster);
    return "refuse" in scaled ? scaled : [move, ...scaled];
  },
};

/** The padding as a code, when that code means exactly the padding. */
function padAttrs({ attrs, reader }: Cluster, x: Dequantized): Readonly<Record<string, unknown>> | null {
  const value = Number(attrs.value);
  const [code] = codesOf(reader.registry, x, [value]);
  return code !== undefined && Math.fround((code - x.zero) * x.scale) === Math.fround(value) ? { ...attrs, value: code } : null;
}

export const concatRule: Rule = {
  ops: ["shape.concat"],
  apply(cluster): Answer {
    const steps: Step[] = [];
    const parts: StepOperand[] = [];
    for (const [i, operand] of cluster.op.operands.entries()) {
      const x = cluster.reader.dequantized(operand);
      if (!x) return refuse(`operand ${i} is not dequantized bytes with one scale`);
      const scaled = requantized(x, x.codes, cluster);
      if ("refuse" in scaled) return scaled;
      parts.push(scaled.length === 0 ? x.codes : { kind: "step", index: steps.length });
      steps.push(...scaled);
    }
    return [...steps, { op: "shape.concat", operands: parts, attrs: cluster.attrs }];
  },
};
