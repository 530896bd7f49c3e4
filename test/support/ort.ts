/** @file onnxruntime-node as an oracle: runs one serialized model on host tensors. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { type DType, dtypeInfo } from "../../ir-spec/core/dtype.ts";
import { decodeTensor, encodeTensor, type HostTensor } from "../../ir-spec/core/tensor.ts";

type Ort = typeof import("onnxruntime-node");

/** null where it is not installed. */
export const ort: Ort | null = await import("onnxruntime-node").then(
  (module) => (module as { default?: Ort }).default ?? module,
  () => null,
);

const names = {
  f32: "float32",
  f64: "float64",
  f16: "float16",
  i64: "int64",
  i32: "int32",
  i16: "int16",
  i8: "int8",
  i4: "int4",
  u64: "uint64",
  u32: "uint32",
  u16: "uint16",
  u8: "uint8",
  u4: "uint4",
  bool: "bool",
} as const satisfies { readonly [D in DType]?: Tensor.Type };

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

export type OptimizationLevel = "disabled" | "all";

/** Every output of the model, by name. Single-threaded, graph optimizations off unless asked for. */
export async function runOrt(
  model: Uint8Array,
  feeds: Readonly<Record<string, HostTensor>>,
  graphOptimizationLevel: OptimizationLevel = "disabled",
): Promise<Readonly<Record<string, HostTensor>>> {
  const session = await openOrt(model, graphOptimizationLevel);
  const outputs = await session.run(feeds);
  await session.release();
  return outputs;
}

/** A model kept open for many runs. */
export interface OrtSession {
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Readonly<Record<string, HostTensor>>>;
  release(): Promise<void>;
}

export async function openOrt(model: Uint8Array, graphOptimizationLevel: OptimizationLevel): Promise<OrtSession> {
  const runtime = ort;
  if (!runtime) throw new Error("onnxruntime-node is not installed");
  const options: InferenceSession.SessionOptions = {
    graphOptimizationLevel,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  };
  const session = await runtime.InferenceSession.create(model, options);
  return {
    run: async (feeds) => {
      const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(runtime, tensor)])));
      return Object.fromEntries(session.outputNames.map((name) => [name, fromOrt(results[name] as Tensor)]));
    },
    release: () => session.release(),
  };
}

function toOrt(runtime: Ort, tensor: HostTensor): Tensor {
  const type: string = (names as { readonly [name: string]: string })[tensor.dtype] ?? "";
  const Data = (arrays as { readonly [name: string]: unknown })[type] as Float32ArrayConstructor | undefined;
  if (!Data) throw new RangeError(`onnxruntime-node takes no ${tensor.dtype} here`);
  const bytes = encodeTensor(tensor);
  return new runtime.Tensor(type as "float32", new Data(bytes.buffer as ArrayBuffer), [...tensor.shape]);
}

function fromOrt(tensor: Tensor): HostTensor {
  const entry = Object.entries(names).find(([, name]) => name === tensor.type);
  if (!entry) throw new RangeError(`onnxruntime-node returned ${tensor.type}`);
  const dtype = entry[0] as DType;
  const data = tensor.data as Float32Array;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (dtypeInfo(dtype).bits < 8) throw new RangeError(`a result of ${dtype} is not read here: cast it in the model`);
  return decodeTensor(dtype, tensor.dims, bytes);
}
