/**
 * @file The plan of a target whose `main` is one ONNX graph (`runtime/backends/ort`): the skeleton comes from the exporter with all initializers outside, and the weights are operands:
 * data constants as they are, definitions rebuilt in `init` by the same kernels as for any other target. Weights are rebuilt dense, except next to quantized activations:
 * there the integers themselves are the initializers, with `DequantizeLinear` in the graph, which is the pattern that ONNX Runtime runs in its int8 kernels.
 */
import {
  type Attr,
  attr,
  type Constant,
  dataConstant,
  type Func,
  type Module,
  mainFunction,
  type Operand,
  type OpRegistry,
  type Problem,
  TersorError,
  tensorType,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { graphAttrs, graphKernel, portTypes } from "../../runtime/backends/ort/manifest.ts";
import { predictSteps } from "../cost/predict.ts";
import { exportOnnx, outsideInitializers } from "../export/onnx/export.ts";
import { defaultOpset } from "../export/onnx/meta.ts";
import { onnx } from "../import/onnx/proto/gen/onnx.js";
import { costOf, type TargetSpec } from "../target/target.ts";
import { PlanFunctionBuilder } from "./builder.ts";
import { withIntegerWeights } from "./integer-weights.ts";
import { type Lowered, lower, portsOf, stepCost } from "./lower.ts";

/** A graph without initializers, and the constants that it lacks. */
interface Skeleton {
  readonly bytes: Uint8Array;
  /** ONNX names of the public inputs and outputs, in order. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly weights: readonly { readonly name: string; readonly constant: string }[];
}

/** @throws TersorError E0806 naming every op and type that ONNX cannot express */
export function lowerToOnnxGraph(source: Module, target: TargetSpec, registry: OpRegistry): Lowered {
  const module = withIntegerWeights(source, registry);
  const skeleton = exportSkeleton(module, target, registry);
  const rebuilt = lowerWeights(module, skeleton, target, registry);
  const func = mainFunction(module);
  const steps = func.ops.map((op) => stepCost(module, func, op, null, registry));
  return assemble(func, skeleton, rebuilt, { steps, ports: portsOf(func), predicted: predictSteps(costOf(target), steps, portsOf(func)) });
}

/** One operator set for all plans, whatever the ops: the ONNX Runtime that runs a file may be older than this compiler. */
const skeletonForm = { initializers: "outside", opset: defaultOpset } as const;

function exportSkeleton(module: Module, target: TargetSpec, registry: OpRegistry): Skeleton {
  const options = { registry, ...skeletonForm };
  checkExpressible(module, target, registry);
  const bare = unlabelled(module);
  const bytes = exportOnnx(bare, options);
  const { graph } = onnx.ModelProto.decode(bytes);
  const names = (ports: readonly { readonly name: string }[] = []) => ports.map(({ name }) => name);
  return { bytes, inputs: names(graph?.input), outputs: names(graph?.output), weights: outsideInitializers(bare, options) };
}

/** While the module still has its names and places, for the error. */
function checkExpressible(module: Module, target: TargetSpec, registry: OpRegistry): void {
  const problems = [...portProblems(mainFunction(module)), ...exportProblems(module, registry)];
  if (problems.length === 0) return;
  throw new TersorError(problems.map((p) => ({ ...p, code: "E0806", message: `target ${target.name} runs ONNX graphs: ${p.message}` })));
}

function exportProblems(module: Module, registry: OpRegistry): readonly Problem[] {
  try {
    outsideInitializers(module, { registry, ...skeletonForm });
    return [];
  } catch (error) {
    if (error instanceof TersorError) return error.problems;
    throw error;
  }
}

/** ONNX has bf16 and 4-bit values, but an application can neither give nor take them. */
function portProblems(main: Func): readonly Problem[] {
  const inputs = main.params.map((id) => ({ where: `input %${nameOf(main, id)}`, type: valueInfo(main, id).type }));
  const outputs = main.results.map(({ name, type }) => ({ where: `output ${name}`, type }));
  return [...inputs, ...outputs]
    .filter(({ type }) => portTypes[type.dtype] === undefined)
    .map(({ where, type }) => ({
      code: "E0806",
      message: `the engine takes in and gives out no ${type.dtype}`,
      hint: "cast it inside the model",
      where,
    }));
}

/** Without what is there for people only: names of values, nodes and sizes, and docs. Public names and those of constants stay. */
function unlabelled(module: Module): Module {
  const main = mainFunction(module);
  const params = new Set(main.params);
  const values = main.values.map((value, id) => (params.has(id) ? value : { ...value, name: null }));
  const ops = main.ops.map((op) => ({ ...op, doc: null, loc: [] }));
  return { ...module, meta: null, doc: null, name: "", functions: new Map([["main", { ...main, doc: null, values, ops }]]) };
}

/** `init`, and a main that returns the weights: those that init makes are its parameters, the others constants. */
function lowerWeights(module: Module, { weights }: Skeleton, target: TargetSpec, registry: OpRegistry): Lowered {
  const names = [...new Set(weights.map(({ constant }) => constant))];
  const returning: Func = {
    ...mainFunction(module),
    values: [],
    params: [],
    ops: [],
    carries: [],
    requires: [],
    results: names.map((name) => ({ name, type: constantOf(module, name).type })),
    returns: names,
  };
  return lower({ ...module, functions: new Map([["main", returning]]) }, { ...target, style: "kernels" }, registry);
}

function constantOf(module: Module, name: string): Constant {
  const constant = module.constants.get(name);
  if (!constant) throw new TersorError({ code: "E0204", message: `no constant @${name}` });
  return constant;
}

function assemble(func: Func, skeleton: Skeleton, rebuilt: Lowered, costs: Pick<Lowered, "steps" | "ports" | "predicted">): Lowered {
  const weightsMain = mainFunction(rebuilt.module);
  const main = new PlanFunctionBuilder("main");
  const inputs = func.params.map((id) => main.param(nameOf(func, id), valueInfo(func, id).type));
  const made = weightsMain.params.map((id) => main.param(nameOf(weightsMain, id), valueInfo(weightsMain, id).type));
  const byParam = new Map(weightsMain.params.map((id, i) => [id, made[i] as ValueId]));
  const byConstant = new Map<string, Operand>(
    weightsMain.results.map(({ name }, i) => {
      const operand = weightsMain.returns[i] ?? null;
      return [name, typeof operand === "number" ? (byParam.get(operand) ?? null) : operand];
    }),
  );
  const constants = new Map(rebuilt.module.constants);
  const stored = skeletonConstant(skeleton, constants);
  constants.set(stored.name, stored);
  const operands = [stored.name, ...inputs, ...skeleton.weights.map(({ constant }) => byConstant.get(constant) ?? null)];
  const results = main.kernel(graphKernel, graphNames(skeleton), operands, func.results, [], "main");
  const returned = func.results.map(({ name, type }, i) => ({ name, type, operand: results[i] as ValueId }));
  const carries = func.carries.map(({ param, result }) => ({ param: inputs[func.params.indexOf(param)] as ValueId, result }));
  const functions = new Map(rebuilt.module.functions).set("main", main.finish(returned, { requires: func.requires, carries }));
  return {
    ...rebuilt,
    module: { ...rebuilt.module, functions, constants },
    kernels: [...rebuilt.kernels, graphKernel].sort(),
    ...costs,
    legalized: null,
  };
}

function skeletonConstant({ bytes }: Skeleton, taken: ReadonlyMap<string, Constant>): Constant {
  let name = "onnx.graph";
  for (let i = 2; taken.has(name); i++) name = `onnx.graph.${i}`;
  return dataConstant(name, tensorType("u8", [bytes.length]), bytes);
}

function graphNames({ inputs, outputs, weights }: Skeleton): ReadonlyMap<string, Attr> {
  const list = (names: readonly string[]): Attr => ({ kind: "list", value: names.map((name) => attr.string(name)) });
  return new Map([
    [graphAttrs.inputs, list(inputs)],
    [graphAttrs.outputs, list(outputs)],
    [graphAttrs.weights, list(weights.map(({ name }) => name))],
  ]);
}

function nameOf(func: Func, id: ValueId): string {
  return valueInfo(func, id).name ?? `${id}`;
}
