/**
 * @file RNN, GRU and LSTM against ONNX Runtime, by the interpreter and by the wasm backend: every attribute and optional input over seeded sizes, weights as constants and as inputs.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { importOnnx } from "../../compiler/import/index.ts";

import { interpret } from "../../compiler/interpret/interpret.ts";
import {
  createCoreRegistry,
  type DType,
  decodeTensor,
  encodeTensor,
  type HostTensor,
  hostTensor,
  TersorError,
  toNumbers,
} from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { type OnnxAttr, onnxModel } from "../support/onnx-writer.ts";
import { ort, runOrt } from "../support/ort.ts";
import { type Seeded, seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();

type Op = "RNN" | "GRU" | "LSTM";
type Tensors = Readonly<Record<string, HostTensor>>;

const gatesOf: Readonly<Record<Op, number>> = { RNN: 1, GRU: 3, LSTM: 4 };

interface Settings {
  readonly op: Op;
  readonly seed: number;
  readonly direction?: "forward" | "reverse" | "bidirectional";
  readonly attrs?: Readonly<Record<string, OnnxAttr>>;
  /** Optional inputs that are left out. */
  readonly without?: readonly string[];
  readonly with?: readonly ("sequence_lens" | "P")[];
  /** W, R and B are inputs of the model. */
  readonly variable?: true;
  readonly opset?: number;
  readonly batch?: number;
  readonly hidden?: number;
  readonly lengths?: readonly number[];
  readonly time?: number;
}

interface Layer {
  readonly model: Uint8Array;
  readonly feeds: Tensors;
}

const slots = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"];

function lengthsOf(random: Seeded, batch: number, time: number, given: readonly number[] | undefined): HostTensor {
  const lengths = given ?? Array.from({ length: batch }, (_, i) => (i === 0 ? time : random.int(1, time)));
  return hostTensor("i32", [batch], Int32Array.from(lengths));
}

/** One layer of random sizes. `batchFirst` turns its data around, which ONNX Runtime does not know. */
function layerOf(settings: Settings, batchFirst = false): Layer {
  const { op, seed, direction = "forward", attrs = {}, without = [], with: more = [], opset = 14 } = settings;
  const random = seeded(seed);
  const [time, batch, features] = [settings.time ?? random.int(1, 5), settings.batch ?? random.int(1, 4), random.int(1, 20)];
  const [hidden, gates, directions] = [settings.hidden ?? random.int(1, 21), gatesOf[op], direction === "bidirectional" ? 2 : 1];
  const floats = (...shape: number[]) => random.tensor("f32", shape);
  const turn = (tensor: HostTensor) => (batchFirst ? swapped(tensor) : tensor);
  const all: Tensors = {
    X: turn(floats(time, batch, features)),
    W: floats(directions, gates * hidden, features),
    R: floats(directions, gates * hidden, hidden),
    B: floats(directions, 2 * gates * hidden),
    sequence_lens: lengthsOf(random, batch, time, settings.lengths),
    initial_h: turn(floats(directions, batch, hidden)),
    initial_c: turn(floats(directions, batch, hidden)),
    P: floats(directions, 3 * hidden),
  };
  const absent = new Set([...without, ...(op === "LSTM" ? [] : ["initial_c", "P"])]);
  for (const optional of ["sequence_lens", "P"] as const) if (!more.includes(optional)) absent.add(optional);
  const names = slots.map((name) => (absent.has(name) ? "" : name));
  while (names.at(-1) === "") names.pop();
  const constants = settings.variable ? [] : ["W", "R", "B", "P"];
  const present = names.filter((name) => name !== "");
  const pick = (wanted: (name: string) => boolean) =>
    Object.fromEntries(present.filter(wanted).map((name) => [name, all[name] as HostTensor]));
  const feeds = pick((name) => !constants.includes(name));
  const outputs = op === "LSTM" ? ["Y", "Y_h", "Y_c"] : ["Y", "Y_h"];
  const layout = batchFirst ? { layout: { int: 1 } } : {};
  const model = onnxModel({
    opset,
    nodes: [{ op, inputs: names, outputs, attrs: { hidden_size: { int: hidden }, direction: { string: direction }, ...layout, ...attrs } }],
    inputs: Object.entries(feeds).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    outputs: outputs.map((name, i) => ({
      name,
      dtype: "f32" as DType,
      shape: Array.from({ length: i === 0 ? 4 : 3 }, (_, k) => `${name}${k}`),
    })),
    initializers: pick((name) => constants.includes(name)),
  });
  return { model, feeds };
}

/** Axes 0 and 1 exchanged. */
function swapped({ dtype, shape, data }: HostTensor): HostTensor {
  const [outer = 0, inner = 0, ...rest] = shape;
  const run = rest.reduce((n, size) => n * size, 1);
  const to = new Float32Array(data.length);
  for (let i = 0; i < outer; i++)
    for (let j = 0; j < inner; j++)
      to.set((data as Float32Array).subarray((i * inner + j) * run, (i * inner + j + 1) * run), (j * outer + i) * run);
  return hostTensor(dtype, [inner, outer, ...rest], to);
}

async function byWasm(model: Uint8Array, feeds: Tensors): Promise<Tensors> {
  const { bytes } = await compile(importOnnx(model, { registry }), { targets: ["wasm-simd"] });
  const session = await load(bytes, { backends: [wasm()] });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, Tensor.fromBytes(tensor.dtype, encodeTensor(tensor), tensor.shape)]),
  );
  const outputs = await session.run(inputs);
  session.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, decodeTensor(t.dtype as DType, t.shape, t.bytes())]));
}

const byReference = (model: Uint8Array, feeds: Tensors): Tensors => interpret(importOnnx(model, { registry }), registry, feeds).outputs;

function assertClose(got: Tensors, want: Tensors, what: string): void {
  for (const [name, tensor] of Object.entries(want)) {
    const found = got[name] as HostTensor;
    assert.equal([...found.shape], [...tensor.shape], `${what}: ${name}`);
    const values = toNumbers(found);
    toNumbers(tensor).forEach((value, i) => {
      const off = Math.abs((values[i] as number) - value);
      if (!(off <= 1e-5 * Math.max(1, Math.abs(value))))
        assert.unreachable(`${what}: ${name}[${i}] is ${values[i]}, ONNX Runtime has ${value}`);
    });
  }
}

const cases: (readonly [note: string, settings: Settings])[] = [];
const add = (note: string, settings: Settings) => cases.push([note, settings]);
const ops: readonly Op[] = ["RNN", "GRU", "LSTM"];
const float = (value: number): OnnxAttr => ({ float: value });
const int = (value: number): OnnxAttr => ({ int: value });
const optional = ["B", "initial_h", "initial_c"];

for (const op of ops) {
  for (const direction of ["forward", "reverse", "bidirectional"] as const) {
    for (let seed = 1; seed <= 4; seed++) add(`${direction} ${seed}`, { op, direction, seed });
    add(`${direction}, lengths`, { op, direction, seed: 5, time: 6, batch: 4, with: ["sequence_lens"] });
    add(`${direction}, lengths with 0`, { op, direction, seed: 6, time: 4, batch: 3, lengths: [4, 0, 2], with: ["sequence_lens"] });
    add(`${direction}, nothing optional`, { op, direction, seed: 7, without: optional });
    add(`${direction}, weights as inputs`, { op, direction, seed: 8, variable: true });
    add(`${direction}, clip`, { op, direction, seed: 9, time: 4, attrs: { clip: float(0.3) } });
  }
  for (const [i, name] of optional.entries()) add(`without ${name}`, { op, seed: 10 + i, without: [name] });
  for (const opset of [7, 14, 22]) add(`opset ${opset}`, { op, seed: 20 + opset, opset });
  add("whole panels", { op, seed: 30, hidden: 32, batch: 3, time: 4 });
  add("one row", { op, seed: 31, hidden: 48, batch: 1, time: 7 });
}
for (const linear of [0, 1])
  for (const direction of ["forward", "reverse", "bidirectional"] as const) {
    const attrs = { linear_before_reset: int(linear) };
    for (let seed = 40; seed < 43; seed++)
      add(`linear_before_reset ${linear}, ${direction} ${seed}`, { op: "GRU", direction, seed, attrs });
    add(`linear_before_reset ${linear}, lengths`, { op: "GRU", direction, seed: 43, time: 5, batch: 3, attrs, with: ["sequence_lens"] });
    add(`linear_before_reset ${linear}, clip`, { op: "GRU", direction, seed: 44, time: 4, attrs: { ...attrs, clip: float(0.4) } });
  }
for (const direction of ["forward", "reverse", "bidirectional"] as const)
  for (let seed = 50; seed < 53; seed++) {
    add(`peepholes, ${direction} ${seed}`, { op: "LSTM", direction, seed, with: ["P"] });
    add(`peepholes, lengths, ${direction} ${seed}`, { op: "LSTM", direction, seed, time: 4, batch: 3, with: ["P", "sequence_lens"] });
    add(`input_forget, ${direction} ${seed}`, { op: "LSTM", direction, seed, attrs: { input_forget: int(1) } });
  }

/** Functions for all places of a cell, with the constants that they take. */
const functions: readonly (readonly [name: string, alpha?: number, beta?: number])[] = [
  ["Relu"],
  ["Tanh"],
  ["Sigmoid"],
  ["Affine", 0.5, 0.25],
  ["LeakyRelu", 0.2],
  ["ThresholdedRelu", 0.3],
  ["ScaledTanh", 0.7, 1.3],
  ["HardSigmoid", 0.3, 0.4],
  ["Elu", 0.6],
  ["Softsign"],
  ["Softplus"],
];
/** Their defaults are not the same everywhere. */
const needConstants: readonly string[] = ["Affine", "ThresholdedRelu", "ScaledTanh"];
const places: Readonly<Record<Op, number>> = { RNN: 1, GRU: 2, LSTM: 3 };
for (const op of ops)
  for (const [i, [name, alpha, beta]] of functions.entries())
    for (const withConstants of [true, false]) {
      const next = functions[(i + 1) % functions.length] as (typeof functions)[number];
      const used = [[name, alpha, beta] as const, next, [name, alpha, beta] as const].slice(0, places[op]);
      if (!withConstants && (alpha === undefined || used.some(([n]) => needConstants.includes(n)))) continue;
      const numbers = (at: 1 | 2) => used.flatMap((f) => (f[at] === undefined ? [] : [f[at]]));
      const attrs = {
        activations: { strings: used.map(([n]) => n) },
        ...(withConstants && numbers(1).length > 0 ? { activation_alpha: { floats: numbers(1) } } : {}),
        ...(withConstants && numbers(2).length > 0 ? { activation_beta: { floats: numbers(2) } } : {}),
      };
      add(`${name}${withConstants ? " with constants" : ""}`, { op, seed: 60 + i, time: 2, attrs });
    }

for (const [note, settings] of cases)
  oracle(`${settings.op}: ${note}`, async () => {
    const { model, feeds } = layerOf(settings);
    const want = await runOrt(model, feeds);
    assertClose(byReference(model, feeds), want, "interpreter");
    assertClose(await byWasm(model, feeds), want, "wasm");
  });

for (const op of ops)
  for (const direction of ["forward", "bidirectional"] as const)
    oracle(`${op}: the batch first, ${direction}`, async () => {
      const settings: Settings = { op, direction, seed: 90, time: 3, batch: 4 };
      const { model, feeds } = layerOf(settings);
      const want = await runOrt(model, feeds);
      const turned = layerOf(settings, true);
      const got = byReference(turned.model, turned.feeds);
      for (const state of Object.keys(want).slice(1))
        assertClose({ [state]: swapped(got[state] as HostTensor) }, { [state]: want[state] as HostTensor }, state);
      assertClose({ Y: byTime(got.Y as HostTensor) }, { Y: want.Y as HostTensor }, "Y");
    });

/** [batch, time, directions, hidden] to [time, directions, batch, hidden]. */
function byTime({ shape, data }: HostTensor): HostTensor {
  const [batch = 0, time = 0, directions = 0, hidden = 0] = shape;
  const to = new Float32Array(data.length);
  for (let n = 0; n < batch; n++)
    for (let t = 0; t < time; t++)
      for (let d = 0; d < directions; d++) {
        const from = ((n * time + t) * directions + d) * hidden;
        to.set((data as Float32Array).subarray(from, from + hidden), ((t * directions + d) * batch + n) * hidden);
      }
  return hostTensor("f32", [time, directions, batch, hidden], to);
}

test("what is refused: unknown functions, a wrong number of them, another hidden_size", () => {
  const refused = (attrs: Settings["attrs"], pattern: RegExp) => {
    const { model } = layerOf({ op: "LSTM", seed: 95, ...(attrs ? { attrs } : {}) });
    assert.throws(
      () => importOnnx(model, { registry }),
      (error: unknown) => error instanceof TersorError && pattern.test(error.message),
    );
  };
  refused({ activations: { strings: ["Sigmoid", "Cosine", "Tanh"] } }, /activation "Cosine"/);
  refused({ activations: { strings: ["Sigmoid"] } }, /activations has 1 names, 3 are needed/);
  refused({ activations: { strings: ["Sigmoid", "Affine", "Tanh"] } }, /affine without activation_alpha/);
  refused({ hidden_size: int(99) }, /hidden_size is 99/);
});

test.run();
