/** @file Inputs for models: from files (arrays, pictures), and seeded ones, the same on every machine. */
import type { Module } from "../../ir-spec/index.ts";
import {
  elementCount,
  type ImagePreprocessing,
  imagePreprocessing,
  imageTensor,
  RuntimeError,
  type Session,
  Tensor,
  type TensorArray,
} from "../../runtime/index.ts";
import { workableSizes } from "../analysis/workable-sizes.ts";
import { readNpy } from "../data/npy.ts";
import { Random } from "../random/random.ts";
import { decodeImage } from "./decode-image.ts";
import { UsageError } from "./failure.ts";
import { readBytes } from "./files.ts";

export interface PortShape {
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** Tensors of `NAME=FILE`: NumPy's .npy as it is, a JPEG or PNG picture prepared as the model declares. */
export async function inputsFromFiles(items: readonly string[], session: Session): Promise<Record<string, Tensor>> {
  const given: Record<string, Tensor> = {};
  for (const item of items) {
    const at = item.indexOf("=");
    if (at < 1) throw new UsageError(`--input ${item}: expected NAME=FILE`);
    const [name, path] = [item.slice(0, at), item.slice(at + 1)];
    const bytes = await readBytes(path);
    given[name] = bytes[0] === 0x93 ? readNpy(bytes, path) : pictureTensor(bytes, path, pictureRecord(session, name), session);
  }
  return given;
}

/** The picture for the input that the model declares. */
export async function imageInput(path: string, session: Session): Promise<Record<string, Tensor>> {
  const record = pictureRecord(session);
  return { [record.input]: pictureTensor(await readBytes(path), path, record, session) };
}

/** @throws RuntimeError R0322 when the file does not say how this input takes a picture */
function pictureRecord(session: Session, name?: string): ImagePreprocessing {
  const record = imagePreprocessing(session.info);
  if (record && (name === undefined || name === record.input)) return record;
  const message = record
    ? `preprocessing is declared for input ${JSON.stringify(record.input)} only`
    : "the file declares no preprocessing: compile it with --preprocess FILE.json, or with `preprocessing` in tersor.config.ts";
  throw new RuntimeError("R0322", message, name === undefined ? "run" : `input ${JSON.stringify(name)}`);
}

function pictureTensor(bytes: Uint8Array, path: string, record: ImagePreprocessing, session: Session): Tensor {
  return imageTensor(decodeImage(bytes, path), record, session.inputs[record.input]);
}

/** Sizes of symbols: those of `--dim`; the others the smallest at which the module can run, or 1 where it is not at hand. */
export function inputSizes(module: Module | null, dims: readonly string[] = []): ReadonlyMap<string, number> {
  const given = parseDims(dims);
  return module ? workableSizes(module, given) : given;
}

/** Uniform in [0, 1) for floats, 0..9 for integers; symbols without a size are 1. */
export function seededInputs(
  ports: Readonly<Record<string, PortShape>>,
  seed: number,
  sizes: ReadonlyMap<string, number>,
): Record<string, Tensor> {
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
