/** @file Cases of the recurrent layers, one unit wide and worked by hand: with weights of ones and zeros every gate is a function of one number. */
import { type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";

const f64 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("f64", shape, Float64Array.from(values));
const i32 = (values: readonly number[]): HostTensor => hostTensor("i32", [values.length], Int32Array.from(values));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const { tanh } = Math;
const tolerance = 1e-15;

/** Two steps of one row, 1 and -2. */
const steps = f64([2, 1, 1], [1, -2]);
const column = (...values: readonly number[]) => f64([values.length, 1], values);

const first = tanh(0.5 * 1 + 0.1);
const second = tanh(0.5 * -2 + 2 * first + 0.1);

const rnn: readonly OpCase[] = [
  {
    op: "nn.rnn",
    note: "by hand, two steps",
    inputs: [steps, column(0.5), column(2), f64([2], [0.3, -0.2])],
    expect: [f64([2, 1, 1], [first, second]), f64([1, 1], [second])],
    tolerance,
  },
  {
    op: "nn.rnn",
    note: "affine with a bound, from an initial state",
    inputs: [steps, column(1), column(1), null, f64([1, 1], [0.5])],
    attrs: { activation: "affine", alpha: [2], beta: [1], clip: 1 },
    expect: [f64([2, 1, 1], [3, 3]), f64([1, 1], [3])],
  },
  {
    op: "nn.rnn",
    note: "backwards, rows of different lengths",
    inputs: [f64([2, 3, 1], [1, 10, 100, 2, 20, 200]), column(1), column(1), null, null, i32([2, 1, 0])],
    attrs: { activation: "relu", reverse: true },
    expect: [f64([2, 3, 1], [3, 10, 0, 2, 0, 0]), f64([3, 1], [3, 10, 0])],
  },
];

const [z, r] = [sigmoid(1), sigmoid(2)];
const gruOf = (candidate: number): number => (1 - z) * candidate + z * 0.5;
const gruInputs = [f64([1, 1, 1], [1]), column(1, 2, 3), column(0, 0, 4), f64([6], [0, 0, 0.1, 0, 0, 0.2]), f64([1, 1], [0.5])];

const gru: readonly OpCase[] = [
  { op: "nn.gru", inputs: gruInputs, linear: false },
  { op: "nn.gru", inputs: gruInputs, linear: true },
].map(({ op, inputs, linear }) => {
  const y = gruOf(tanh(linear ? 3.1 + r * (4 * 0.5 + 0.2) : 3.1 + 4 * (r * 0.5) + 0.2));
  return {
    op,
    note: linear ? "by hand, reset after the product" : "by hand, reset before the product",
    inputs,
    attrs: { linear_before_reset: linear },
    expect: [f64([1, 1, 1], [y]), f64([1, 1], [y])],
    tolerance,
  };
});

/** Gates i, o, f, c of x = 1, h = 0.5, c = 2. */
const [input, output, forget, cell] = [sigmoid(1 + 0.5), sigmoid(2 + 1), sigmoid(-1 - 0.5), tanh(0.25 + 1)];
const kept = forget * 2 + input * cell;
const lstmInputs = [f64([1, 1, 1], [1]), column(1, 2, -1, 0.25), column(1, 2, -1, 2), null, f64([1, 1], [0.5]), f64([1, 1], [2])];
const peeped = (gate: number, weight: number, value: number): number => sigmoid(gate + weight * value);
const peepedCell = peeped(-1.5, 0.3, 2) * 2 + peeped(1.5, 0.1, 2) * cell;
const coupled = (1 - input) * 2 + input * cell;

const lstmCase = (note: string, c: number, o: number, more: Partial<OpCase> = {}): OpCase => ({
  op: "nn.lstm",
  note,
  inputs: lstmInputs,
  expect: [f64([1, 1, 1], [o * tanh(c)]), f64([1, 1], [o * tanh(c)]), f64([1, 1], [c])],
  tolerance,
  ...more,
});

const lstm: readonly OpCase[] = [
  lstmCase("by hand", kept, output),
  lstmCase("by hand, peepholes", peepedCell, peeped(3, 0.2, peepedCell), { inputs: [...lstmInputs, f64([3], [0.1, 0.2, 0.3])] }),
  lstmCase("by hand, the input gate decides what is forgotten", coupled, output, { attrs: { input_forget: true } }),
  {
    op: "nn.lstm",
    note: "a row without steps has no state",
    inputs: [f64([1, 1, 1], [1]), column(1, 1, 1, 1), column(1, 1, 1, 1), null, f64([1, 1], [1]), f64([1, 1], [1]), null, i32([0])],
    expect: [f64([1, 1, 1], [0]), f64([1, 1], [0]), f64([1, 1], [0])],
  },
];

export const cases: readonly OpCase[] = [...rnn, ...gru, ...lstm];
