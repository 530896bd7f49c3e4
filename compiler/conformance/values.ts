/** @file The tensors of a test: read, checked against what the model declares, compared with what came out. */
import { type DType, decodeTensor, type HostTensor, hostTensor, isFloat, staticShape, type TensorType } from "../../ir-spec/index.ts";
import { onnx } from "../import/onnx/proto/gen/onnx.js";
import { readTensor } from "../import/onnx/tensor.ts";

/** The tolerances of the ONNX test runner, as ONNX Runtime's own verdicts were taken: |got - want| <= atol + rtol |want|. */
export const tolerance = { rtol: 1e-3, atol: 1e-5 } as const;

/**
 * One stored tensor. Older archives keep bf16 as its bits in u16, so the declared type decides between the two.
 * @throws ImportFailure E0602, E0609
 */
export function readValue(bytes: Uint8Array, declared: DType | null): HostTensor {
  const { type, bytes: data } = readTensor(onnx.TensorProto.decode(bytes), "a test's tensor");
  const dtype = type.dtype === "u16" && declared === "bf16" ? declared : type.dtype;
  return decodeTensor(dtype, staticShape(type.shape) ?? [], data.slice());
}

/** k / n for element k of n, in f32: the agreed input of the light models, whose symbolic sizes are 1. */
export function ramp({ shape }: TensorType): HostTensor {
  const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
  const count = sizes.reduce((product, size) => product * size, 1);
  return hostTensor(
    "f32",
    sizes,
    Float32Array.from({ length: count }, (_, k) => k / count),
  );
}

/** Whether a tensor is one of the declared type; symbolic sizes take any. */
export function fits({ dtype, shape }: HostTensor, type: TensorType): boolean {
  return (
    dtype === type.dtype &&
    shape.length === type.shape.length &&
    type.shape.every((size, i) => typeof size !== "number" || size === shape[i])
  );
}

/** The first difference as text, null when there is none. Integers and booleans must be equal, floats within the tolerance; NaN equals NaN. */
export function difference(got: HostTensor | undefined, want: HostTensor): string | null {
  if (!got) return "it is missing";
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join())
    return `${got.dtype} [${got.shape.join(", ")}] instead of ${want.dtype} [${want.shape.join(", ")}]`;
  const same = isFloat(want.dtype) ? near : (a: number | bigint | undefined, b: number | bigint | undefined) => a === b;
  for (let i = 0; i < want.data.length; i++) {
    if (!same(got.data[i], want.data[i])) return `element ${i} is ${got.data[i]} instead of ${want.data[i]}`;
  }
  return null;
}

function near(got: number | bigint | undefined, want: number | bigint | undefined): boolean {
  const [a, b] = [Number(got), Number(want)];
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  return Math.abs(a - b) <= tolerance.atol + tolerance.rtol * Math.abs(b) && Number.isFinite(b);
}
