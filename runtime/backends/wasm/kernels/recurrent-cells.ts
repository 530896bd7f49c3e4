/**
 * @file One step of LSTM, GRU and the simple recurrent layer on some rows of a batch. The cells that nearly all models have, of sigmoid and tanh alone, run in WebAssembly; other
 * functions, bounds and peepholes run here, one number at a time, on the same sums.
 */
import { boolAttr, floatAttr, result } from "../../../step/step.ts";
import type { KernelCall } from "../kernel.ts";
import { optionalPtr } from "./optional-ptr.ts";
import { cellFunction, clipping } from "./recurrent-functions.ts";

/** Where a cell finds its weights and leaves what it works on; addresses. */
export interface CellPlaces {
  readonly hidden: number;
  /** Columns of a gate in the sums of the state: whole panels. */
  readonly padded: number;
  /** Packed, gate by gate. */
  readonly recurrence: number;
  /** Sums of the state, [rows, gates, padded]. */
  readonly state: number;
  /** [rows, hidden] twice. */
  readonly extra: number;
  /** Both biases as given; 0: none. */
  readonly bias: number;
  readonly batch: number;
}

/** `x`: sums of the input for `rows` rows from `row` on, [rows, gates, hidden]; `h` and `y`: the state before and after, [rows, hidden]. */
export type CellStep = (x: number, h: number, y: number, row: number, rows: number) => void;

export type Cell = (call: KernelCall, places: CellPlaces) => CellStep;

/** The cell is the usual one: no bound, and functions as named. */
const isUsual = ({ attrs }: KernelCall, names: Readonly<Record<string, string>>): boolean =>
  !attrs.clip && Object.entries(names).every(([attr, name]) => attrs[attr] === name);

export const rnnCell: Cell = (call, { hidden, recurrence, state }) => {
  const { kernels, memory, attrs } = call;
  const [f, bound] = [cellFunction(call, "activation", 0), clipping(call)];
  const quick = { tanh: kernels.f32_tanh, relu: kernels.f32_relu, sigmoid: kernels.f32_sigmoid }[String(attrs.activation)];
  const apply =
    quick && floatAttr(call, "clip", 0) === 0
      ? quick
      : (_: number, y: number, n: number) => {
          const values = memory.f32.subarray(y >>> 2, (y >>> 2) + n);
          for (let i = 0; i < n; i++) values[i] = f(bound(values[i] as number));
        };
  return (x, h, y, _, rows) => {
    kernels.f32_linear(h, recurrence, 0, state, rows, hidden, hidden, 0);
    kernels.f32_binary(0, x, state, y, rows * hidden);
    apply(y, y, rows * hidden);
  };
};

export const gruCell: Cell = (call, places) => {
  const { hidden, padded, recurrence, state, extra, bias, batch } = places;
  const { kernels } = call;
  const last = recurrence + 8 * padded * hidden;
  const candidate = extra + 4 * batch * hidden;
  const linear = boolAttr(call, "linear_before_reset");
  const lastBias = linear && bias !== 0 ? bias + 20 * hidden : 0;
  const usual = isUsual(call, { gate: "sigmoid", candidate: "tanh" });
  const reset = usual ? kernels.f32_gru_reset : scriptedReset(call, places);
  const update = usual ? kernels.f32_gru_update : scriptedUpdate(call, places);
  return (x, h, y, _, rows) => {
    kernels.f32_linear(h, recurrence, 0, state, rows, 2 * padded, hidden, 0);
    if (linear) kernels.f32_linear(h, last, lastBias, candidate, rows, hidden, hidden, 0);
    reset(x, state, linear ? candidate : h, linear ? candidate : extra, rows, hidden);
    if (!linear) kernels.f32_linear(extra, last, 0, candidate, rows, hidden, hidden, 0);
    update(x, state, candidate, h, y, rows, hidden);
  };
};

function scriptedReset(call: KernelCall, { hidden, padded }: CellPlaces): KernelCall["kernels"]["f32_gru_reset"] {
  const [f, bound, { memory }] = [cellFunction(call, "gate", 0), clipping(call), call];
  return (x, state, from, to, rows) => {
    const m = memory.f32;
    for (let i = 0; i < rows * hidden; i++) {
      const [row, j] = [Math.floor(i / hidden), i % hidden];
      const sums = (x >>> 2) + row * 3 * hidden + j;
      const own = (state >>> 2) + row * 2 * padded + j;
      m[own] = f(bound((m[sums] as number) + (m[own] as number)));
      m[(to >>> 2) + i] = f(bound((m[sums + hidden] as number) + (m[own + padded] as number))) * (m[(from >>> 2) + i] as number);
    }
  };
}

function scriptedUpdate(call: KernelCall, { hidden, padded }: CellPlaces): KernelCall["kernels"]["f32_gru_update"] {
  const [g, bound, { memory }] = [cellFunction(call, "candidate", 1), clipping(call), call];
  return (x, state, candidate, h, y, rows) => {
    const m = memory.f32;
    for (let i = 0; i < rows * hidden; i++) {
      const [row, j] = [Math.floor(i / hidden), i % hidden];
      const z = m[(state >>> 2) + row * 2 * padded + j] as number;
      const sum = (m[(x >>> 2) + (row * 3 + 2) * hidden + j] as number) + (m[(candidate >>> 2) + i] as number);
      m[(y >>> 2) + i] = (1 - z) * g(bound(sum)) + z * (m[(h >>> 2) + i] as number);
    }
  };
}

/** The cells' values are in the third result, in place. */
export const lstmCell: Cell = (call, places) => {
  const { hidden, padded, recurrence, state } = places;
  const { kernels, attrs } = call;
  const c = call.results[2]?.ptr ?? result(call).ptr;
  const usual = isUsual(call, { gate: "sigmoid", cell: "tanh", out: "tanh" }) && !attrs.input_forget && !call.operands[6];
  const gates = usual ? kernels.f32_lstm_gates : scriptedLstm(call, places);
  return (x, h, y, row, rows) => {
    kernels.f32_linear(h, recurrence, 0, state, rows, 4 * padded, hidden, 0);
    gates(x, state, c + 4 * row * hidden, y, rows, hidden);
  };
};

function scriptedLstm(call: KernelCall, { hidden, padded }: CellPlaces): KernelCall["kernels"]["f32_lstm_gates"] {
  const [f, g, e] = ["gate", "cell", "out"].map((name, i) => cellFunction(call, name, i)) as [Func, Func, Func];
  const [bound, forgets, { memory }] = [clipping(call), boolAttr(call, "input_forget"), call];
  const peepholes = optionalPtr(call, 6, "f32", 3 * hidden) >>> 2;
  return (x, state, c, h, rows) => {
    const m = memory.f32;
    for (let i = 0; i < rows * hidden; i++) {
      const [row, j] = [Math.floor(i / hidden), i % hidden];
      const sum = (gate: number, cell = 0) => {
        const both =
          (m[(x >>> 2) + (row * 4 + gate) * hidden + j] as number) + (m[(state >>> 2) + (row * 4 + gate) * padded + j] as number);
        return bound(peepholes && gate < 3 ? both + (m[peepholes + gate * hidden + j] as number) * cell : both);
      };
      const before = m[(c >>> 2) + i] as number;
      const input = f(sum(0, before));
      const now = (forgets ? 1 - input : f(sum(2, before))) * before + input * g(sum(3));
      m[(c >>> 2) + i] = now;
      m[(h >>> 2) + i] = f(sum(1, now)) * e(now);
    }
  };
}

type Func = ReturnType<typeof cellFunction>;
