/** @file Feeds a function from a data set: which input of the data goes to which parameter, in batches of what size. */
import {
  countOf,
  type Func,
  type HostTensor,
  hostTensor,
  staticShape,
  type TensorType,
  TersorError,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { type DataSet, type InputData, sampleSize } from "../data/dataset.ts";

export interface Feed {
  /** The batch that the parameters are fixed to; null: any. */
  readonly fixedBatch: number | null;
  /** Inputs by parameter name for these samples. */
  inputs(samples: readonly number[]): Readonly<Record<string, HostTensor>>;
}

interface Port {
  readonly parameter: string;
  readonly source: string;
  /** Shape of one sample, as the model wants it. */
  readonly sample: readonly number[];
  readonly batch: number | null;
}

/** Inputs are matched by name, or one to one where each side has one. @throws TersorError E0721 where they do not fit. */
export function feedOf(func: Func, data: DataSet): Feed {
  const ports = func.params.map((id) => portOf(func, id, data));
  const fixed = [...new Set(ports.map((port) => port.batch))];
  if (fixed.length > 1) throw misfit(func, data, "its inputs have different batch sizes");
  return {
    fixedBatch: fixed[0] ?? null,
    inputs(samples) {
      const batch = data.gather(samples);
      return Object.fromEntries(
        ports.map(({ parameter, source, sample }) => [
          parameter,
          hostTensor("f32", [samples.length, ...sample], Float32Array.from(batch[source] as InputData)),
        ]),
      );
    },
  };
}

function portOf(func: Func, id: ValueId, data: DataSet): Port {
  const { name, type } = valueInfo(func, id);
  const parameter = name ?? `${id}`;
  const sources = Object.keys(data.inputs);
  const source = sources.includes(parameter) ? parameter : func.params.length === 1 && sources.length === 1 ? sources[0] : undefined;
  if (source === undefined) throw misfit(func, data, `the data has ${sources.join(", ")}, the model needs ${parameter}`);
  const sample = sampleShape(type);
  const spec = data.inputs[source];
  if (type.dtype !== "f32" || !sample || !spec || sampleSize(spec) !== countOf(sample)) {
    const wants = `${type.dtype} [${type.shape.map((dim) => (typeof dim === "number" ? dim : dim.key)).join(", ")}]`;
    throw misfit(func, data, `input ${parameter} takes ${wants}, a sample of ${source} is [${spec?.shape.join(", ") ?? ""}]`);
  }
  return { parameter, source, sample, batch: typeof type.shape[0] === "number" ? type.shape[0] : null };
}

/** Everything behind the batch axis, when it is static. */
function sampleShape(type: TensorType): readonly number[] | null {
  return type.shape.length === 0 ? null : staticShape(type.shape.slice(1));
}

function misfit(func: Func, data: DataSet, message: string): TersorError {
  return new TersorError({ code: "E0721", message: `calibration data ${data.name} does not fit: ${message}`, where: `@${func.name}` });
}
