/**
 * @file LSTM, GRU and the simple recurrent layer of one direction. The input's part of all steps is one product, before the loop; then each step is the state's product and the cell.
 * With lengths, rows run one behind the other, each over its own steps.
 */
import { RuntimeError } from "../../../errors.ts";
import { boolAttr, demand, operand } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, StepShapes, TensorAt, WasmKernel } from "../kernel.ts";
import { panel } from "./linear.ts";
import { optionalPtr } from "./optional-ptr.ts";
import { type Cell, type CellStep, gruCell, lstmCell, rnnCell } from "./recurrent-cells.ts";

interface Layer {
  readonly name: string;
  readonly gates: number;
  readonly cell: Cell;
  /** Operand of the lengths. */
  readonly lengths: number;
  /** The constants are packed at load; else both weights are packed in every run. */
  readonly packed: boolean;
}

interface Sizes {
  readonly time: number;
  readonly batch: number;
  readonly features: number;
  readonly hidden: number;
  /** gates * hidden */
  readonly rows: number;
  readonly padded: number;
  /** Floats of the packed weights. */
  readonly weight: number;
  readonly recurrence: number;
}

const tiled = (n: number): number => Math.ceil(n / panel) * panel;

function sizes(step: StepShapes, { gates }: Layer): Sizes {
  const [x, y] = [operand(step, 0, "f32").shape, step.results[0]?.shape ?? []];
  const [time = 0, batch = 0, features = 0] = x;
  const hidden = y[2] ?? 0;
  demand(step, x.length === 3 && y.length === 3 && y[0] === time && y[1] === batch, `x is [${x.join(", ")}], the result [${y.join(", ")}]`);
  const states = step.results.slice(1).every(({ dtype, shape }) => dtype === "f32" && elementCount(shape) === batch * hidden);
  demand(step, states && step.results.length === (gates === 4 ? 3 : 2), "its results are not the outputs and the last state");
  const [rows, padded] = [gates * hidden, tiled(hidden)];
  return { time, batch, features, hidden, rows, padded, weight: tiled(rows) * features, recurrence: gates * padded * hidden };
}

/** Addresses of the parts of scratch, and its end. */
function places(base: number, layer: Layer, { time, batch, hidden, rows, padded, weight, recurrence }: Sizes) {
  let end = base;
  const take = (floats: number): number => {
    const at = end;
    end += 4 * tiled(floats);
    return at;
  };
  const packs = layer.packed ? 0 : 1;
  return {
    weight: take(packs * weight),
    recurrence: take(packs * recurrence),
    sums: take(time * batch * rows),
    bias: take(rows),
    zeros: take(batch * hidden),
    state: take(batch * layer.gates * padded),
    extra: take(2 * batch * hidden),
    end,
  };
}

/** Gate by gate, each in whole panels. */
function packGates({ kernels }: KernelCall, from: number, to: number, gates: number, hidden: number): void {
  for (let g = 0; g < gates; g++)
    kernels.f32_pack_linear(from + 4 * g * hidden * hidden, to + 4 * g * tiled(hidden) * hidden, hidden, hidden);
}

type Places = ReturnType<typeof places>;

/** What runs once before the loop: packing, the biases as one, and the input's part of all sums. */
function preparation(call: KernelCall, layer: Layer, s: Sizes, at: Places): () => void {
  const { kernels, memory } = call;
  const [x, weight, recurrence] = [operand(call, 0), operand(call, 1, "f32"), operand(call, 2, "f32")];
  const wanted = layer.packed ? [s.weight, s.recurrence] : [s.rows * s.features, s.rows * s.hidden];
  demand(call, elementCount(weight.shape) === wanted[0] && elementCount(recurrence.shape) === wanted[1], "its weights have other sizes");
  const bias = optionalPtr(call, 3, "f32", 2 * s.rows);
  const both = boolAttr(call, "linear_before_reset") ? 2 * s.hidden : s.rows;
  return () => {
    if (!layer.packed) {
      kernels.f32_pack_linear(weight.ptr, at.weight, s.rows, s.features);
      packGates(call, recurrence.ptr, at.recurrence, layer.gates, s.hidden);
    }
    if (bias) {
      memory.u8.copyWithin(at.bias, bias, bias + 4 * s.rows);
      kernels.f32_binary(0, bias, bias + 4 * s.rows, at.bias, both);
    }
    memory.u8.fill(0, at.zeros, at.zeros + 4 * s.batch * s.hidden);
    const packed = layer.packed ? weight.ptr : at.weight;
    kernels.f32_linear(x.ptr, packed, bias ? at.bias : 0, at.sums, s.time * s.batch, s.rows, s.features, 0);
  };
}

/** @throws RuntimeError R0408 for a length that is none */
function lengthReader({ memory, origin }: KernelCall, lengths: TensorAt, time: number): (row: number) => number {
  const words = lengths.dtype === "i64" ? 2 : 1;
  return (row) => {
    const at = (lengths.ptr >>> 2) + row * words;
    const [low, high] = [memory.i32[at] as number, words === 2 ? memory.i32[at + 1] : 0];
    if (high !== 0 || low < 0 || low > time) throw new RuntimeError("R0408", `length ${row} is outside 0..${time}`, origin);
    return low;
  };
}

interface Loop {
  readonly sizes: Sizes;
  readonly sums: number;
  readonly y: number;
  readonly last: number;
  readonly start: (row: number) => number;
  readonly reverse: boolean;
  readonly step: CellStep;
}

/** `rows` rows from `row` on over `length` steps; the last state goes to its result. */
function runRows(
  call: KernelCall,
  { sizes: s, sums, y, last, start, reverse, step }: Loop,
  row: number,
  rows: number,
  length: number,
): void {
  const width = 4 * s.hidden;
  let h = start(row);
  for (let i = 0; i < length; i++) {
    const at = (reverse ? length - 1 - i : i) * s.batch + row;
    step(sums + 4 * at * s.rows, h, y + at * width, row, rows);
    h = y + at * width;
  }
  const bytes = call.memory.u8;
  if (length > 0) bytes.copyWithin(last + row * width, h, h + rows * width);
  else for (const { ptr } of call.results.slice(1)) bytes.fill(0, ptr + row * width, ptr + (row + rows) * width);
}

function recurrent(layer: Layer): WasmKernel {
  return {
    id: `f32_${layer.name}${layer.packed ? "" : "_rows"}`,
    work(step) {
      const { time, batch, rows, features, hidden } = sizes(step, layer);
      return time * batch * rows * (features + hidden);
    },
    scratch: (step) => places(0, layer, sizes(step, layer)).end,
    bind(call) {
      const s = sizes(call, layer);
      const { batch, hidden, time } = s;
      const at = places(call.scratch, layer, s);
      const prepare = preparation(call, layer, s, at);
      const [h0, c0] = [4, 5].map((i) => (i < layer.lengths ? optionalPtr(call, i, "f32", batch * hidden) : 0)) as [number, number];
      const [y = 0, last = 0, c] = call.results.map(({ ptr }) => ptr);
      const recurrence = layer.packed ? operand(call, 2).ptr : at.recurrence;
      const bias = optionalPtr(call, 3, "f32", 2 * s.rows);
      const step = layer.cell(call, { hidden, batch, padded: s.padded, recurrence, state: at.state, extra: at.extra, bias });
      const start = (row: number) => (h0 ? h0 : at.zeros) + 4 * row * hidden;
      const loop: Loop = { sizes: s, sums: at.sums, y, last, start, reverse: boolAttr(call, "reverse"), step };
      const lengths = call.operands[layer.lengths] ? operand(call, layer.lengths, "i32", "i64") : null;
      const read = lengths && lengthReader(call, lengths, time);
      demand(call, !lengths || elementCount(lengths.shape) === batch, "there is not one length for each row");
      return () => {
        const bytes = call.memory.u8;
        const states = 4 * batch * hidden;
        prepare();
        if (c !== undefined) bytes.copyWithin(c, c0 || at.zeros, (c0 || at.zeros) + states);
        if (!read) return runRows(call, loop, 0, batch, time);
        bytes.fill(0, y, y + time * states);
        for (let row = 0; row < batch; row++) runRows(call, loop, row, 1, read(row));
      };
    },
  };
}

const layers = [
  { name: "rnn", gates: 1, cell: rnnCell, lengths: 5 },
  { name: "gru", gates: 3, cell: gruCell, lengths: 5 },
  { name: "lstm", gates: 4, cell: lstmCell, lengths: 7 },
] as const;

/** [gates * hidden, hidden] to [gates, ceil(hidden / 16), hidden, 16]. */
const packRecurrence: WasmKernel = {
  id: "f32_pack_gates",
  bind(call) {
    const [from, to] = [operand(call, 0, "f32"), call.results[0] ?? operand(call, 0)];
    const [rows = 0, hidden = 0] = from.shape;
    const gates = Math.round(rows / hidden);
    const fits = gates * hidden === rows && elementCount(to.shape) === gates * tiled(hidden) * hidden;
    demand(call, fits, `[${from.shape.join(", ")}] is not packed as [${to.shape.join(", ")}]`);
    return () => packGates(call, from.ptr, to.ptr, gates, hidden);
  },
};

export const recurrentKernels: readonly WasmKernel[] = [
  packRecurrence,
  ...layers.flatMap((layer) => [true, false].map((packed) => recurrent({ ...layer, packed }))),
];
