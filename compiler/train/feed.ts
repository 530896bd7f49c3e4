/** @file Batches of a data set as the tensors that a module's inputs take. */

import {
  type DType,
  dimProduct,
  evaluateDim,
  type Func,
  type HostTensor,
  hostTensor,
  isFloat,
  printType,
  roundedTensor,
  type TensorType,
  type ValueInfo,
} from "../../ir-spec/index.ts";
import { trainingError } from "../autodiff/errors.ts";
import { type DataSet, type InputBatch, type InputData, sampleSize } from "../data/dataset.ts";

export interface Feed {
  /** The batch that the module is fixed to; null where it is symbolic. */
  readonly fixedBatch: number | null;
  tensors(batch: InputBatch, count: number): Readonly<Record<string, HostTensor>>;
}

interface Port {
  readonly name: string;
  readonly source: string;
  readonly dtype: DType;
  readonly sample: readonly number[];
}

/**
 * Matches inputs by name; one input with one input whatever their names. Axis 0 is the batch, the rest must be as many elements as a sample has.
 * @throws TersorError E0907.
 */
export function feedOf(func: Func, data: DataSet): Feed {
  const infos = func.params.map((id) => func.values[id] as ValueInfo);
  const sources = Object.keys(data.inputs);
  const ports = infos.map(({ name, type }) => {
    const source = infos.length === 1 && sources.length === 1 ? sources[0] : name;
    return portOf(name ?? "", type, source ?? "", data);
  });
  const batches = infos.map(({ type }) => type.shape[0]).filter((dim) => typeof dim === "number");
  return {
    fixedBatch: batches[0] ?? null,
    tensors: (batch, count) => Object.fromEntries(ports.map((port) => [port.name, tensorOf(port, batch[port.source], count)])),
  };
}

function portOf(name: string, type: TensorType, source: string, data: DataSet): Port {
  const spec = data.inputs[source];
  if (!spec) throw trainingError("E0907", `${data.name} has no input ${source}; it has ${Object.keys(data.inputs).join(", ")}`);
  const rest = dimProduct(type.shape.slice(1));
  if (type.shape.length === 0 || !isFloat(type.dtype) || rest !== sampleSize(spec)) {
    throw trainingError("E0907", `input ${name} is ${printType(type)}, a sample of ${data.name} is [${spec.shape.join(", ")}]`);
  }
  return { name, source, dtype: type.dtype, sample: type.shape.slice(1).map((dim) => evaluateDim(dim, new Map())) };
}

function tensorOf(port: Port, values: InputData | undefined, count: number): HostTensor {
  if (!values) throw trainingError("E0907", `a batch lacks ${port.source}`);
  const shape = [count, ...port.sample];
  if (port.dtype === "f32") return hostTensor("f32", shape, values instanceof Float32Array ? values : Float32Array.from(values));
  return roundedTensor(port.dtype, shape, Float64Array.from(values));
}
