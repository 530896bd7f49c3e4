/** @file The one step of an `ort` plan (`manifest.ts`), read and checked: which operand is the skeleton, what ONNX calls the inputs, the outputs and the weights. */
import type { Plan, PlanAttr, PlanConstant, PlanOperand, PlanStep, PlanType } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { graphAttrs, graphKernel, portTypes } from "./manifest.ts";

export interface Port {
  readonly name: string;
  readonly type: PlanType;
}

export interface GraphStep {
  readonly skeleton: PlanConstant;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** A weight is a constant of the plan as it is, or a result of `init`. */
  readonly weights: readonly { readonly name: string; readonly from: PlanConstant | { readonly init: number } }[];
}

/** @throws RuntimeError R0414 when the plan is not one such step, R0412 for an input or output of a dtype that ONNX Runtime does not take */
export function readGraphStep(plan: Plan): GraphStep {
  const { main, inputCount } = plan;
  const [step] = main.steps;
  if (!step || main.steps.length !== 1 || step.kernel !== graphKernel) throw malformed(`main must be one step ${graphKernel}`);
  const [inputs, outputs, initializers] = [
    names(step, graphAttrs.inputs),
    names(step, graphAttrs.outputs),
    names(step, graphAttrs.weights),
  ];
  if (inputs.length !== inputCount || outputs.length !== step.results.length)
    throw malformed("its names do not fit its operands and results");
  if (step.operands.length !== 1 + inputs.length + initializers.length) throw malformed("its names do not fit its operands");
  const operands = step.operands.slice(1);
  inputs.forEach((name, i) => {
    if (valueId(operands[i]) !== i) throw malformed(`operand ${JSON.stringify(name)} is not public input ${i}`);
  });
  const returned = main.returns.map((operand) => valueId(operand));
  if (returned.length !== outputs.length || !returned.every((id, i) => id === step.results[i])) {
    throw malformed("it must return the step's results");
  }
  return {
    skeleton: skeletonOf(plan, step),
    inputs: inputs.map((name, i) => port(plan, name, i)),
    outputs: outputs.map((name, i) => port(plan, name, step.results[i] ?? -1)),
    weights: initializers.map((name, i) => ({ name, from: weightSource(plan, name, operands[inputs.length + i]) })),
  };
}

function skeletonOf(plan: Plan, step: PlanStep): PlanConstant {
  const [operand] = step.operands;
  const constant = operand?.kind === "constant" ? plan.constants[operand.constant] : undefined;
  if (constant?.dtype !== "u8" || constant.shape.length !== 1) throw malformed("its first operand must be the skeleton, u8 data");
  return constant;
}

function port(plan: Plan, name: string, value: number): Port {
  const type = plan.main.values[value];
  if (!type) throw malformed(`no type for ${JSON.stringify(name)}`);
  if (portTypes[type.dtype]) return { name, type };
  throw new RuntimeError("R0412", `${JSON.stringify(name)} is ${type.dtype}, which ONNX Runtime does not take in or give out`, "ort");
}

function weightSource(plan: Plan, name: string, operand: PlanOperand | undefined): PlanConstant | { readonly init: number } {
  const constant = operand?.kind === "constant" ? plan.constants[operand.constant] : undefined;
  if (constant) return constant;
  const init = valueId(operand) - plan.inputCount;
  if (init >= 0 && init < plan.init.returns.length) return { init };
  throw malformed(`weight ${JSON.stringify(name)} is neither a constant nor made by init`);
}

function valueId(operand: PlanOperand | undefined): number {
  return operand?.kind === "value" ? operand.value : -1;
}

function names(step: PlanStep, attr: string): readonly string[] {
  const list: PlanAttr | undefined = step.attrs[attr];
  if (Array.isArray(list) && list.every((name) => typeof name === "string") && new Set(list).size === list.length) return list;
  throw malformed(`attribute ${attr} must be a list of different names`);
}

function malformed(why: string): RuntimeError {
  return new RuntimeError("R0414", `the plan is no ONNX graph: ${why}`, "ort");
}
