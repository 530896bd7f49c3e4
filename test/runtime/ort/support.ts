/** @file Plans of the `ort` backend built by hand, without compiler or file, around skeletons of the test's own ONNX writer. */
import type { Plan, PlanConstant, PlanFunction, PlanStep, PlanType } from "../../../runtime/index.ts";
import type { OnnxGraph } from "../../support/onnx-writer.ts";
import { onnxModel } from "../../support/onnx-writer.ts";

export interface HandMade {
  readonly skeleton: Uint8Array;
  readonly inputs: Readonly<Record<string, PlanType>>;
  readonly outputs: Readonly<Record<string, PlanType>>;
  /** Data constants. */
  readonly weights?: Readonly<Record<string, Omit<PlanConstant, "name">>>;
  /** Its results are weights of these names, behind the data constants; constants of the plan from 1 on are `initConstants`. */
  readonly init?: PlanFunction;
  readonly initNames?: readonly string[];
  readonly initConstants?: readonly PlanConstant[];
}

export const noInit: PlanFunction = { values: [], params: 0, steps: [], returns: [] };

export function bytesConstant(name: string, bytes: Uint8Array): PlanConstant {
  return { name, dtype: "u8", shape: [bytes.length], bytes: () => bytes };
}

/** Constants: the skeleton, those of init, the weights. */
export function handMadePlan(made: HandMade): Plan {
  const weights = Object.entries(made.weights ?? {}).map(([name, weight]): PlanConstant => ({ name, ...weight }));
  const init = made.init ?? noInit;
  const initConstants = made.initConstants ?? [];
  const initTypes = init.returns.map((operand) => init.values[operand.kind === "value" ? operand.value : -1] as PlanType);
  const inputs = Object.entries(made.inputs);
  const outputs = Object.entries(made.outputs);
  const params = inputs.length + initTypes.length;
  const results = outputs.map((_, i) => params + i);
  const step: PlanStep = {
    kernel: "ort_graph",
    attrs: {
      inputs: inputs.map(([name]) => name),
      outputs: outputs.map(([name]) => name),
      initializers: [...weights.map(({ name }) => name), ...(made.initNames ?? [])],
    },
    operands: [
      { kind: "constant", constant: 0 },
      ...inputs.map((_, value) => ({ kind: "value", value }) as const),
      ...weights.map((_, i) => ({ kind: "constant", constant: 1 + initConstants.length + i }) as const),
      ...initTypes.map((_, i) => ({ kind: "value", value: inputs.length + i }) as const),
    ],
    results,
    origin: "main",
  };
  const values = [...inputs.map(([, type]) => type), ...initTypes, ...outputs.map(([, type]) => type)];
  const main = { values, params, steps: [step], returns: results.map((value) => ({ kind: "value", value }) as const) };
  const constants = [bytesConstant("skeleton", made.skeleton), ...initConstants, ...weights];
  return { target: "ort-cpu", init, main, inputCount: inputs.length, constants };
}

/** y = x * w, w from outside. */
export const scaled: OnnxGraph = {
  nodes: [{ op: "Mul", inputs: ["x", "w"], outputs: ["y"] }],
  inputs: [{ name: "x", dtype: "f32", shape: ["N", 3] }],
  outputs: [{ name: "y", dtype: "f32", shape: ["N", 3] }],
};

export function scaledPlan(skeleton: Uint8Array = onnxModel(scaled)): Plan {
  const type = { dtype: "f32", shape: [{ text: "N", evaluate: (bindings) => bindings.get("N") ?? -1 }, 3] } satisfies PlanType;
  const bytes = () => new Uint8Array(Float32Array.of(2, -1, 0.5).buffer);
  return handMadePlan({ skeleton, inputs: { x: type }, outputs: { y: type }, weights: { w: { dtype: "f32", shape: [3], bytes } } });
}
