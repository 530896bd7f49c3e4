/** @file ONNX Runtime as the oracle: an optional peer, loaded when asked for. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { TersorError } from "../../ir-spec/index.ts";
import { type RuntimeDType, Tensor, type TensorArray } from "../../runtime/index.ts";

const dtypes: Readonly<Record<string, RuntimeDType>> = {
  float32: "f32",
  float64: "f64",
  int64: "i64",
  int32: "i32",
  int16: "i16",
  int8: "i8",
  uint64: "u64",
  uint32: "u32",
  uint16: "u16",
  uint8: "u8",
  bool: "bool",
  float16: "f16",
};

const ortTypes = Object.fromEntries(Object.entries(dtypes).map(([ort, ours]) => [ours, ort]));

/** One CPU thread, all optimizations. @throws TersorError E0007 when onnxruntime-node is not installed. */
export async function runOnnxRuntime(model: Uint8Array, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const ort = await loadOnnxRuntime();
  const session: InferenceSession = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const feeds = Object.fromEntries(session.inputNames.filter((n) => n in inputs).map((n) => [n, toOrt(ort, inputs[n] as Tensor)]));
  const results = await session.run(feeds);
  const outputs = Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor as OrtTensor)]));
  await session.release();
  return outputs;
}

/** A model in ONNX Runtime, to be timed: CPU, one thread, all optimizations. */
export interface OrtModel {
  readonly version: string;
  /** Inputs and outputs are made into ONNX Runtime's and back outside of what is timed. */
  prepare(inputs: Readonly<Record<string, Tensor>>): { run(): Promise<void>; outputs(): Promise<Record<string, Tensor>> };
  dispose(): Promise<void>;
}

/** @throws TersorError E0007 when onnxruntime-node is not installed */
export async function openInOnnxRuntime(model: Uint8Array): Promise<OrtModel> {
  const ort = await loadOnnxRuntime();
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential", logSeverityLevel: 3 } as const;
  const session: InferenceSession = await ort.InferenceSession.create(model, options);
  return {
    version: ort.env.versions.node ?? ort.env.versions.common,
    prepare(inputs) {
      const feeds = Object.fromEntries(session.inputNames.filter((n) => n in inputs).map((n) => [n, toOrt(ort, inputs[n] as Tensor)]));
      return {
        run: async () => void (await session.run(feeds)),
        outputs: async () => {
          const results = await session.run(feeds);
          return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor as OrtTensor)]));
        },
      };
    },
    dispose: () => session.release(),
  };
}

export async function loadOnnxRuntime(): Promise<typeof import("onnxruntime-node")> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    const error = new TersorError({
      code: "E0007",
      message: "this needs the package onnxruntime-node",
      hint: "ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node",
    });
    error.cause = cause;
    throw error;
  }
}

function toOrt(ort: typeof import("onnxruntime-node"), tensor: Tensor): OrtTensor {
  return new ort.Tensor(ortTypes[tensor.dtype] as "float32", tensor.data as Float32Array, [...tensor.shape]);
}

function fromOrt(tensor: OrtTensor): Tensor {
  const dtype = dtypes[tensor.type];
  if (!dtype) throw new TersorError({ code: "E0006", message: `ONNX Runtime gives a tensor of ${tensor.type}, which cannot be compared` });
  return new Tensor(dtype, tensor.data as TensorArray, tensor.dims);
}
