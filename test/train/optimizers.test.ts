/** @file Optimizer steps against the papers' formulas written out in f64, over several steps, and the schedules. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam, constantRate, cosine, differentiate, type Optimizer, sgd, trainStep } from "../../compiler/train/index.ts";
import { withLoss } from "../../compiler/train/loss.ts";
import type { HostTensor, Module } from "../../ir-spec/index.ts";
import { assertClose, constantValue, f32, f64, i32, moduleOf, registry, run, type Tensors, tensorOf } from "../autodiff/support.ts";

const module = moduleOf(`
  func @main(%x: tensor<Nx2xf64>) -> (probs: tensor<Nx2xf64>) {
    %0 = nn.linear(%x, @w, @b)
    %probs = math.softmax(%0) {axis = 1}
    return %probs
  }
  const @w : tensor<2x2xf64> = [0.5, -0.25, 0.125, 1.0]
  const @b : tensor<2xf64> = [0.1, -0.2]`);

const batches = [
  { x: f64([2, 2], [1, 2, -1, 0.5]), labels: i32([2], [0, 1]) },
  { x: f64([2, 2], [0.5, -1, 2, 1]), labels: i32([2], [1, 1]) },
  { x: f64([2, 2], [-2, 0.25, 1, 1]), labels: i32([2], [0, 0]) },
] as const;
const RATE = 0.125;

type Leaves = Readonly<Record<"w" | "b", HostTensor>>;

/** The gradients alone, by `differentiate`, whose own test holds them. */
function gradients(leaves: Leaves, batch: Tensors): Readonly<Record<"w" | "b", Float64Array>> {
  const main = module.functions.get("main");
  if (!main) throw new RangeError("no @main");
  const lossy = withLoss(module, registry, main, "softmax_cross_entropy").module;
  const { module: step } = differentiate(lossy, registry, { loss: "loss", leaves: ["w", "b"] });
  const outputs = run(step, { ...batch, ...leaves }, "step");
  return { w: tensorOf(outputs, "grad.w").data as Float64Array, b: tensorOf(outputs, "grad.b").data as Float64Array };
}

/** Runs three steps and compares every leaf after each with `formula`, which keeps its own state. */
function check(optimizer: Optimizer, formula: (leaf: "w" | "b") => (w: Float64Array, g: Float64Array) => Float64Array): void {
  const made = trainStep(module, registry, { loss: "softmax_cross_entropy", optimizer });
  assert.equal([...made.leaves.keys()], ["w", "b"]);
  let state: Tensors = { w: constantValue(module, "w"), b: constantValue(module, "b"), ...zeroState(made.module, made.state) };
  const rules = { w: formula("w"), b: formula("b") };
  for (const batch of batches) {
    const leaves = { w: tensorOf(state, "w"), b: tensorOf(state, "b") };
    const grads = gradients(leaves, batch);
    const outputs = run(made.module, { ...state, ...batch, [made.learningRate]: f32([], [RATE]) }, "step");
    for (const name of ["w", "b"] as const) {
      const expected = rules[name](leaves[name].data as Float64Array, grads[name]);
      assertClose(tensorOf(outputs, name).data as Float64Array, expected, 1e-7, `${optimizer.name} ${name}`);
    }
    state = Object.fromEntries(Object.keys(state).map((key) => [key, tensorOf(outputs, key)]));
  }
}

function zeroState(step: Module, ports: readonly { readonly name: string; readonly initial: number }[]): Tensors {
  const func = step.functions.get("step");
  const types = new Map(func?.params.map((id) => [func.values[id]?.name, func.values[id]?.type]));
  return Object.fromEntries(
    ports.map(({ name, initial }) => {
      const type = types.get(name);
      const shape = (type?.shape ?? []) as readonly number[];
      const values = new Array(shape.reduce((n, d) => n * d, 1)).fill(initial);
      return [name, type?.dtype === "f64" ? f64(shape, values) : f32(shape, values)];
    }),
  );
}

const zip = (a: Float64Array, b: Float64Array, f: (x: number, y: number, i: number) => number): Float64Array =>
  a.map((x, i) => f(x, b[i] as number, i));

test("plain gradient descent", () => {
  check(sgd(), () => (w, g) => zip(w, g, (x, d) => x - RATE * d));
});

test("momentum, with decay on matrices only", () => {
  check(sgd({ momentum: 0.75, weightDecay: 0.25 }), (leaf) => {
    let velocity = new Float64Array(4);
    return (w, g) => {
      const decayed = zip(w, g, (x, d) => d + (leaf === "w" ? 0.25 * x : 0));
      velocity = zip(decayed, velocity, (d, v) => 0.75 * v + d) as Float64Array<ArrayBuffer>;
      return zip(w, velocity, (x, v) => x - RATE * v);
    };
  });
});

test("Nesterov's momentum looks ahead", () => {
  check(sgd({ momentum: 0.5, nesterov: true }), () => {
    let velocity = new Float64Array(4);
    return (w, g) => {
      velocity = zip(g, velocity, (d, v) => 0.5 * v + d) as Float64Array<ArrayBuffer>;
      const ahead = zip(g, velocity, (d, v) => d + 0.5 * v);
      return zip(w, ahead, (x, v) => x - RATE * v);
    };
  });
});

test("Adam with its bias correction and decoupled decay", () => {
  check(adam({ beta1: 0.75, beta2: 0.875, epsilon: 0.0625, weightDecay: 0.5 }), (leaf) => {
    let [mean, square, t] = [new Float64Array(4), new Float64Array(4), 0];
    return (w, g) => {
      t++;
      mean = zip(g, mean, (d, m) => 0.75 * m + 0.25 * d) as Float64Array<ArrayBuffer>;
      square = zip(g, square, (d, v) => 0.875 * v + 0.125 * d * d) as Float64Array<ArrayBuffer>;
      return w.map((x, i) => {
        const [m, v] = [(mean[i] as number) / (1 - 0.75 ** t), (square[i] as number) / (1 - 0.875 ** t)];
        return x - RATE * (m / (Math.sqrt(v) + 0.0625) + (leaf === "w" ? 0.5 * x : 0));
      });
    };
  });
});

/** `x` towards zero by `by`, zero from nearer. */
const shrunk = (x: number, by: number): number => Math.sign(x) * Math.max(Math.abs(x) - by, 0);

test("l1 shrinks matrices after the update, by the learning rate and whatever the momentum", () => {
  check(sgd({ momentum: 0.75, l1: 0.5 }), (leaf) => {
    let velocity = new Float64Array(4);
    return (w, g) => {
      velocity = zip(g, velocity, (d, v) => 0.75 * v + d) as Float64Array<ArrayBuffer>;
      return zip(w, velocity, (x, v) => (leaf === "w" ? shrunk(x - RATE * v, RATE * 0.5) : x - RATE * v));
    };
  });
  check(adam({ beta1: 0.75, beta2: 0.875, epsilon: 0.0625, weightDecay: 0.5, l1: 0.25 }), (leaf) => {
    let [mean, square, t] = [new Float64Array(4), new Float64Array(4), 0];
    return (w, g) => {
      t++;
      mean = zip(g, mean, (d, m) => 0.75 * m + 0.25 * d) as Float64Array<ArrayBuffer>;
      square = zip(g, square, (d, v) => 0.875 * v + 0.125 * d * d) as Float64Array<ArrayBuffer>;
      return w.map((x, i) => {
        const direction = (mean[i] as number) / (1 - 0.75 ** t) / (Math.sqrt((square[i] as number) / (1 - 0.875 ** t)) + 0.0625);
        return leaf === "w" ? shrunk(x - RATE * (direction + 0.5 * x), RATE * 0.25) : x - RATE * direction;
      });
    };
  });
});

test("l1 makes exact zeros, positive ones, that stay while the gradient is small", () => {
  const made = trainStep(module, registry, { loss: "softmax_cross_entropy", optimizer: sgd({ l1: 4 }) });
  let state: Tensors = { w: constantValue(module, "w"), b: constantValue(module, "b") };
  for (const batch of [...batches, ...batches]) {
    state = {
      ...run(made.module, { w: tensorOf(state, "w"), b: tensorOf(state, "b"), ...batch, [made.learningRate]: f32([], [RATE]) }, "step"),
    };
  }
  const w = [...(tensorOf(state, "w").data as Float64Array)];
  assert.ok(
    w.every((x) => Object.is(x, 0)),
    `${w}`,
  );
  assert.ok([...(tensorOf(state, "b").data as Float64Array)].every((x) => x !== 0));
});

test("a leaf of f32 beside one of f64: state and rates take the leaf's dtype", () => {
  const mixed = moduleOf(`
  func @main(%x: tensor<Nx2xf64>) -> (y: tensor<Nx2xf64>) {
    %0 = type.cast(%x) {to = f32}
    %1 = nn.linear(%0, @w)
    %2 = type.cast(%1) {to = f64}
    %y = nn.linear(%2, @v)
    return %y
  }
  const @w : tensor<2x2xf32> = [0.5, -0.25, 0.125, 1.0]
  const @v : tensor<2x2xf64> = [0.5, -0.25, 0.125, 1.0]`);
  const made = trainStep(mixed, registry, { loss: "softmax_cross_entropy", optimizer: adam() });
  const dtypes = new Map(made.state.map((port) => [port.name, port.type.dtype]));
  assert.equal([dtypes.get("w.mean"), dtypes.get("v.mean"), dtypes.get("beta1_power")], ["f32", "f64", "f32"]);
  const state = { w: constantValue(mixed, "w"), v: constantValue(mixed, "v"), ...zeroState(made.module, made.state) };
  const outputs = run(made.module, { ...state, ...batches[0], learning_rate: f32([], [0.5]) }, "step");
  assert.is(tensorOf(outputs, "w").dtype, "f32");
  assert.is(tensorOf(outputs, "v").dtype, "f64");
});

test("settings out of range are refused", () => {
  assert.throws(() => sgd({ momentum: 1 }), /momentum must be at least 0 and below 1, not 1/);
  assert.throws(() => sgd({ weightDecay: -1 }), RangeError);
  assert.throws(() => sgd({ l1: -1 }), /l1 must be at least 0/);
  assert.throws(() => adam({ beta2: Number.NaN }), RangeError);
  assert.throws(() => adam({ l1: Number.NaN }), RangeError);
});

test("schedules: warm-up, half a cosine, floor", () => {
  assert.is(constantRate(0.5)(7, 10), 0.5);
  const schedule = cosine(1, { warmup: 3, floor: 0.1 });
  assert.equal(
    [0, 1, 2].map((s) => schedule(s, 23)),
    [0.25, 0.5, 0.75],
  );
  assert.is(schedule(3, 23), 1);
  assertClose([schedule(13, 23), schedule(23, 23)], [0.55, 0.1], 1e-12, "middle and end");
});

test.run();
