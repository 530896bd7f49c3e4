/**
 * @file The whole training step as one pure function of the IR: `@step(batch, labels, leaves, optimizer state, learning rate) -> (loss, leaves', state')`. A
 * result has the name of the parameter that it replaces in the next call.
 */
import type { FunctionEditor, Module, Operand, OpRegistry, TensorType, ValueId } from "../../ir-spec/index.ts";
import { tensorType } from "../../ir-spec/index.ts";
import { closeStep, differentiable, emitGradients, openStep, stepPorts } from "../autodiff/differentiate.ts";
import { trainableLeaves } from "./leaves.ts";
import { type LossName, withLoss } from "./loss.ts";
import { type Operands, type Optimizer, stateOf } from "./optimizers/optimizer.ts";

export interface TrainStepOptions {
  /** Default `main`. */
  readonly function?: string;
  readonly loss: LossName;
  /** The result that holds the scores; default the first. */
  readonly scores?: string;
  /** Default: `trainableLeaves`. */
  readonly leaves?: readonly string[];
  readonly optimizer: Optimizer;
}

/** A tensor of optimizer state: parameter and result have this name. */
export interface StatePort {
  readonly name: string;
  readonly type: TensorType;
  /** Fill before the first step. */
  readonly initial: number;
}

export interface TrainStep {
  /** Its one function is `@step`. */
  readonly module: Module;
  /** Parameters that take the batch, in order. */
  readonly inputs: readonly string[];
  readonly labels: string;
  /** Parameter and result of each leaf, by the constant's name. */
  readonly leaves: ReadonlyMap<string, string>;
  readonly state: readonly StatePort[];
  /** f32 scalar. */
  readonly learningRate: string;
  /** Name of the result that is the mean loss of the batch. */
  readonly loss: string;
}

/** @throws TersorError E0901 .. E0906. */
export function trainStep(module: Module, registry: OpRegistry, options: TrainStepOptions): TrainStep {
  const { optimizer } = options;
  const base = differentiable(module, options.function ?? "main");
  const leaves = options.leaves ?? trainableLeaves(module, registry, base);
  const { module: withLabels, func, labels } = withLoss(module, registry, base, options.loss, options.scores);
  const wanted = statePorts(module, leaves, optimizer);
  const rate = { name: "learning_rate", type: tensorType("f32", []) };
  const ports = stepPorts(withLabels, func, leaves, [...wanted, rate]);
  const state = wanted.map((port, i) => ({ ...port, name: ports.extraParams[i] ?? port.name }));
  const learningRate = ports.extraParams[wanted.length] ?? rate.name;
  const body = openStep(withLabels, registry, func, ports);
  const { loss, grads } = emitGradients(body, withLabels, func, "loss", ports);
  const updates = emitUpdates(body, { optimizer, leaves: ports.leafParams, grads, state, learningRate });
  const lossName = ports.params.some((port) => port.name === "loss") ? "step.loss" : "loss";
  body.setResults([{ name: lossName, operand: loss }, ...updates]);
  const inputs = ports.params.slice(0, func.params.length).map((port) => port.name);
  return {
    module: closeStep(body),
    inputs: inputs.filter((name) => name !== labels),
    labels,
    leaves: ports.leafParams,
    state,
    learningRate,
    loss: lossName,
  };
}

/** The slots of each leaf in turn, then the shared scalars. */
function statePorts(module: Module, leaves: readonly string[], optimizer: Optimizer): readonly StatePort[] {
  const slots = leaves.flatMap((leaf) => {
    const type = module.constants.get(leaf)?.type ?? tensorType("f32", []);
    return optimizer.slots.map(({ name, initial }) => ({ name: `${leaf}.${name}`, type, initial }));
  });
  const scalars = optimizer.scalars.map(({ name, initial }) => ({ name, type: tensorType("f32", []), initial }));
  return [...slots, ...scalars];
}

interface UpdateRequest {
  readonly optimizer: Optimizer;
  readonly leaves: ReadonlyMap<string, string>;
  readonly grads: readonly Operand[];
  readonly state: readonly StatePort[];
  readonly learningRate: string;
}

type StepResult = { readonly name: string; readonly operand: ValueId };

function emitUpdates(body: FunctionEditor, request: UpdateRequest): readonly StepResult[] {
  const { optimizer, state } = request;
  const params = new Map(body.params.map((id) => [body.info(id).name, id]));
  const param = (name: string): ValueId => params.get(name) as ValueId;
  const shared = state.slice(state.length - optimizer.scalars.length);
  const scalars = optimizer.advance(
    body,
    named(optimizer.scalars, (_, i) => param(shared[i]?.name ?? "")),
  );
  const [leafResults, slotResults]: [StepResult[], StepResult[]] = [[], []];
  [...request.leaves.values()].forEach((leaf, i) => {
    const own = state.slice(i * optimizer.slots.length, (i + 1) * optimizer.slots.length);
    const { dtype, shape } = body.typeOf(param(leaf));
    const cast = (x: Operand): Operand => (body.typeOf(x).dtype === dtype ? x : body.one("type.cast", [x], { to: dtype }));
    const updated = optimizer.update({
      builder: body,
      leaf: param(leaf),
      grad: request.grads[i] ?? null,
      learningRate: cast(param(request.learningRate)),
      slots: named(optimizer.slots, (_, s) => param(own[s]?.name ?? "")),
      scalars: named(optimizer.scalars, (name) => cast(stateOf(scalars, name))),
      decays: shape.length >= 2,
    });
    leafResults.push({ name: leaf, operand: updated.leaf as ValueId });
    optimizer.slots.forEach(({ name }, s) => {
      slotResults.push({ name: own[s]?.name ?? "", operand: stateOf(updated.slots, name) as ValueId });
    });
  });
  const scalarResults = optimizer.scalars.map(({ name }, i) => ({
    name: shared[i]?.name ?? "",
    operand: stateOf(scalars, name) as ValueId,
  }));
  return [...leafResults, ...slotResults, ...scalarResults];
}

function named(entries: readonly { readonly name: string }[], operand: (name: string, index: number) => Operand): Operands {
  return Object.fromEntries(entries.map(({ name }, i) => [name, operand(name, i)]));
}
