/**
 * @file From a module with a loss to a module with `@step`, a pure function that returns the loss and its gradient for every leaf. Leaves,
 * constants until then, are parameters of the step, so whoever trains feeds each step's results to the next.
 */
import {
  emptyFunction,
  type Func,
  type FunctionEditor,
  isFloat,
  type Module,
  ModuleEditor,
  type Operand,
  type OpRegistry,
  printType,
  type TensorType,
  type ValueId,
} from "../../ir-spec/index.ts";
import { reachableConstants } from "../analysis/reachable.ts";
import { trainingError } from "./errors.ts";
import { copyForward } from "./forward.ts";
import { reverseSweep } from "./reverse.ts";

export interface DifferentiateOptions {
  /** Default `main`. */
  readonly function?: string;
  /** The result that is the loss: a float scalar. */
  readonly loss: string;
  /** Float data constants, reached from the function directly or through definitions. */
  readonly leaves: readonly string[];
}

/** A leaf in a step: the parameter that takes its value, the result that returns its gradient. */
export interface LeafPort {
  readonly param: string;
  readonly grad: string;
}

export interface Differentiated {
  /** Its one function is `@step(inputs..., leaves...) -> (loss, gradients...)`. */
  readonly module: Module;
  /** By the leaf's name, in the order asked for. */
  readonly leaves: ReadonlyMap<string, LeafPort>;
}

/** @throws TersorError E0901 .. E0906. */
export function differentiate(module: Module, registry: OpRegistry, options: DifferentiateOptions): Differentiated {
  const func = differentiable(module, options.function ?? "main");
  const ports = stepPorts(module, func, options.leaves, []);
  const body = openStep(module, registry, func, ports);
  const { loss, grads } = emitGradients(body, module, func, options.loss, ports);
  const results = options.leaves.map((leaf, i) => ({ name: `grad.${leaf}`, operand: grads[i] as ValueId | string }));
  body.setResults([{ name: "loss", operand: loss }, ...results]);
  const leaves = new Map(options.leaves.map((leaf) => [leaf, { param: ports.leafParams.get(leaf) ?? "", grad: `grad.${leaf}` }]));
  return { module: closeStep(body), leaves };
}

export interface StepPorts {
  readonly params: readonly { readonly name: string; readonly type: TensorType }[];
  /** Parameter of each leaf. */
  readonly leafParams: ReadonlyMap<string, string>;
  /** Parameter of each of `extra`, in order. */
  readonly extraParams: readonly string[];
}

/** Parameters of a step: the function's own, the leaves, then `extra`. A name that is taken gets a suffix. */
export function stepPorts(
  module: Module,
  func: Func,
  leaves: readonly string[],
  extra: readonly { readonly name: string; readonly type: TensorType }[],
): StepPorts {
  const taken = new Set<string>();
  const add = (name: string): string => {
    let free = name;
    for (let i = 2; taken.has(free); i++) free = `${name}.${i}`;
    taken.add(free);
    return free;
  };
  const inputs = func.params.map((id) => {
    const { name, type } = func.values[id] as Func["values"][number];
    return { name: add(name ?? `input${id}`), type };
  });
  const leafPorts = leaves.map((leaf) => ({ name: add(leaf), type: leafType(module, leaf) }));
  const extras = extra.map((port) => ({ name: add(port.name), type: port.type }));
  return {
    params: [...inputs, ...leafPorts, ...extras],
    leafParams: new Map(leaves.map((leaf, i) => [leaf, leafPorts[i]?.name ?? ""])),
    extraParams: extras.map((port) => port.name),
  };
}

/** @throws TersorError E0903. */
function leafType(module: Module, leaf: string): TensorType {
  const constant = module.constants.get(leaf);
  if (!constant) throw trainingError("E0903", `there is no constant @${leaf}`);
  if (constant.kind !== "data")
    throw trainingError("E0903", `@${leaf} is derived by ${constant.op}: train the constants that it is made of`);
  if (!isFloat(constant.type.dtype)) throw trainingError("E0903", `@${leaf} is ${printType(constant.type)}, a leaf is a float`);
  return constant.type;
}

/** The function, when it can be differentiated. @throws TersorError E0906. */
export function differentiable(module: Module, name: string): Func {
  const func = module.functions.get(name);
  if (!func) throw trainingError("E0906", `there is no function @${name}`);
  if (func.carries.length > 0) throw trainingError("E0906", `@${name} carries state between calls`);
  return func;
}

/** An editor of an empty `@step`, alone in its module; what `func` requires of its dims holds for the step too. */
export function openStep(module: Module, registry: OpRegistry, func: Func, ports: StepPorts): FunctionEditor {
  const functions = new Map([["step", { ...emptyFunction("step", ports.params), requires: func.requires }]]);
  return new ModuleEditor({ ...module, functions }, registry).function("step");
}

/** The finished module, without the constants that the step does not use. */
export function closeStep(body: FunctionEditor): Module {
  const module = body.module.freeze();
  return { ...module, constants: reachableConstants(module) };
}

export interface EmittedGradients {
  readonly loss: ValueId;
  /** In the order of the leaves. */
  readonly grads: readonly Operand[];
}

/** Emits the forward ops that the loss needs, then the reverse sweep. @throws TersorError E0901, E0902, E0904, E0905. */
export function emitGradients(body: FunctionEditor, module: Module, func: Func, loss: string, ports: StepPorts): EmittedGradients {
  const result = lossIndex(func, loss);
  const params = new Map(body.params.map((id) => [body.info(id).name, id]));
  const inputs = new Map(func.params.map((id, i) => [id, body.params[i] as ValueId]));
  const leaves = new Map([...ports.leafParams].map(([leaf, param]) => [leaf, params.get(param) as ValueId]));
  const forward = copyForward(body, { module, func, loss: result, inputs, leaves });
  const swept = reverseSweep(body, forward.loss, new Set(forward.active), [...leaves.values()]);
  const names = [...leaves.keys()];
  const grads = swept.grads.map((grad, i) => {
    if (grad === null) throw trainingError("E0905", `@${func.name}'s result ${loss} does not depend on @${names[i]}`);
    return grad;
  });
  return { loss: swept.loss, grads };
}

function lossIndex(func: Func, loss: string): number {
  const index = func.results.findIndex((result) => result.name === loss);
  const result = func.results[index];
  if (!result) throw trainingError("E0904", `@${func.name} has no result ${loss}; it has ${func.results.map((r) => r.name).join(", ")}`);
  if (result.type.shape.length > 0 || !isFloat(result.type.dtype)) {
    throw trainingError("E0904", `result ${loss} is ${printType(result.type)}, a loss is a float scalar`);
  }
  return index;
}
