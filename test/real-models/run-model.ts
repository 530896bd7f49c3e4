/** @file Any model of the data folder beside ONNX Runtime: import with what decides shapes fixed, one file for both backends, whole outputs. */
import { readFileSync } from "node:fs";
import { compile } from "../../compiler/compile.ts";
import { importFor } from "../../compiler/conformance/specialize.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { createCoreRegistry, decodeTensor, type HostTensor, hostTensor, mainFunction, valueInfo } from "../../ir-spec/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, type Session } from "../../runtime/index.ts";
import { toTensor } from "../support/op-module.ts";
import { openOrt, runOrt } from "../support/ort.ts";
import { type AnyModel, type Feeds, modelPath } from "../support/real-inputs-all.ts";

const registry = createCoreRegistry();

export const modelBytes = (name: string): Uint8Array => new Uint8Array(readFileSync(modelPath(name)));

export interface CompiledModel {
  readonly file: Uint8Array;
  /** Names of the inputs that are left. */
  readonly inputs: readonly string[];
  /** Names of inputs that were compiled in, because they decide shapes or branches. */
  readonly fixed: readonly string[];
}

/** For `reference` and `wasm-simd`. @throws TersorError with every problem of the import */
export async function compileModel({ name, rebatched }: AnyModel, feeds: Feeds): Promise<CompiledModel> {
  const bytes = modelBytes(name);
  const { module, fixed } = rebatched
    ? { module: importOnnx(bytes, { registry, dynamicBatch: true }), fixed: [] }
    : importFor(bytes, registry, feeds);
  const main = mainFunction(module);
  const inputs = main.params.map((id) => valueInfo(main, id).name ?? "");
  const { bytes: file } = await compile(module, { targets: ["reference", "wasm-simd"] });
  return { file, inputs, fixed };
}

export const places = { reference, wasm: () => wasm() } as const;
export type Place = keyof typeof places;

export function open({ file }: CompiledModel, place: Place): Promise<Session> {
  return load(file, { backends: [places[place]()] });
}

export async function runOurs(session: Session, { inputs }: CompiledModel, feeds: Feeds): Promise<Record<string, HostTensor>> {
  const given = inputs.map((name) => [name, toTensor(feeds[name] as HostTensor)] as const);
  const results = await session.run(Object.fromEntries(given));
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, decodeTensor(t.dtype, t.shape, t.bytes().slice())]));
}

/** ONNX Runtime's outputs; sample by sample where the file fixes the batch. */
export async function runTheirs(model: AnyModel, feeds: Feeds): Promise<Readonly<Record<string, HostTensor>>> {
  const { name, rebatched, oracle } = model;
  if (oracle) return runOrt(modelBytes(oracle.name), { [oracle.input]: Object.values(feeds)[0] as HostTensor }, "all");
  if (!rebatched) return runOrt(modelBytes(name), feeds, "all");
  const count = Object.values(feeds)[0]?.shape[0] ?? 1;
  const parts: Readonly<Record<string, HostTensor>>[] = [];
  for (let n = 0; n < count; n++) {
    const one = Object.entries(feeds).map(([key, tensor]) => [key, sampleOf(tensor, n, 1)]);
    parts.push(await runOrt(modelBytes(name), Object.fromEntries(one), "all"));
  }
  return Object.fromEntries(Object.keys(parts[0] ?? {}).map((key) => [key, stacked(parts.map((part) => part[key] as HostTensor))]));
}

/** Samples `from` to `from + count` of a batch. */
export function sampleOf({ dtype, shape, data }: HostTensor, from: number, count: number): HostTensor {
  const size = data.length / (shape[0] as number);
  return hostTensor(dtype, [count, ...shape.slice(1)], data.slice(from * size, (from + count) * size));
}

/** A model of one input and one output in ONNX Runtime, kept open. */
export async function modelSession(name: string, input: string) {
  const session = await openOrt(modelBytes(name), "all");
  return {
    run: async (x: HostTensor): Promise<HostTensor> => Object.values(await session.run({ [input]: x }))[0] as HostTensor,
    release: () => session.release(),
  };
}

function stacked(parts: readonly HostTensor[]): HostTensor {
  const [first] = parts;
  if (!first) throw new Error("nothing to stack");
  const data = new Float32Array(parts.length * first.data.length);
  parts.forEach((part, i) => void data.set(part.data as Float32Array, i * first.data.length));
  return hostTensor("f32", [parts.length, ...first.shape.slice(1)], data);
}

/** Largest difference over all outputs, in order, relative to each output's largest magnitude. Names may differ between two files of one model. */
export function largestError(ours: Readonly<Record<string, HostTensor>>, theirs: Readonly<Record<string, HostTensor>>): number {
  const wanted = Object.values(theirs);
  const got = Object.values(ours);
  if (wanted.length === 0 || wanted.length !== got.length) throw new Error(`${got.length} outputs instead of ${wanted.length}`);
  return Math.max(...wanted.map((tensor, i) => tensorError(got[i] as HostTensor, tensor)));
}

export function tensorError(got: HostTensor, want: HostTensor): number {
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join())
    throw new Error(`${got.dtype} [${got.shape}] instead of ${want.dtype} [${want.shape}]`);
  let [gap, magnitude] = [0, 0];
  for (let i = 0; i < want.data.length; i++) {
    const [a, b] = [Number(got.data[i]), Number(want.data[i])];
    const distance = a === b || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : Math.abs(a - b);
    gap = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(gap, distance);
    if (Number.isFinite(b)) magnitude = Math.max(magnitude, Math.abs(b));
  }
  return gap === 0 ? 0 : gap / (magnitude || 1);
}
