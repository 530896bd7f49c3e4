/** @file The plan for a target, made in the way that the target asks for. */
import { type Module, mainFunction, type OpRegistry } from "../../ir-spec/index.ts";
import { type Prediction, predictSteps } from "../cost/predict.ts";
import { type DimSizes, unitSizes } from "../cost/step.ts";
import { checkLimits } from "../target/limits.ts";
import { costOf, type TargetSpec } from "../target/target.ts";
import { withCrossings } from "./crossings.ts";
import { type Lowered, type LowerOptions, lower, portsOf, stepCost } from "./lower.ts";
import { narrowFloats } from "./narrow-floats.ts";
import { narrowIntegers } from "./narrow-integers.ts";
import { lowerToOnnxGraph } from "./ort-plan.ts";

/** @throws TersorError E0801, E0806: everything that the target cannot run; E0807 what it cannot hold; E0802 for a target without plans */
export function planFor(module: Module, target: TargetSpec, registry: OpRegistry, options: LowerOptions = {}): Lowered {
  checkLimits(module, target);
  if (target.style === "onnx-graph") return lowerToOnnxGraph(module, target, registry);
  const narrow = target.integers ? narrowIntegers(module, registry) : module;
  return lower(target.floats ? narrowFloats(narrow, registry, target.floats) : narrow, target, registry, options);
}

/** A module as the cost model takes it where there is no plan: `reference` runs the ops as they stand. */
export function sourceSteps(module: Module, registry: OpRegistry): Pick<Lowered, "steps" | "ports" | "crossings"> {
  const func = mainFunction(module);
  return { steps: func.ops.map((op) => stepCost(module, func, op, null, registry)), ports: portsOf(func), crossings: [] };
}

/** What the target's cost model says of a module. @throws TersorError as `planFor` */
export function predictModule(module: Module, target: TargetSpec, registry: OpRegistry, sizes: DimSizes = unitSizes): Prediction {
  return predictPlan(target, target.manifest ? planFor(module, target, registry) : sourceSteps(module, registry), sizes);
}

/** What the target's cost model says of a plan with these sizes of symbols; others are 1. */
export function predictPlan(target: TargetSpec, plan: Pick<Lowered, "steps" | "ports" | "crossings">, sizes: DimSizes): Prediction {
  return withCrossings(predictSteps(costOf(target), plan.steps, plan.ports, sizes), plan.crossings, sizes);
}
