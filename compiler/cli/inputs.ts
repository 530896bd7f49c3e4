/** @file Seeded inputs for models, the same on every machine. */
import { elementCount, Tensor, type TensorArray } from "../../runtime/index.ts";
import { Random } from "../random/random.ts";
import { UsageError } from "./failure.ts";

export interface PortShape {
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** Uniform in [0, 1) for floats, 0..9 for integers; symbolic dims are 1 unless `--dim` says otherwise. */
export function seededInputs(ports: Readonly<Record<string, PortShape>>, seed: number, dims: readonly string[]): Record<string, Tensor> {
  const sizes = parseDims(dims);
  return Object.fromEntries(
    Object.entries(ports).map(([name, port], index) => {
      const shape = port.shape.map((d) => (typeof d === "number" ? d : (sizes.get(d) ?? 1)));
      return [name, seededTensor(port.dtype, shape, new Random(seed, index))];
    }),
  );
}

function seededTensor(dtype: string, shape: readonly number[], random: Random): Tensor {
  const count = elementCount(shape);
  const fill = <T extends TensorArray>(array: T, draw: () => number | bigint): T => {
    for (let i = 0; i < array.length; i++) (array as { [index: number]: number | bigint })[i] = draw();
    return array;
  };
  switch (dtype) {
    case "f32":
      return new Tensor(
        "f32",
        fill(new Float32Array(count), () => random.float()),
        shape,
      );
    case "f64":
      return new Tensor(
        "f64",
        fill(new Float64Array(count), () => random.float()),
        shape,
      );
    case "i64":
      return new Tensor(
        "i64",
        fill(new BigInt64Array(count), () => BigInt(random.int(10))),
        shape,
      );
    case "i32":
      return new Tensor(
        "i32",
        fill(new Int32Array(count), () => random.int(10)),
        shape,
      );
    case "u8":
      return new Tensor(
        "u8",
        fill(new Uint8Array(count), () => random.int(256)),
        shape,
      );
    case "i8":
      return new Tensor(
        "i8",
        fill(new Int8Array(count), () => random.int(256) - 128),
        shape,
      );
    case "bool":
      return new Tensor(
        "bool",
        fill(new Uint8Array(count), () => random.int(2)),
        shape,
      );
    default:
      throw new UsageError(`no seeded values for an input of ${dtype}: give it with --input`);
  }
}

function parseDims(dims: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    dims.map((item) => {
      const match = /^([A-Z][A-Z0-9_]*)=([1-9]\d*)$/.exec(item);
      if (!match) throw new UsageError(`--dim ${item}: expected NAME=SIZE`);
      return [match[1] as string, Number(match[2])];
    }),
  );
}
