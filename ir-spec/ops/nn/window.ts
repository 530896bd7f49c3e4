/**
 * @file Sliding windows of convolutions and pools over any number of spatial axes: attributes, result sizes, and the index tables that make every loop
 * over windows two nested passes over offsets into a padded copy (`base of the window + offset inside it`), with no bounds tests inside.
 */
import { type Dim, dimAdd, dimCeilDiv, dimDiv, dimKey, dimMin, dimMul, dimSub } from "../../core/dim.ts";
import { a } from "../attr-spec.ts";

export const windowAttrs = {
  stride: a.ints("step per spatial axis; empty: all 1", []),
  pad: a.ints("padding: begin per spatial axis, then end per spatial axis; empty: none", []),
};
export const dilationAttr = { dilation: a.ints("distance between the window's elements per spatial axis; empty: all 1", []) };

export interface WindowAttrs {
  readonly stride: readonly number[];
  readonly pad: readonly number[];
  readonly dilation?: readonly number[];
}

/** Attributes with their defaults filled in, one entry per spatial axis. */
export interface Steps {
  readonly stride: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly dilation: readonly number[];
}

export function stepsOf(attrs: WindowAttrs, rank: number): Steps {
  const ones = new Array<number>(rank).fill(1);
  const pad = attrs.pad.length === 0 ? new Array<number>(2 * rank).fill(0) : attrs.pad;
  return {
    stride: attrs.stride.length === 0 ? ones : attrs.stride,
    begin: pad.slice(0, rank),
    end: pad.slice(rank),
    dilation: attrs.dilation === undefined || attrs.dilation.length === 0 ? ones : attrs.dilation,
  };
}

/** What is wrong with the attributes, or null. */
export function stepsProblem(attrs: WindowAttrs, rank: number): string | null {
  const list = (name: string, values: readonly number[], length: number, least: number): string | null => {
    if (values.length !== 0 && values.length !== length) return `${name} has ${values.length} entries, ${rank} spatial axes take ${length}`;
    const bad = values.find((v) => v < least);
    return bad === undefined ? null : `${name} must be at least ${least}, got ${bad}`;
  };
  return list("stride", attrs.stride, rank, 1) ?? list("pad", attrs.pad, 2 * rank, 0) ?? list("dilation", attrs.dilation ?? [], rank, 1);
}

/** Extent of a window with its gaps. */
export function reach(kernel: Dim, dilation: number): Dim {
  return dimAdd(dimMul(dilation, dimSub(kernel, 1)), 1);
}

/** Number of windows on one axis. With `ceil` a last, partial window counts when it starts before the end padding. */
export function windowCount(input: Dim, kernel: Dim, steps: Steps, axis: number, ceil = false): Dim {
  const [stride, begin, end] = [steps.stride[axis] ?? 1, steps.begin[axis] ?? 0, steps.end[axis] ?? 0];
  const started = dimAdd(input, begin);
  const room = dimSub(dimAdd(started, end), reach(kernel, steps.dilation[axis] ?? 1));
  if (!ceil) return dimAdd(dimDiv(room, stride), 1);
  return dimMin(dimAdd(dimCeilDiv(room, stride), 1), dimCeilDiv(started, stride));
}

/** Window counts of all spatial axes; `fail` is called where a static window does not fit. */
export function windowCounts(
  input: readonly Dim[],
  kernel: readonly Dim[],
  steps: Steps,
  fail: (message: string) => never,
  ceil = false,
): readonly Dim[] {
  return input.map((size, axis) => {
    const extent = reach(kernel[axis] ?? 1, steps.dilation[axis] ?? 1);
    const padded = dimAdd(size, (steps.begin[axis] ?? 0) + (steps.end[axis] ?? 0));
    const over = dimSub(extent, padded);
    if (typeof over === "number" && over > 0)
      fail(`window of ${dimKey(extent)} does not fit padded input of ${dimKey(padded)} (spatial axis ${axis})`);
    return windowCount(size, kernel[axis] ?? 1, steps, axis, ceil);
  });
}

/** Row-major strides of a shape, in elements. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] as number) * (shape[i + 1] as number);
  return strides;
}

/** sum_i index_i * steps_i for every index of the grid `sizes`, row-major. */
export function gridOffsets(sizes: readonly number[], steps: readonly number[]): Int32Array {
  let offsets = new Int32Array(1);
  sizes.forEach((size, axis) => {
    const step = steps[axis] as number;
    const next = new Int32Array(offsets.length * size);
    offsets.forEach((offset, i) => {
      for (let j = 0; j < size; j++) next[i * size + j] = offset + j * step;
    });
    offsets = next;
  });
  return offsets;
}

/** Windows over `channels` planes of one sample, laid out in a padded copy of them. */
export interface Windows {
  /** Elements of the padded copy. */
  readonly padded: number;
  /** Where each window starts, row-major over the result's spatial axes. */
  readonly bases: Int32Array;
  /** Where the elements of a window lie: over the channels, then the kernel, row-major. */
  readonly offsets: Int32Array;
  /** Start of each contiguous row of the planes, unpadded and padded, and the rows' length. */
  readonly rows: Int32Array;
  readonly paddedRows: Int32Array;
  readonly rowLength: number;
  /** The padded copy would be the planes themselves. */
  readonly unpadded: boolean;
}

export function windowsOver(
  channels: number,
  input: readonly number[],
  kernel: readonly number[],
  output: readonly number[],
  steps: Steps,
): Windows {
  const size = input.map((n, i) => paddedSize(n, kernel[i] as number, output[i] as number, steps, i));
  const [from, to] = [stridesOf([channels, ...input]), stridesOf([channels, ...size])];
  const begin = steps.begin.reduce((sum, pad, i) => sum + pad * (to[i + 1] as number), 0);
  const scaled = (factors: readonly number[]) => factors.map((f, i) => f * (to[i + 1] as number));
  const rowSizes = [channels, ...input.slice(0, -1)];
  return {
    padded: channels * size.reduce((product, n) => product * n, 1),
    bases: gridOffsets(output, scaled(steps.stride)),
    offsets: gridOffsets([channels, ...kernel], [to[0] as number, ...scaled(steps.dilation)]),
    rows: gridOffsets(rowSizes, from),
    paddedRows: gridOffsets(rowSizes, to).map((offset) => offset + begin),
    rowLength: input[input.length - 1] as number,
    unpadded: size.every((n, i) => n === input[i]),
  };
}

function paddedSize(input: number, kernel: number, output: number, steps: Steps, axis: number): number {
  const declared = input + (steps.begin[axis] as number) + (steps.end[axis] as number);
  const last = (output - 1) * (steps.stride[axis] as number) + (kernel - 1) * (steps.dilation[axis] as number) + 1;
  return Math.max(declared, last);
}

/** The planes at `at` with their padding around them; `into` keeps whatever its padding holds. */
export function copyPadded(windows: Windows, planes: Float64Array, at: number, into: Float64Array): void {
  const { rows, paddedRows, rowLength } = windows;
  for (let r = 0; r < rows.length; r++) {
    const start = at + (rows[r] as number);
    into.set(planes.subarray(start, start + rowLength), paddedRows[r] as number);
  }
}

/** Adjoint of `copyPadded`: the planes' part of a padded copy, written to `at`. */
export function copyCropped(windows: Windows, padded: Float64Array, planes: Float64Array, at: number): void {
  const { rows, paddedRows, rowLength } = windows;
  for (let r = 0; r < rows.length; r++) {
    const start = paddedRows[r] as number;
    planes.set(padded.subarray(start, start + rowLength), at + (rows[r] as number));
  }
}
