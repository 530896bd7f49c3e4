/**
 * @file One operator test as a user would run the model: import, compile for one target, load on one backend, run, compare whole outputs. What is refused with a code at import,
 * selection of kernels or load is unsupported; everything else that goes wrong is an error.
 */
import {
  createCoreRegistry,
  decodeTensor,
  encodeTensor,
  type HostTensor,
  type Module,
  mainFunction,
  TersorError,
  valueInfo,
} from "../../ir-spec/index.ts";
import { type Backend, load, RuntimeError, Tensor } from "../../runtime/index.ts";
import { type CompileResult, compile } from "../compile.ts";
import { onnx, type ValueInfoProto } from "../import/onnx/proto/gen/onnx.js";
import { dtypeOf } from "../import/onnx/tensor.ts";
import { factsOf, type TestFacts } from "./facts.ts";
import { importFor } from "./specialize.ts";
import type { ConformanceTest, TestData } from "./suite.ts";
import { difference, fits, ramp, readValue } from "./values.ts";

export interface RunTarget {
  readonly target: string;
  make(): Backend;
  /** Most element operations of one run, most bytes of one session: a test is refused before it takes more. */
  readonly maxWork: number;
  readonly maxMemory: number;
}

export type Verdict = "pass" | "mismatch" | `unsupported: ${string}` | `error: ${string}`;

export interface Outcome {
  readonly verdict: Verdict;
  /** Of a mismatch: which output, which element. */
  readonly detail: string | null;
  /** Null where the model cannot be read. */
  readonly facts: TestFacts | null;
  /** Inputs that were fixed to the test's values, because they decide shapes. */
  readonly fixed: readonly string[];
  /** Kernel ids of the plan: what ran. Empty on the reference backend. */
  readonly kernels: readonly string[];
  /** Constants whose definition no kernel rebuilds: evaluated by the reference functions at compile time. */
  readonly materialized: number;
}

/** Says why a test stops; the text before the colon of its verdict is the kind. */
class Stop extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict);
    this.verdict = verdict;
  }
}

type Notes = { -readonly [K in keyof Outcome]: Outcome[K] };

const registry = createCoreRegistry();

export async function runTest(test: ConformanceTest, target: RunTarget): Promise<Outcome> {
  const notes: Notes = { verdict: "pass", detail: null, facts: null, fixed: [], kernels: [], materialized: 0 };
  try {
    const model = decodeModel(test.model);
    notes.facts = factsOf(model);
    const inputs = realInputs(model.graph?.input ?? [], new Set((model.graph?.initializer ?? []).map(({ name }) => name)));
    if (test.dataSets.length === 0) throw new Stop("error: the test has no test_data_set_0");
    for (const data of test.dataSets) await runData(test, data, inputs, target, notes);
  } catch (error) {
    notes.verdict = error instanceof Stop ? error.verdict : `error: ${textOf(error)}`;
  }
  return notes;
}

function decodeModel(bytes: Uint8Array) {
  try {
    return onnx.ModelProto.decode(bytes);
  } catch (error) {
    throw new Stop(`error: the model cannot be read: ${textOf(error)}`);
  }
}

/** Up to IR version 3 initializers stand among the inputs too. */
function realInputs(inputs: readonly ValueInfoProto[], initializers: ReadonlySet<string>): readonly ValueInfoProto[] {
  return inputs.filter(({ name }) => !initializers.has(name));
}

async function runData(
  { model }: ConformanceTest,
  data: TestData,
  inputs: readonly ValueInfoProto[],
  target: RunTarget,
  notes: Notes,
): Promise<void> {
  const given = data.inputs === "ramp" ? {} : valuesOf(inputs, data.inputs);
  const { module, fixed } = refusing(() => importFor(model, registry, given));
  notes.fixed = fixed;
  const { bytes, plans } = await compiled(module, target.target);
  notes.kernels = [...new Set([...notes.kernels, ...plans.flatMap(({ kernels }) => kernels)])].sort();
  notes.materialized += plans.reduce((count, plan) => count + plan.materialized.length, 0);
  const outputs = await outputsOf(bytes, feedsFor(module, given, data.inputs === "ramp"), target);
  const problem = firstDifference(module, data, outputs);
  if (problem === null) return;
  notes.detail = problem;
  throw new Stop("mismatch");
}

/** The stored inputs by the names of the model's. @throws Stop for what is no tensor of ours */
function valuesOf(inputs: readonly ValueInfoProto[], blobs: readonly (Uint8Array | null)[]): Readonly<Record<string, HostTensor>> {
  return Object.fromEntries(
    inputs.flatMap(({ name, type }, i) => {
      const blob = blobs[i];
      if (!type?.tensorType)
        throw new Stop(`unsupported: input ${name} is a ${(type?.value ?? "value of unknown type").replace("Type", "")}`);
      const { elemType } = type.tensorType;
      return blob ? [[name, refusing(() => readValue(blob, dtypeOf(elemType, `input ${name}`)))] as const] : [];
    }),
  );
}

function feedsFor(module: Module, given: Readonly<Record<string, HostTensor>>, ramps: boolean): Record<string, HostTensor> {
  const main = mainFunction(module);
  return Object.fromEntries(
    main.params.map((id) => {
      const { name: known, type } = valueInfo(main, id);
      const name = known ?? "";
      const value = ramps ? ramp(type) : given[name];
      if (!value) throw new Stop(`error: the test has no value for input ${name}`);
      if (!fits(value, type)) throw new Stop(`unsupported: the value of input ${name} does not have the type that the model declares`);
      return [name, value];
    }),
  );
}

/** No kernel for an op; an op that ONNX Runtime cannot be given. */
const declined: ReadonlySet<string> = new Set(["E0801", "E0806"]);

async function compiled(module: Module, target: string): Promise<CompileResult> {
  try {
    return await compile(module, { targets: [target] });
  } catch (error) {
    if (error instanceof TersorError && declined.has(error.code)) throw new Stop(`unsupported: ${textOf(error)}`);
    throw error;
  }
}

async function outputsOf(file: Uint8Array, feeds: Readonly<Record<string, HostTensor>>, target: RunTarget) {
  const { maxWork, maxMemory } = target;
  try {
    const session = await load(file, { backends: [target.make()], target: target.target, maxWork, maxMemory });
    try {
      const inputs = Object.entries(feeds).map(([name, t]) => [name, Tensor.fromBytes(t.dtype, encodeTensor(t), t.shape)]);
      const results = await session.run(Object.fromEntries(inputs));
      return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, decodeTensor(t.dtype, t.shape, t.bytes().slice())]));
    } finally {
      session.dispose();
    }
  } catch (error) {
    if (error instanceof RuntimeError && refusals.has(error.code)) throw new Stop(`unsupported: ${textOf(error)}`);
    throw error;
  }
}

/** Codes by which a backend declines: no kernel, no plan, too much work or memory. R0404 (it broke) is none of them. */
const refusals: ReadonlySet<string> = new Set(["R0401", "R0405", "R0406", "R0410", "R0411"]);

function firstDifference(module: Module, { outputs }: TestData, got: Readonly<Record<string, HostTensor>>): string | null {
  for (const [i, result] of mainFunction(module).results.entries()) {
    const blob = outputs[i];
    if (!blob) continue;
    const problem = difference(
      got[result.name],
      refusing(() => readValue(blob, result.type.dtype)),
    );
    if (problem !== null) return `output ${result.name}: ${problem}`;
  }
  return null;
}

/** Runs a part of the import: what it refuses with a code is unsupported. */
function refusing<T>(part: () => T): T {
  try {
    return part();
  } catch (error) {
    if (error instanceof TersorError || isRefusal(error)) throw new Stop(`unsupported: ${textOf(error)}`);
    throw error;
  }
}

const isRefusal = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && "code" in error && typeof error.code === "string" && /^E06\d\d$/.test(error.code);

const LONGEST = 300;

function textOf(error: unknown): string {
  if (error instanceof TersorError)
    return shortened([...new Set(error.problems.map(({ code, message }) => `${code} ${message}`))].join("; "));
  if (!(error instanceof Error)) return shortened(String(error));
  const code = "code" in error && typeof error.code === "string" ? `${error.code} ` : "";
  return shortened(code + error.message.replace(/^error\[\w+\]: /, ""));
}

const shortened = (text: string): string => {
  const line = text.replace(/\s+/g, " ");
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
};
