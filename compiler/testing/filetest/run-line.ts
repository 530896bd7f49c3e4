/** @file Runs a function of a filetest's module on literal inputs and compares with literal outputs. */
import type { Func, Module } from "../../../ir-spec/core/graph.ts";
import { type HostTensor, toNumbers } from "../../../ir-spec/core/tensor.ts";
import { printType, staticShape, tensorType } from "../../../ir-spec/core/type.ts";
import { evaluateConstant } from "../../../ir-spec/ops/evaluate.ts";
import type { OpRegistry } from "../../../ir-spec/ops/registry.ts";
import type { Executor } from "../../pass/pass.ts";
import { readModule } from "../../text/read.ts";
import type { RunLine } from "./directives.ts";

/** The failure, in words, or null. */
export async function checkRun(
  module: Module,
  registry: OpRegistry,
  run: RunLine,
  backend: string,
  executor: Executor,
): Promise<string | null> {
  const func = module.functions.get(run.func);
  if (!func) return `no function @${run.func}`;
  if (run.inputs.length !== func.params.length) return `@${run.func} takes ${func.params.length} inputs, ${run.inputs.length} given`;
  const inputs: Record<string, HostTensor> = {};
  for (const [i, id] of func.params.entries()) {
    const info = func.values[id];
    if (info) inputs[info.name ?? ""] = literal(registry, run.inputs[i] ?? "", printType(info.type));
  }
  const { outputs } = await executor.run(asMain(module, func), inputs);
  if (run.outputs.length !== func.results.length) return `@${run.func} has ${func.results.length} results, ${run.outputs.length} expected`;
  for (const [i, { name }] of func.results.entries()) {
    const actual = outputs[name];
    if (!actual) return `${backend} gave no result ${name}`;
    const difference = compare(registry, actual, run.outputs[i] ?? "", run.tolerance);
    if (difference !== null) return `${backend}: result ${name}: ${difference}`;
  }
  return null;
}

/** The module with this function as `@main`. */
function asMain(module: Module, func: Func): Module {
  if (func.name === "main") return module;
  const functions = new Map(module.functions);
  functions.delete(func.name);
  functions.set("main", { ...func, name: "main" });
  return { ...module, functions };
}

/** A literal may bring its own type: `tensor<2xf32> [1.0, 2.0]`. */
function literal(registry: OpRegistry, text: string, type: string): HostTensor {
  const typed = /^(tensor<[^>]*>)\s*(.*)$/.exec(text);
  const source = `tersor 1.0\nmodule @literal {\n  const @value : ${typed?.[1] ?? type} = ${typed?.[2] ?? text}\n}`;
  return evaluateConstant(readModule(source, { registry, file: "literal" }), registry, "value");
}

/** |a - b| <= tolerance * max(1, |b|); NaN equals NaN. */
function compare(registry: OpRegistry, actual: HostTensor, text: string, tolerance: number): string | null {
  const type = tensorType(actual.dtype, actual.shape);
  const expected = literal(registry, text, printType(type));
  const shape = (t: HostTensor) => printType(tensorType(t.dtype, t.shape));
  if (shape(expected) !== shape(actual) || !staticShape(type.shape)) return `is ${shape(actual)}, expected ${shape(expected)}`;
  const [values, wanted] = [toNumbers(actual), toNumbers(expected)];
  const wrong = values.findIndex((value, i) => !close(value, wanted[i] ?? Number.NaN, tolerance));
  return wrong < 0
    ? null
    : `element ${wrong} is ${values[wrong]}, expected ${wanted[wrong]} within ${tolerance}; all: [${values.slice(0, 16).join(", ")}]`;
}

function close(a: number, b: number, tolerance: number): boolean {
  return Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
}
