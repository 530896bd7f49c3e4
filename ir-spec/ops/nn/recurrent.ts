/**
 * @file Recurrent layers of one direction, the loop over the sequence inside: LSTM (Hochreiter and Schmidhuber 1997, with the forget gate and the peepholes of Gers et al.), GRU (Cho et
 * al. 2014) and Elman's simple layer, with the operands of ONNX's operators. Two directions are two ops and a `shape.concat`. In the formulas `W_g x` is `weight`'s block of gate g times
 * x plus its bias, `R_g h` that of `recurrence` with the other bias.
 */

import { dimMul } from "../../core/dim.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { demandVector, dimAt } from "./checks.ts";
import { bindActivation, recurrentActivation } from "./recurrent-activation.ts";
import {
  type CellInput,
  clipper,
  commonOperands,
  demandState,
  hiddenResults,
  inferLoop,
  lengthsOperand,
  loopAttrs,
  loopWork,
  noRecurrentGradient,
  optional,
  runLoop,
} from "./recurrent-loop.ts";

const hiddenOf = (recurrence: { readonly shape: readonly number[] }): number => recurrence.shape[1] ?? 0;

export const rnn = defineOp({
  name: "nn.rnn",
  since: 1,
  doc: "`h = f(W x + R h)` at every step. ONNX `RNN` of one direction.",
  operands: [...commonOperands, lengthsOperand],
  results: hiddenResults,
  attrs: { activation: recurrentActivation("f", "tanh"), ...loopAttrs },
  infer: (ctx) => inferLoop(ctx, 1, 5, ["x", "weight", "recurrence", "bias", "h0", "lengths"]),
  reference(ctx) {
    const [f, bound] = [bindActivation(ctx.attrs.activation, 0, ctx.attrs), clipper(ctx.attrs.clip)];
    return runLoop(ctx, 1, 5, ({ x, h, recur }) => {
      const r = recur(h, 0, 1);
      for (let j = 0; j < h.length; j++) h[j] = f(bound((x[j] as number) + (r[j] as number)));
    });
  },
  work: loopWork,
  noGradient: noRecurrentGradient,
});

export const gru = defineOp({
  name: "nn.gru",
  since: 1,
  doc: "`z = f(W_z x + R_z h)`, `r = f(W_r x + R_r h)`, `n = g(W_n x + R_n (r * h))`, or `n = g(W_n x + r * (R_n h))` with `linear_before_reset`; `h = (1 - z) * n + z * h`. Gates in the order z, r, n. ONNX `GRU` of one direction.",
  operands: [...commonOperands, lengthsOperand],
  results: hiddenResults,
  attrs: {
    gate: recurrentActivation("f", "sigmoid"),
    candidate: recurrentActivation("g", "tanh"),
    linear_before_reset: a.bool("reset what `recurrence` gives instead of what it is given", false),
    ...loopAttrs,
  },
  infer: (ctx) => inferLoop(ctx, 3, 5, ["x", "weight", "recurrence", "bias", "h0", "lengths"]),
  reference(ctx) {
    const { attrs } = ctx;
    const [f, g] = [bindActivation(attrs.gate, 0, attrs), bindActivation(attrs.candidate, 1, attrs)];
    const [bound, hidden] = [clipper(attrs.clip), hiddenOf(ctx.input(2))];
    return runLoop(ctx, 3, 5, ({ x, h, recur }) => {
      const gates = recur(h, 0, 2).map((sum, j) => f(bound(sum + (x[j] as number))));
      const [z, r] = [gates.subarray(0, hidden), gates.subarray(hidden)];
      const scaled = (v: Float64Array) => v.map((value, j) => value * (r[j] as number));
      const n = attrs.linear_before_reset ? scaled(recur(h, 2, 1)) : recur(scaled(h), 2, 1);
      for (let j = 0; j < hidden; j++) {
        const [candidate, keep] = [g(bound((x[2 * hidden + j] as number) + (n[j] as number))), z[j] as number];
        h[j] = (1 - keep) * candidate + keep * (h[j] as number);
      }
    });
  },
  work: loopWork,
  noGradient: noRecurrentGradient,
});

interface LstmCell {
  readonly f: (x: number) => number;
  readonly g: (x: number) => number;
  readonly h: (x: number) => number;
  readonly bound: (x: number) => number;
  /** Of gates i, o and f. */
  readonly peephole: Float64Array;
  readonly inputForget: boolean;
}

function lstmStep({ f, g, h: out, bound, peephole, inputForget }: LstmCell, { x, h, recur }: CellInput, c: Float64Array): void {
  const [hidden, r] = [h.length, recur(h, 0, 4)];
  const sum = (gate: number, j: number): number => (x[gate * hidden + j] as number) + (r[gate * hidden + j] as number);
  const peep = (gate: number, j: number): number => peephole[gate * hidden + j] as number;
  for (let j = 0; j < hidden; j++) {
    const before = c[j] as number;
    const input = f(bound(sum(0, j) + peep(0, j) * before));
    const forget = inputForget ? 1 - input : f(bound(sum(2, j) + peep(2, j) * before));
    const now = forget * before + input * g(bound(sum(3, j)));
    c[j] = now;
    h[j] = f(bound(sum(1, j) + peep(1, j) * now)) * out(now);
  }
}

export const lstm = defineOp({
  name: "nn.lstm",
  since: 1,
  doc: "`i = f(W_i x + R_i h + P_i * c)`, `k = f(W_f x + R_f h + P_f * c)`, `c = k * c + i * g(W_c x + R_c h)`, `o = f(W_o x + R_o h + P_o * c)` with the new c, `h = o * e(c)`. Gates in the order i, o, f, c. ONNX `LSTM` of one direction.",
  operands: [
    ...commonOperands,
    { name: "c0", role: "state", axes: ["batch", "hidden"], optional: true, dtypes: commonOperands[0].dtypes, doc: "zeros when absent" },
    { name: "peephole", role: "weight", axes: ["3*hidden"], optional: true, dtypes: commonOperands[0].dtypes, doc: "of i, o and f" },
    lengthsOperand,
  ],
  results: [
    ...hiddenResults,
    { name: "c", axes: ["batch", "hidden"], doc: "the cell after the last valid step; zeros for a row without one" },
  ],
  attrs: {
    gate: recurrentActivation("f", "sigmoid"),
    cell: recurrentActivation("g", "tanh"),
    out: recurrentActivation("e", "tanh"),
    input_forget: a.bool("k = 1 - i", false),
    ...loopAttrs,
  },
  infer(ctx) {
    const [y, h] = inferLoop(ctx, 4, 7, ["x", "weight", "recurrence", "bias", "h0", "c0", "peephole", "lengths"]);
    demandState(ctx, 5, "c0", dimAt(h, 0), dimAt(h, 1));
    demandVector(ctx, 6, dimMul(3, dimAt(h, 1)), "peephole", "three for each column of recurrence are");
    return [y, h, tensorType(h.dtype, h.shape)];
  },
  reference(ctx) {
    const { attrs } = ctx;
    const [batch, hidden] = [ctx.input(0).shape[1] ?? 0, hiddenOf(ctx.input(2))];
    const cell: LstmCell = {
      f: bindActivation(attrs.gate, 0, attrs),
      g: bindActivation(attrs.cell, 1, attrs),
      h: bindActivation(attrs.out, 2, attrs),
      bound: clipper(attrs.clip),
      peephole: optional(ctx, 6, 3 * hidden),
      inputForget: attrs.input_forget,
    };
    const [start, last] = [optional(ctx, 5, batch * hidden), new Float64Array(batch * hidden)];
    const started = new Set<number>();
    const [y, h] = runLoop(ctx, 4, 7, (input) => {
      const { row } = input;
      const c = last.subarray(row * hidden, (row + 1) * hidden);
      if (!started.has(row)) c.set(start.subarray(row * hidden, (row + 1) * hidden));
      started.add(row);
      lstmStep(cell, input, c);
    });
    return [y, h, roundedTensor(y.dtype, h.shape, last)];
  },
  work: loopWork,
  noGradient: noRecurrentGradient,
});
