/** @file NumPy's .npz as a data set: every array but `labels` (or `y`) is an input, samples along axis 0. */
import type { Tensor } from "../../runtime/index.ts";
import { unzipped } from "./archive.ts";
import { type DataSet, dataSet, type InputBatch, type InputSpec } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { readNpy } from "./npy.ts";

const labelNames = ["labels", "y"];

/** @throws DataError D0114 when arrays do not make a data set, D0105 on labels that are no class numbers, D0115 on inputs that are neither f32 nor u8, and as `readNpy`. */
export function npz(bytes: Uint8Array, name: string): DataSet {
  const arrays = [...unzipped(bytes, name)].map(([entry, data]) => ({
    key: entry.replace(/\.npy$/, ""),
    tensor: readNpy(data, `${name}:${entry}`),
  }));
  const labels = arrays.find((a) => labelNames.includes(a.key));
  const inputs = arrays.filter((a) => a !== labels);
  if (labels?.tensor.shape.length !== 1) throw new DataError("D0114", name, "there must be an array labels (or y) of rank 1");
  const count = labels.tensor.shape[0] ?? 0;
  for (const { key, tensor } of inputs) {
    if (tensor.shape[0] !== count) throw new DataError("D0114", `${name}:${key}`, `${tensor.shape[0]} samples, ${count} labels`);
    if (tensor.dtype !== "f32" && tensor.dtype !== "u8")
      throw new DataError("D0115", `${name}:${key}`, `${tensor.dtype}; inputs are f32 or u8`);
  }
  if (inputs.length === 0) throw new DataError("D0114", name, "there must be an array beside the labels");
  const values = labelsOf(labels.tensor, `${name}:${labels.key}`);
  return dataSet({
    name,
    classes: values.reduce((most, label) => Math.max(most, label + 1), 1),
    labels: values,
    ...pixelsOf(inputs),
    inputs: Object.fromEntries(inputs.map(({ key, tensor }) => [key, specOf(tensor)])),
    write(index, out, row) {
      for (const { key, tensor } of inputs) copySample(key, tensor, index, out, row);
    },
  });
}

/** One input of bytes `[n, 1 or 3, H, W]` is taken for pictures as they were taken; floats are what the model wants already. */
function pixelsOf(inputs: readonly { readonly key: string; readonly tensor: Tensor }[]): { readonly pixels?: string } {
  const [only] = inputs;
  if (inputs.length !== 1 || only === undefined) return {};
  const { dtype, shape } = only.tensor;
  return dtype === "u8" && shape.length === 4 && (shape[1] === 1 || shape[1] === 3) ? { pixels: only.key } : {};
}

/** Class numbers of any integer dtype, or of a float dtype that holds whole numbers. */
function labelsOf(tensor: Tensor, where: string): Int32Array {
  if (tensor.dtype === "f16" || tensor.dtype === "bool") throw new DataError("D0107", where, `labels of ${tensor.dtype}`);
  const numbers = Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  const wrong = numbers.findIndex((label) => label !== Math.trunc(label) || label < 0 || label >= 2 ** 31);
  if (wrong >= 0) throw new DataError("D0105", where, `label ${numbers[wrong]} of sample ${wrong} is no class number`);
  return Int32Array.from(numbers);
}

function specOf(tensor: Tensor): InputSpec {
  return { dtype: tensor.dtype as "f32" | "u8", shape: tensor.shape.slice(1) };
}

function copySample(key: string, tensor: Tensor, index: number, out: InputBatch, row: number): void {
  const size = tensor.shape.slice(1).reduce((n, d) => n * d, 1);
  out[key]?.set((tensor.data as Float32Array).subarray(index * size, (index + 1) * size), row * size);
}
