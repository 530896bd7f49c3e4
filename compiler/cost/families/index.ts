/** @file Which family a kernel belongs to. A kernel that no line names is a sum of the op record's counts: macs, bytes, element operations. */
import { type CostFamily, coldConstants } from "../family.ts";
import { type CostStep, touchedBytes } from "../step.ts";
import { conv, depthwise, isDepthwise } from "./conv.ts";
import { graphConv, graphDepthwise, graphProduct, graphStream } from "./graph.ts";
import { intConv, intLinear } from "./integer.ts";
import { linear, matmul } from "./product.ts";
import { alongAxis, blocks, broadcasting, perElement, pool, reduction, strided } from "./stream.ts";

/** Launch, then what the op's record counts. */
export function counted(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "macs", "bytes", "element operations", "L3 bytes", "memory bytes"],
    count(step, context) {
      const constants = step.operands.reduce((sum, operand) => sum + (operand?.constant ? operand.bytes : 0), 0);
      return [1, step.macs, touchedBytes(step), step.elementOps, ...coldConstants(constants, context)];
    },
  };
}

const patterns: readonly (readonly [RegExp, (name: string, step: CostStep) => CostFamily])[] = [
  [/^f32_conv$/, (_, step) => (isDepthwise(step) ? depthwise : conv)],
  [/^f32_linear$/, () => linear],
  [/^f32_(matmul|linear_rows)$/, (name) => ({ ...matmul, name })],
  [/^i8_conv(_grouped)?$/, (name) => ({ ...intConv, name })],
  [/^i8_linear/, (name) => ({ ...intLinear, name })],
  [/^f32_(add|sub|mul|div|min|max|pow)$/, broadcasting],
  [/^(equal|less|greater|where)$/, broadcasting],
  [/^f32_(log_)?softmax$/, alongAxis],
  [/^(f32_reduce_(sum|mean|max)|i8_mean)$/, reduction],
  [/^(f32|i8)_(max|avg)_pool$/, pool],
  [/^(transpose|broadcast|slice)$/, strided],
  [/^(concat|pad|gather_i32|gather_i64)$/, blocks],
  [/^f32_(abs|ceil|clip|erf|exp|floor|leaky_relu|log|neg|reciprocal|relu|round|sigmoid|sign|sqrt|step|tanh)$/, perElement],
  [/^(i8_(add|requantize|lookup)|f32_quantize_[iu]8|\w+_dequantize_f32|\w+_cast_f32|cast)$/, perElement],
];

/** Steps are ops here. */
const graphPatterns: typeof patterns = [
  [/^nn\.conv$/, (_, step) => (isDepthwise(step) ? graphDepthwise : graphConv)],
  [/^nn\.(linear|matmul)$/, graphProduct],
  [/./, graphStream],
];

/** Kernels of the wasm backend. */
export const familyOf = chooser(patterns);

/** Ops of a graph engine. */
export const graphFamilyOf = chooser(graphPatterns);

function chooser(list: typeof patterns): (step: CostStep) => CostFamily {
  const made = new Map<string, CostFamily>();
  return (step) => chosen(list, made, step);
}

/** One object per family, so that families can be compared. */
function chosen(list: typeof patterns, made: Map<string, CostFamily>, step: CostStep): CostFamily {
  const [, make] = list.find(([pattern]) => pattern.test(step.kernel)) ?? [null, counted];
  const family = make(step.kernel, step);
  const known = made.get(family.name);
  if (known) return known;
  made.set(family.name, family);
  return family;
}
