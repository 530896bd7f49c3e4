/**
 * @file What a data set is to the rest of the compiler: labelled samples of fixed shape, read by index.
 *
 * Samples are drawn or decoded when asked for, so a set may be larger than what is kept of it. Identity is content: `hash` covers shapes,
 * labels and every sample, is computed once when first read, and goes into the compiled file as the data hash.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Random } from "../random/random.ts";
import { DataError } from "./errors.ts";

/** One input of every sample; `shape` is per sample, without the batch axis. */
export interface InputSpec {
  readonly dtype: "f32" | "u8";
  readonly shape: readonly number[];
}

/** Values of one input for a batch, row-major, `[count, ...shape]`. */
export type InputData = Float32Array | Uint8Array;

/** Values of a batch by input name. */
export type InputBatch = Readonly<Record<string, InputData>>;

/** Labelled samples. */
export interface DataSet {
  /** The spec that opens it, for reports. */
  readonly name: string;
  readonly count: number;
  /** How many classes; every label is in [0, classes). */
  readonly classes: number;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Class of each sample; `[count]`. */
  readonly labels: Uint8Array | Int32Array;
  /** The input that holds pictures as they were taken: 0..255, `[C, H, W]`, C = 1 grey or 3 RGB. Absent where values are prepared already. */
  readonly pixels?: string;
  /** True where nothing says which class a sample has; then `labels` are zeros. */
  readonly unlabelled?: boolean;
  /** Samples `start .. start + count - 1`. Throws D0112 outside the set. */
  batch(start: number, count: number): InputBatch;
  /** The samples named by `indices`, in that order. Throws D0112 outside the set. */
  gather(indices: ArrayLike<number>): InputBatch;
  /** sha256 in hex over shapes, labels and samples; the name is not part of it. */
  readonly hash: string;
}

/** What a source of samples must say; `dataSet` makes the rest. */
export interface DataSource {
  readonly name: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly classes: number;
  readonly labels: Uint8Array | Int32Array;
  readonly pixels?: string;
  readonly unlabelled?: boolean;
  /** Writes sample `index` to row `row` of each array of `out`. */
  write(index: number, out: InputBatch, row: number): void;
}

/** Elements of one sample of an input. */
export function sampleSize(spec: InputSpec): number {
  return spec.shape.reduce((product, extent) => product * extent, 1);
}

function allocate(inputs: DataSource["inputs"], count: number): InputBatch {
  const make = ({ dtype, shape }: InputSpec): InputData => {
    const elements = count * sampleSize({ dtype, shape });
    return dtype === "f32" ? new Float32Array(elements) : new Uint8Array(elements);
  };
  return Object.fromEntries(Object.entries(inputs).map(([name, spec]) => [name, make(spec)]));
}

class SourceDataSet implements DataSet {
  readonly name: string;
  readonly count: number;
  readonly classes: number;
  readonly inputs: DataSource["inputs"];
  readonly labels: Uint8Array | Int32Array;
  readonly pixels?: string;
  readonly unlabelled?: boolean;
  readonly #source: DataSource;
  #hash: string | undefined;

  constructor(source: DataSource) {
    this.#source = source;
    this.name = source.name;
    this.count = source.labels.length;
    this.classes = source.classes;
    this.inputs = source.inputs;
    this.labels = source.labels;
    if (source.pixels !== undefined) this.pixels = source.pixels;
    if (source.unlabelled !== undefined) this.unlabelled = source.unlabelled;
    const wrong = source.labels.findIndex((label) => label < 0 || label >= source.classes);
    if (wrong >= 0) {
      const label = source.labels[wrong];
      throw new DataError("D0105", source.name, `sample ${wrong} has label ${label}, classes are 0 to ${source.classes - 1}`);
    }
  }

  batch(start: number, count: number): InputBatch {
    if (!Number.isInteger(count) || count < 0) throw new DataError("D0112", this.name, `cannot read ${count} samples`);
    return this.gather(Uint32Array.from({ length: count }, (_, i) => start + i));
  }

  gather(indices: ArrayLike<number>): InputBatch {
    const out = allocate(this.inputs, indices.length);
    for (let row = 0; row < indices.length; row++) {
      const index = indices[row] ?? -1;
      if (!Number.isInteger(index) || index < 0 || index >= this.count) {
        throw new DataError("D0112", this.name, `no sample ${index}, the set has ${this.count}`);
      }
      this.#source.write(index, out, row);
    }
    return out;
  }

  get hash(): string {
    this.#hash ??= contentHash(this);
    return this.#hash;
  }
}

/** Samples hashed at a time. */
const HASH_BATCH = 256;

function contentHash(data: DataSet): string {
  const shapes = Object.entries(data.inputs).map(([name, { dtype, shape }]) => [name, dtype, shape]);
  const hash = sha256.create();
  hash.update(new TextEncoder().encode(JSON.stringify({ count: data.count, classes: data.classes, inputs: shapes })));
  hash.update(bytesOf(Int32Array.from(data.labels)));
  for (let start = 0; start < data.count; start += HASH_BATCH) {
    const values = data.batch(start, Math.min(HASH_BATCH, data.count - start));
    for (const name of Object.keys(data.inputs)) {
      const array = values[name];
      if (array !== undefined) hash.update(bytesOf(array));
    }
  }
  return bytesToHex(hash.digest());
}

/** The bytes of a typed array, little-endian like every machine that runs WebAssembly in a browser. */
function bytesOf(array: Float32Array | Uint8Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Makes a data set of a source. Throws D0105 where a label is outside its classes. */
export function dataSet(source: DataSource): DataSet {
  return new SourceDataSet(source);
}

/** What a set made of the samples of another keeps. */
function facts({ name, inputs, classes, pixels, unlabelled }: DataSet): Omit<DataSource, "labels" | "write"> {
  return { name, inputs, classes, ...(pixels === undefined ? {} : { pixels }), ...(unlabelled === undefined ? {} : { unlabelled }) };
}

/** Samples `start .. start + count - 1` of `data` as a set of their own. Throws D0112 where they are not all there. */
export function slice(data: DataSet, start: number, count: number, name = data.name): DataSet {
  if (!Number.isInteger(start) || !Number.isInteger(count) || start < 0 || count < 0 || start + count > data.count) {
    throw new DataError("D0112", data.name, `no samples ${start} to ${start + count - 1}, the set has ${data.count}`);
  }
  const write = (index: number, out: InputBatch, row: number) => {
    const one = data.batch(start + index, 1);
    for (const key of Object.keys(data.inputs)) {
      const values = one[key];
      if (values !== undefined) out[key]?.set(values, row * values.length);
    }
  };
  return dataSet({ ...facts(data), name, labels: data.labels.slice(start, start + count), write });
}

/** The first `count` samples; the whole set where it has no more. */
export function take(data: DataSet, count: number): DataSet {
  return count >= data.count ? data : slice(data, 0, count);
}

/** A batch with its labels. */
export interface LabelledBatch {
  readonly inputs: InputBatch;
  readonly labels: Int32Array;
  /** Which samples these are. */
  readonly indices: Uint32Array;
}

/**
 * All samples in batches of `size`, the last one shorter where they do not divide; in order, or in an order drawn from `shuffle`.
 * @throws RangeError unless `size` is a positive integer.
 */
export function* batches(data: DataSet, size: number, shuffle?: Random): Generator<LabelledBatch> {
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`batches: size must be a positive integer, not ${size}`);
  const order = shuffle?.permutation(data.count) ?? Uint32Array.from({ length: data.count }, (_, i) => i);
  for (let start = 0; start < data.count; start += size) {
    const indices = order.slice(start, start + size);
    const labels = Int32Array.from(indices, (i) => data.labels[i] ?? -1);
    yield { inputs: data.gather(indices), labels, indices };
  }
}
