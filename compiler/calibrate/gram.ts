/**
 * @file Gram matrices of what layers multiply: `G = E[x xᵀ]` over windows x of the input, for OBS, GPTQ, least squares and whitened SVD. A layer of k columns needs a few k windows, not all:
 * every sample gives as many positions, spread over its output. Products run on the executor in f32, a few hundred windows at a time; sums over those are kept in f64.
 */
import { type HostTensor, hostTensor, type Module, type Op, type OpRegistry, readAttrs } from "../../ir-spec/index.ts";
import { stepsOf, type WindowAttrs, windowCount } from "../../ir-spec/ops/nn/window.ts";
import type { Layer } from "../analysis/layers.ts";
import type { Executor } from "../pass/pass.ts";
import { readModule } from "../text/index.ts";
import type { Observer } from "./observer.ts";

/** Second moments of the columns that a layer multiplies. */
export interface Gram {
  /** Columns of the layer's matrix. */
  readonly size: number;
  readonly groups: number;
  /** `E[x xᵀ]` of each group: `[groups, size, size]`, symmetric. */
  readonly matrix: Float64Array;
  /** `E[x]` of each group: `[groups, size]`. */
  readonly mean: Float64Array;
  /** Windows that were seen of each group. */
  readonly windows: number;
}

/** Layers with more columns get none: a matrix takes `8 size^2` bytes. */
export const mostGramSize = 8192;

/** Windows that a matrix of `size` columns is estimated from, where the data has as many. */
export const windowsFor = (size: number): number => Math.max(4096, 8 * size);

/** `transpose(x) x` of `[R, K]`. */
export type GramProduct = (rows: Float32Array, count: number, size: number) => Promise<ArrayLike<number>>;

const productText = `tersor 1.0

module @gram {
  func @main(%x: tensor<RxKxf32>) -> (y: tensor<KxKxf32>) {
    %t = shape.transpose(%x) {perm = [1, 0]}
    %y = nn.matmul(%t, %x)
    return %y
  }
}
`;

export function gramProduct(executor: Executor, registry: OpRegistry): GramProduct {
  let module: Module | null = null;
  return async (rows, count, size) => {
    module ??= readModule(productText, { registry });
    const { outputs } = await executor.run(module, { x: hostTensor("f32", [count, size], rows.subarray(0, count * size)) });
    return (outputs.y as HostTensor).data as ArrayLike<number>;
  };
}

interface Windows {
  /** Positions of one sample. */
  readonly positions: number;
  /** Writes the window at a position, group by group, `[groups, size]`. */
  write(sample: number, position: number, into: (group: number) => { readonly rows: Float32Array; readonly at: number }): void;
}

type Unfold = (op: Op, registry: OpRegistry, layer: Layer, x: HostTensor) => Windows;

const flat: Unfold = (_, __, { inputs }, { shape, data }) => {
  const positions = shape.slice(1, -1).reduce((product, size) => product * size, 1);
  return {
    positions,
    write(sample, position, into) {
      const { rows, at } = into(0);
      const from = (sample * positions + position) * inputs;
      for (let i = 0; i < inputs; i++) rows[at + i] = Number(data[from + i]);
    },
  };
};

const windows: Unfold = (op, registry, { inputs, groups, kernel }, { shape, data }) => {
  const steps = stepsOf(attrsOf(op, registry), kernel.length);
  const [, channels = 0, ...input] = shape;
  const output = input.map((size, axis) => Number(windowCount(size, kernel[axis] as number, steps, axis)));
  const strides = input.map((_, axis) => input.slice(axis + 1).reduce((product, size) => product * size, 1));
  const plane = input.reduce((product, size) => product * size, 1);
  const taps = kernel.reduce((product, size) => product * size, 1);
  return {
    positions: output.reduce((product, size) => product * size, 1),
    write(sample, position, into) {
      const offsets = tapOffsets(position, output, input, kernel, steps, strides);
      for (let group = 0; group < groups; group++) {
        const { rows, at } = into(group);
        const first = (sample * channels + group * (inputs / taps)) * plane;
        for (let i = 0; i < inputs; i++) {
          const offset = offsets[i % taps] as number;
          rows[at + i] = offset < 0 ? 0 : Number(data[first + Math.floor(i / taps) * plane + offset]);
        }
      }
    },
  };
};

function attrsOf(op: Op, registry: OpRegistry): WindowAttrs {
  const reading = readAttrs(registry.get(op.name)?.attrs ?? {}, op.attrs);
  if (!reading.ok) throw new RangeError(`${op.name}: ${reading.message}`);
  return reading.values as unknown as WindowAttrs;
}

/** Offset in a plane of each tap of the window at `position`; -1 in the padding. */
function tapOffsets(
  position: number,
  output: readonly number[],
  input: readonly number[],
  kernel: readonly number[],
  { stride, begin, dilation }: ReturnType<typeof stepsOf>,
  strides: readonly number[],
): readonly number[] {
  let offsets = [0];
  let rest = position;
  for (let axis = output.length - 1; axis >= 0; axis--) {
    const [size, extent] = [output[axis] as number, input[axis] as number];
    const start = (rest % size) * (stride[axis] ?? 1) - (begin[axis] ?? 0);
    rest = Math.floor(rest / size);
    const along = Array.from({ length: kernel[axis] as number }, (_, k) => start + k * (dilation[axis] ?? 1));
    offsets = along.flatMap((place) =>
      offsets.map((offset) => (offset < 0 || place < 0 || place >= extent ? -1 : offset + place * (strides[axis] as number))),
    );
  }
  return offsets;
}

const unfolds: Readonly<Record<string, Unfold>> = { "nn.conv": windows, "nn.linear": flat, "nn.matmul": flat };

/** Windows of one product: enough for the kernel to be fast, few enough for f32 sums. */
const block = 512;

/** Gram matrix of one layer, from its input batch by batch. */
export class GramObserver implements Observer {
  private readonly layer: Layer;
  private readonly registry: OpRegistry;
  private readonly product: GramProduct;
  private readonly perSample: number;
  private readonly rows: readonly Float32Array[];
  private readonly sums: Float64Array;
  private readonly means: Float64Array;
  private filled = 0;
  private seen = 0;
  private samples = 0;

  /** @param perSample positions that are looked at in every sample, at most */
  constructor(layer: Layer, registry: OpRegistry, product: GramProduct, perSample: number) {
    const { inputs, groups } = layer;
    this.layer = layer;
    this.registry = registry;
    this.product = product;
    this.perSample = perSample;
    this.rows = Array.from({ length: groups }, () => new Float32Array(block * inputs));
    this.sums = new Float64Array(groups * inputs * inputs);
    this.means = new Float64Array(groups * inputs);
  }

  async observe(x: HostTensor): Promise<void> {
    const { op, inputs } = this.layer;
    const unfold = unfolds[op.name] as Unfold;
    const { positions, write } = unfold(op, this.registry, this.layer, x);
    const count = Math.min(positions, this.perSample);
    for (let sample = 0; sample < (x.shape[0] ?? 1); sample++) {
      // The golden ratio moves the grid from sample to sample.
      const shift = (this.samples++ * 0.6180339887498949) % 1;
      for (let i = 0; i < count; i++) {
        if (this.filled === block) await this.flush();
        const at = this.filled++ * inputs;
        write(sample, Math.floor(((i + shift) * positions) / count), (group) => ({ rows: this.rows[group] as Float32Array, at }));
      }
    }
  }

  private async flush(): Promise<void> {
    const { inputs } = this.layer;
    for (const [group, rows] of this.rows.entries()) {
      const product = await this.product(rows, this.filled, inputs);
      const base = group * inputs * inputs;
      for (let i = 0; i < inputs * inputs; i++) this.sums[base + i] = (this.sums[base + i] as number) + (product[i] as number);
      for (let row = 0; row < this.filled; row++)
        for (let i = 0; i < inputs; i++)
          this.means[group * inputs + i] = (this.means[group * inputs + i] as number) + (rows[row * inputs + i] as number);
    }
    this.seen += this.filled;
    this.filled = 0;
  }

  async gram(): Promise<Gram> {
    if (this.filled > 0) await this.flush();
    const count = Math.max(1, this.seen);
    const { inputs: size, groups } = this.layer;
    return { size, groups, matrix: this.sums.map((sum) => sum / count), mean: this.means.map((sum) => sum / count), windows: this.seen };
  }
}
