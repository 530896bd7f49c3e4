/** @file Runs an ONNX model twice, by ONNX Runtime and imported by the interpreter, and compares. */
import * as ort from "onnxruntime-node";
import { type ImportOptions, importOnnx } from "../../compiler/import/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import {
  allocateData,
  createCoreRegistry,
  type DType,
  type HostTensor,
  hostTensor,
  type Module,
  type TensorData,
} from "../../ir-spec/index.ts";

export const registry = createCoreRegistry();

export type Feeds = Readonly<Record<string, HostTensor>>;

const ortTypes: Partial<Record<DType, ort.Tensor.Type>> = {
  f32: "float32",
  f64: "float64",
  i64: "int64",
  i32: "int32",
  i16: "int16",
  i8: "int8",
  u8: "uint8",
  u16: "uint16",
  u32: "uint32",
  u64: "uint64",
  bool: "bool",
};

function toOrt(tensor: HostTensor): ort.Tensor {
  const type = ortTypes[tensor.dtype];
  if (!type) throw new Error(`no ONNX Runtime tensor of ${tensor.dtype}`);
  return new ort.Tensor(type, tensor.data as ort.Tensor.DataType, tensor.shape);
}

function fromOrt(tensor: ort.Tensor): HostTensor {
  const dtype = (Object.keys(ortTypes) as DType[]).find((key) => ortTypes[key] === tensor.type);
  if (!dtype) throw new Error(`no dtype for ${tensor.type}`);
  return hostTensor(dtype, tensor.dims, tensor.data as TensorData);
}

/** Outputs of ONNX Runtime by name. */
export async function runOrt(model: Uint8Array, feeds: Feeds): Promise<Record<string, HostTensor>> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "disabled", logSeverityLevel: 3 });
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)]));
  const outputs = await session.run(inputs);
  await session.release();
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, fromOrt(tensor as ort.Tensor)]));
}

export const importModel = (model: Uint8Array, options: Partial<ImportOptions> = {}): Module => importOnnx(model, { registry, ...options });

export async function runModule(module: Module, feeds: Feeds): Promise<Readonly<Record<string, HostTensor>>> {
  const { outputs } = await interpreterExecutor(registry).run(module, feeds);
  return outputs;
}

/** Largest difference of two tensors, relative to the largest magnitude of the second; NaN and infinities must agree exactly. */
export function relativeError(got: HostTensor, want: HostTensor): number {
  if (got.data.length !== want.data.length) return Number.POSITIVE_INFINITY;
  let [difference, magnitude] = [0, 0];
  for (let i = 0; i < want.data.length; i++) {
    const [g, w] = [Number(got.data[i]), Number(want.data[i])];
    if (Object.is(g, w)) continue;
    if (!Number.isFinite(g) || !Number.isFinite(w)) {
      if (!(Number.isNaN(g) && Number.isNaN(w)) && g !== w) return Number.POSITIVE_INFINITY;
      continue;
    }
    difference = Math.max(difference, Math.abs(g - w));
  }
  for (const w of want.data) if (Number.isFinite(Number(w))) magnitude = Math.max(magnitude, Math.abs(Number(w)));
  return difference === 0 ? 0 : difference / (magnitude || 1);
}

/** Index of the largest of `count` elements from `start` on. */
export function argmax(data: ArrayLike<number | bigint>, start = 0, count = data.length): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (Number(data[start + i]) > Number(data[start + best])) best = i;
  return best;
}

/** Runs both and gives the largest relative error over all outputs. @throws Error when outputs, shapes or dtypes differ */
export async function compareWithOrt(model: Uint8Array, feeds: Feeds, options: Partial<ImportOptions> = {}): Promise<number> {
  const want = await runOrt(model, feeds);
  const got = await runModule(importModel(model, options), feeds);
  return compareOutputs(got, want);
}

export function compareOutputs(got: Readonly<Record<string, HostTensor>>, want: Readonly<Record<string, HostTensor>>): number {
  const describe = (tensors: Readonly<Record<string, HostTensor>>) =>
    JSON.stringify(
      Object.entries(tensors)
        .map(([name, t]) => [name, t.dtype, t.shape])
        .sort(),
    ); // prettier-ignore
  if (describe(got) !== describe(want)) throw new Error(`${describe(got)} instead of ${describe(want)}`);
  return Math.max(0, ...Object.entries(want).map(([name, tensor]) => relativeError(got[name] as HostTensor, tensor)));
}

/** Seeded numbers in [low, high); integers for integer dtypes. */
export function seeded(dtype: DType, shape: readonly number[], seed = 1, low = -2, high = 2): HostTensor {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const data = allocateData(
    dtype,
    shape.reduce((n, d) => n * d, 1),
  );
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < data.length; i++) {
    const number = low + (high - low) * next();
    if (big) data[i] = BigInt(Math.floor(number));
    else (data as Float32Array)[i] = dtype.startsWith("f") ? number : Math.floor(number);
  }
  return hostTensor(dtype, shape, data);
}
