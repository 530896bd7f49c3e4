/** @file What the cost model says of a whole plan: microseconds per step, of the run around them, and in total. */
import type { TensorType } from "../../ir-spec/index.ts";
import type { CostContext } from "./family.ts";
import type { CostModel } from "./model.ts";
import { type CostStep, type DimSizes, type SymbolicStep, sizedStep, tensorBytes, touchedBytes, unitSizes } from "./step.ts";

/** A step of a plan with the name of the op that it came from. */
export interface PlanStepCost extends SymbolicStep {
  readonly name: string;
  /** Per operand the constant's name; null for a value. */
  readonly constants: readonly (string | null)[];
  /** Of the backend that it runs on, where that is not the target's own. */
  readonly model?: CostModel;
}

export interface StepPrediction {
  /** Name of the op's first result. */
  readonly op: string;
  readonly kernel: string;
  readonly microseconds: number;
}

export interface Prediction {
  readonly steps: readonly StepPrediction[];
  /** Microseconds of a run besides its steps. */
  readonly run: number;
  /** Microseconds of a run; null where nothing is known of the steps. */
  readonly total: number | null;
}

/** Types of what a run takes in and gives out. */
export interface PlanPorts {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
}

export function predictSteps(model: CostModel, steps: readonly PlanStepCost[], ports: PlanPorts, sizes: DimSizes = unitSizes): Prediction {
  const sized = steps.map((step) => sizedStep(step, sizes));
  const context = contextOf(sized);
  const predicted = sized.map((step, i) => ({
    op: (steps[i] as PlanStepCost).name,
    kernel: step.kernel,
    microseconds: (steps[i]?.model ?? model).step(step, context),
  }));
  const bytes = (types: readonly TensorType[]) => types.reduce((sum, type) => sum + tensorBytes(type, sizes), 0);
  const run = model.run(bytes(ports.inputs), bytes(ports.outputs));
  const total = steps.length === 0 ? null : predicted.reduce((sum, step) => sum + step.microseconds, run);
  return { steps: predicted, run, total };
}

/** The constants of all steps, and the largest that one step touches besides. */
export function contextOf(steps: readonly CostStep[]): CostContext {
  let [constants, values] = [0, 0];
  for (const step of steps) {
    const own = step.operands.reduce((sum, operand) => sum + (operand?.constant ? operand.bytes : 0), 0);
    constants += own;
    values = Math.max(values, touchedBytes(step) - own);
  }
  return { workingSet: constants + values };
}
