/** @file The element-wise halves of LSTM and GRU steps against the formulas, hidden sizes around the vector and panel widths, nothing written beside the results. */
import { test } from "uvu";
import { AWKWARD, bench, close, floats } from "./harness.ts";

const ROWS = 3;
const PANEL = 16;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** Values between -1 and 1 may cancel: errors are measured against 1e-2 there. */
const compare = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string) => close(actual, expected, what, 1e-5, 1e-1);

/** Sums of gate `gate`, row `row`, unit `j`: the input's and the state's, whose gates are whole panels. */
function sums(x: Float32Array, state: Float32Array, gates: readonly [number, number], hidden: number) {
  const padded = Math.ceil(hidden / PANEL) * PANEL;
  return {
    padded,
    own: (row: number, gate: number, j: number) => x[(row * gates[0] + gate) * hidden + j] as number,
    of: (row: number, gate: number, j: number) => state[(row * gates[1] + gate) * padded + j] as number,
  };
}

const each = (hidden: number, f: (row: number, j: number) => number): Float32Array =>
  Float32Array.from({ length: ROWS * hidden }, (_, i) => f(Math.floor(i / hidden), i % hidden));

for (const hidden of AWKWARD) {
  const padded = Math.ceil(hidden / PANEL) * PANEL;

  test(`f32_lstm_gates, ${hidden} units`, () => {
    const [x, state, c] = [floats(ROWS * 4 * hidden, 1, -3, 3), floats(ROWS * 4 * padded, 2, -3, 3), floats(ROWS * hidden, 3, -2, 2)];
    const b = bench(2);
    const [px, ps, pc] = [b.put(x), b.put(state), b.put(c)];
    const h = b.room(4 * ROWS * hidden);
    b.k.f32_lstm_gates(px, ps, pc, h, ROWS, hidden);
    const { own, of } = sums(x, state, [4, 4], hidden);
    const gate = (row: number, g: number, j: number) => own(row, g, j) + of(row, g, j);
    const cell = each(hidden, (row, j) => {
      const kept = sigmoid(gate(row, 2, j)) * (c[row * hidden + j] as number);
      return kept + sigmoid(gate(row, 0, j)) * Math.tanh(gate(row, 3, j));
    });
    compare(b.f32(pc, ROWS * hidden), cell, "cell");
    compare(
      b.f32(h, ROWS * hidden),
      each(hidden, (row, j) => sigmoid(gate(row, 1, j)) * Math.tanh(cell[row * hidden + j] as number)),
      "state",
    );
    b.done();
  });

  test(`f32_gru_reset and f32_gru_update, ${hidden} units`, () => {
    const [x, state] = [floats(ROWS * 3 * hidden, 4, -3, 3), floats(ROWS * 2 * padded, 5, -3, 3)];
    const [h, candidate] = [floats(ROWS * hidden, 6, -1, 1), floats(ROWS * hidden, 7, -3, 3)];
    const b = bench(2);
    const [px, ps, ph, pc] = [b.put(x), b.put(state), b.put(h), b.put(candidate)];
    const [reset, y] = [b.room(4 * ROWS * hidden), b.room(4 * ROWS * hidden)];
    b.k.f32_gru_reset(px, ps, ph, reset, ROWS, hidden);
    b.k.f32_gru_update(px, ps, pc, ph, y, ROWS, hidden);
    const { own, of } = sums(x, state, [3, 2], hidden);
    const gate = (row: number, g: number, j: number) => sigmoid(own(row, g, j) + of(row, g, j));
    const at = (values: Float32Array, row: number, j: number) => values[row * hidden + j] as number;
    compare(
      b.f32(reset, ROWS * hidden),
      each(hidden, (row, j) => gate(row, 1, j) * at(h, row, j)),
      "reset",
    );
    compare(
      b.f32(y, ROWS * hidden),
      each(hidden, (row, j) => {
        const z = gate(row, 0, j);
        return (1 - z) * Math.tanh(own(row, 2, j) + at(candidate, row, j)) + z * at(h, row, j);
      }),
      "state",
    );
    b.done();
  });
}

test.run();
