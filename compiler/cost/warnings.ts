/** @file What compression will not pay on a target, said by its cost model and its kernels: zeros that nothing skips, integers that are slower than floats here. */
import { describeForm, elementCount, type Module, type OpRegistry, type TensorType, tensorType, weightForm } from "../../ir-spec/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import type { Lowered } from "../lower/lower.ts";
import { costOf, type TargetSpec } from "../target/target.ts";
import type { CostContext } from "./family.ts";
import { contextOf, type PlanStepCost } from "./predict.ts";
import { sizedStep } from "./step.ts";

/** Sentences, without the target's name in front. */
export function costWarnings(module: Module, plan: Lowered, target: TargetSpec, registry: OpRegistry): readonly string[] {
  return [...zeroWarnings(module, plan), ...integerWarnings(plan, target, registry)];
}

/** Structural zeros make the file smaller; a run is faster only where a kernel reads the sparse form in place. */
function zeroWarnings(module: Module, { steps }: Lowered): readonly string[] {
  const named = steps.flatMap(({ row, constants }) =>
    constants.flatMap((name, i) => {
      if (name === null || row?.operands[i]?.form === "mask") return [];
      const share = zeroShare(module, name);
      return share > 0 ? [`@${name} (${Math.round(100 * share)} %)`] : [];
    }),
  );
  const weights = [...new Set(named)];
  if (weights.length === 0) return [];
  const shown = weights.slice(0, 4).join(", ") + (weights.length > 4 ? ", ..." : "");
  const count = weights.length === 1 ? "1 weight holds zeros" : `${weights.length} weights hold zeros`;
  return [`${count} that no kernel chosen here skips: ${shown}; the file gets smaller, the run no faster`];
}

/** Share of elements that the definition does not store; 0 where the weight is no sparse one. */
function zeroShare(module: Module, name: string): number {
  if (module.constants.get(name)?.kind !== "derived") return 0;
  const form = weightForm(module, name);
  if (form.kind !== "form" || form.sparsity === null) return 0;
  if (form.sparsity.format === "nm") return 1 - form.sparsity.n / form.sparsity.m;
  const stored = storedElements(module, form.leaf);
  const all = form.shape.reduce((n, d) => n * d, 1);
  if (stored === null) throw new RangeError(`@${form.leaf} of ${describeForm(form)} has no static size`);
  return all === 0 ? 0 : 1 - stored / all;
}

function storedElements(module: Module, leaf: string): number | null {
  const type = module.constants.get(leaf)?.type;
  const count = type && elementCount(type);
  return typeof count === "number" ? count : null;
}

/** Integer layers beside the float kernels that they stand for. */
const floatOf: Readonly<Record<string, string>> = { "int.conv": "nn.conv", "int.linear": "nn.linear" };
/** Steps that are there only because the layers are integer ones. */
const borders = new Set(["quant.quantize", "quant.dequantize", "int.requantize"]);

function integerWarnings({ steps }: Lowered, target: TargetSpec, registry: OpRegistry): readonly string[] {
  const layers = steps.filter(({ def }) => floatOf[def.name] !== undefined);
  if (layers.length === 0) return [];
  const model = costOf(target);
  const context = contextOf(steps.map((step) => sizedStep(step)));
  const time = (step: PlanStepCost, within: CostContext) => model.step(sizedStep(step), within);
  const wide = { workingSet: 4 * context.workingSet };
  const pairs = layers.flatMap((step) => {
    const float = floatStep(step, target, registry);
    return float ? [{ name: step.name, integer: time(step, context), float: time(float, wide) }] : [];
  });
  const around = steps.filter(({ def }) => borders.has(def.name)).reduce((sum, step) => sum + time(step, context), 0);
  const [integer, float] = [pairs.reduce((sum, p) => sum + p.integer, around), pairs.reduce((sum, p) => sum + p.float, 0)];
  if (integer <= float) return [];
  const slower = pairs.filter((p) => p.integer > p.float).sort((a, b) => b.integer - b.float - (a.integer - a.float));
  const shown = slower.slice(0, 3).map((p) => `%${p.name} ${microseconds(p.integer)} instead of ${microseconds(p.float)}`);
  const detail = shown.length > 0 ? ` (${shown.join(", ")})` : "";
  return [
    `integer layers and their borders are predicted to take ${microseconds(integer)}, the float ones ${microseconds(float)}${detail}: int8 does not pay here`,
  ];
}

function microseconds(value: number): string {
  return value < 1000 ? `${value.toFixed(1)} us` : `${(value / 1000).toFixed(2)} ms`;
}

/** The same layer in f32: x, weight, bias; null where the target has no such kernel. */
function floatStep(step: PlanStepCost, target: TargetSpec, registry: OpRegistry): PlanStepCost | null {
  const op = floatOf[step.def.name] as string;
  const row = target.manifest?.kernels.find((r) => r.op === op && takesFloats(r));
  if (!row) return null;
  const float = (type: TensorType) => tensorType("f32", type.shape);
  const operands = step.operands.slice(0, 3).map((operand) => operand && { ...operand, type: float(operand.type) });
  const def = registry.require(op);
  const known = Object.keys(def.attrs);
  const attrs = Object.fromEntries(Object.entries(step.attrs).filter(([name]) => known.includes(name)));
  return { ...step, kernel: row.id, row, def, attrs, operands, results: step.results.map(float) };
}

function takesFloats({ operands: [x, w], results }: KernelRow): boolean {
  return (
    x?.dtypes.some((dtype) => dtype === "f32") === true && w?.dtypes.some((dtype) => dtype === "f32") === true && results?.[0] === "f32"
  );
}
