/**
 * @file What the compiler must know of the `ort` backend. Its plans have one step, which no op selects, so there are no rows here: a target for it takes the wasm rows, for `init`.
 * The step is `ort_graph(skeleton, public inputs..., weights...)`: the skeleton is a u8 vector, a serialized ONNX ModelProto that names the weights and does not hold them.
 */
import type { RuntimeDType } from "../../tensor.ts";

export const graphKernel = "ort_graph";

/** Attributes of the step: lists of ONNX names, in the order of its operands and results. */
export const graphAttrs = { inputs: "inputs", outputs: "outputs", weights: "initializers" } as const;

/** What onnxruntime-node takes in and gives out, by its own names: bf16 has no array there, and it has no tensors of less than a byte. Weights may be those too. */
export const portTypes: { readonly [D in RuntimeDType]?: string } = {
  f64: "float64",
  f32: "float32",
  f16: "float16",
  i64: "int64",
  i32: "int32",
  i16: "int16",
  i8: "int8",
  u64: "uint64",
  u32: "uint32",
  u16: "uint16",
  u8: "uint8",
  bool: "bool",
};
