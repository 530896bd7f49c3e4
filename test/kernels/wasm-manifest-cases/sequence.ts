/** @file Cases of recurrent layers: sizes around a panel, every optional operand, both directions, and the cells that have no vector loop. */
import { hostTensor } from "../../../ir-spec/index.ts";
import type { KernelRow } from "../../../runtime/manifest.ts";
import type { CaseDim } from "../../support/op-module.ts";
import { type CasesOf, countOf, type RowCase, type Values } from "./row-case.ts";

type Shape = readonly CaseDim[];

interface Layer {
  readonly gates: number;
  /** Whether there are cells and peepholes. */
  readonly cells: boolean;
}

/** Lengths from 0 to `time`, in turn. */
const lengthsTo =
  (at: number, time: number): Values =>
  (operand, dtype, shape) => {
    if (operand !== at) return null;
    const lengths = Array.from({ length: countOf(shape) }, (_, i) => (time - 1 + i) % (time + 1));
    return dtype === "i64"
      ? hostTensor(dtype, shape, BigInt64Array.from(lengths, BigInt))
      : hostTensor(dtype, shape, Int32Array.from(lengths));
  };

/** x, weight, recurrence and bias; then those of `more` that are there. */
function operands(
  { gates, cells }: Layer,
  time: number,
  hidden: number,
  more: readonly string[],
  batch: CaseDim = "N",
): readonly (Shape | null)[] {
  const features = 5;
  const state: Shape = [batch, hidden];
  const has = (name: string, shape: Shape) => (more.includes(name) ? shape : null);
  return [
    [time, batch, features],
    [gates * hidden, features],
    [gates * hidden, hidden],
    has("bias", [2 * gates * hidden]),
    has("h0", state),
    ...(cells ? [has("c0", state), has("peephole", [3 * hidden])] : []),
    has("lengths", [batch]),
  ];
}

const all = ["bias", "h0", "c0"];

function cases(layer: Layer, functions: readonly string[], others: readonly RowCase["attrs"][]): CasesOf {
  const at = layer.cells ? 7 : 5;
  const one = (time: number, hidden: number, more: readonly string[], rest: Partial<RowCase> = {}, batch: CaseDim = "N"): RowCase => ({
    shapes: operands(layer, time, hidden, more, batch),
    floor: 1,
    ...rest,
  });
  const ramps = { alpha: functions.map(() => 0.4), beta: functions.map(() => 0.3) };
  const named = (name: string) => Object.fromEntries(functions.map((attr) => [attr, name]));
  const unusual = [
    "hard_sigmoid",
    "softsign",
    "elu",
    "affine",
    "leaky_relu",
    "thresholded_relu",
    "scaled_tanh",
    "relu",
    "softplus",
    "sigmoid",
  ];
  return (row: KernelRow) => [
    one(3, 7, all),
    one(4, 32, all, { attrs: { reverse: true } }),
    one(2, 18, []),
    one(1, 16, ["bias"], {}, 1),
    one(3, 5, [...all, "lengths"], { values: lengthsTo(at, 3) }),
    one(3, 9, [...all, "lengths"], {
      attrs: { reverse: true },
      values: lengthsTo(at, 3),
      dtypes: row.operands.map((rule, i) => (i === at ? "i64" : rule.dtypes[0])),
    }),
    ...unusual.map((name) => one(2, 6, all, { attrs: { ...named(name), ...ramps } })),
    ...others.map((attrs) => one(3, 17, [...all, "peephole"], attrs ? { attrs } : {})),
  ];
}

const clip = { clip: 0.25 };
const linear = { linear_before_reset: true };

export const sequenceCases: { readonly [op: string]: CasesOf } = {
  "nn.rnn": cases({ gates: 1, cells: false }, ["activation"], [clip]),
  "nn.gru": cases({ gates: 3, cells: false }, ["gate", "candidate"], [clip, linear, { ...linear, ...clip }, { ...linear, reverse: true }]),
  "nn.lstm": cases({ gates: 4, cells: true }, ["gate", "cell", "out"], [{}, clip, { input_forget: true }, { reverse: true }]),
};
