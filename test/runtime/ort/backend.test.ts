/** @file The `ort` backend on plans made by hand: runs, two sessions at a time, refusals, errors of ONNX Runtime, memory. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ort as backend, type OnnxRuntimeLoader } from "../../../runtime/backends/ort/index.ts";
import { type Plan, type PlanType, RuntimeError, Tensor, type TensorArray } from "../../../runtime/index.ts";
import { type OnnxGraph, type OnnxNode, onnxModel } from "../../support/onnx-writer.ts";
import { ort } from "../../support/ort.ts";
import { needing } from "../../support/skip.ts";
import { bytesConstant, handMadePlan, scaled, scaledPlan } from "./support.ts";

const ortTest = needing(test, "ort", ort !== null);

async function prepared(plan: Plan, options: Parameters<typeof backend>[0] = {}) {
  const engine = backend({ threads: 1, ...options });
  await engine.open();
  return engine.prepare(plan);
}

async function refusal(work: Promise<unknown>): Promise<RuntimeError> {
  const error = await work.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (error instanceof RuntimeError) return error;
  throw new Error(`no RuntimeError, but ${error}`);
}

const floats = (...values: number[]): Tensor => new Tensor("f32", Float32Array.from(values), [values.length / 3, 3]);
const bound = (n: number): ReadonlyMap<string, number> => new Map([["N", n]]);

ortTest("a graph runs, for one batch size after another", async () => {
  const executable = await prepared(scaledPlan());
  for (const n of [1, 3, 0, 2]) {
    const x = Float32Array.from({ length: 3 * n }, (_, i) => i + 1);
    const [y] = await executable.run([new Tensor("f32", x, [n, 3])], bound(n));
    assert.equal(y?.shape, [n, 3]);
    assert.equal(
      y?.data,
      x.map((v, i) => v * ([2, -1, 0.5][i % 3] as number)),
    );
  }
  executable.dispose();
  assert.is((await refusal(executable.run([floats(1, 2, 3)], bound(1)))).code, "R0402");
});

ortTest("init rebuilds a weight with the wasm backend's kernels", async () => {
  const shape = [3];
  const init = {
    values: [{ dtype: "f32", shape } as const],
    params: 0,
    steps: [
      {
        kernel: "f32_neg",
        attrs: {},
        operands: [{ kind: "constant", constant: 1 } as const],
        results: [0],
        origin: "math.neg",
      },
    ],
    returns: [{ kind: "value", value: 0 } as const],
  };
  const type: PlanType = { dtype: "f32", shape: [1, 3] };
  const stored = { name: "s", dtype: "f32", shape, bytes: () => new Uint8Array(Float32Array.of(1, 2, 3).buffer) } as const;
  const made = { skeleton: onnxModel(scaled), inputs: { x: type }, outputs: { y: type }, init, initNames: ["w"], initConstants: [stored] };
  const executable = await prepared(handMadePlan(made));
  const [y] = await executable.run([floats(5, 5, 5)], new Map());
  assert.equal([...(y?.data ?? [])], [-5, -10, -15]);
  executable.dispose();
});

const arrays = {
  f64: Float64Array.of(0.5, -2, 3),
  f32: Float32Array.of(0.5, -2, 3),
  f16: Uint16Array.of(0x3800, 0xc000, 0x4200),
  i64: BigInt64Array.of(2n ** 62n, -2n, 3n),
  i32: Int32Array.of(2 ** 30, -2, 3),
  i16: Int16Array.of(300, -2, 3),
  i8: Int8Array.of(100, -2, 3),
  u64: BigUint64Array.of(2n ** 63n, 2n, 3n),
  u32: Uint32Array.of(2 ** 31, 2, 3),
  u16: Uint16Array.of(60_000, 2, 3),
  u8: Uint8Array.of(200, 2, 3),
  bool: Uint8Array.of(1, 0, 1),
} as const satisfies Readonly<Record<string, TensorArray>>;

for (const [name, data] of Object.entries(arrays)) {
  const dtype = name as keyof typeof arrays;
  ortTest(`${dtype} goes in, is a weight, and comes out with its bits`, async () => {
    const nodes: OnnxNode[] = [{ op: "Concat", inputs: ["x", "w"], outputs: ["y"], attrs: { axis: { int: 0 } } }];
    const value = (port: string, size: number) => ({ name: port, dtype, shape: [size] });
    const skeleton = onnxModel({ nodes, inputs: [value("x", 3)], outputs: [value("y", 6)] });
    const weight = { dtype, shape: [3], bytes: () => new Uint8Array(data.buffer as ArrayBuffer) };
    const type = (size: number): PlanType => ({ dtype, shape: [size] });
    const plan = handMadePlan({ skeleton, inputs: { x: type(3) }, outputs: { y: type(6) }, weights: { w: weight } });
    const executable = await prepared(plan);
    const [y] = await executable.run([new Tensor(dtype, data, [3])], new Map());
    assert.is(y?.dtype, dtype);
    assert.equal([...(y?.data ?? [])].map(String), [...data, ...data].map(String));
    executable.dispose();
  });
}

ortTest("outputs are the caller's: the next run does not write into them", async () => {
  const executable = await prepared(scaledPlan());
  const [first] = await executable.run([floats(1, 1, 1)], bound(1));
  const kept = [...(first?.data ?? [])];
  await executable.run([floats(9, 9, 9)], bound(1));
  assert.equal([...(first?.data ?? [])], kept);
  executable.dispose();
});

ortTest("two sessions of one backend run at the same time", async () => {
  const engine = backend({ threads: 2, executionMode: "parallel", interOpThreads: 2 });
  await engine.open();
  const [a, b] = await Promise.all([engine.prepare(scaledPlan()), engine.prepare(scaledPlan())]);
  const runs = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? a : b).run([floats(i, i, i)], bound(1)));
  for (const [i, [y]] of (await Promise.all(runs)).entries()) assert.equal([...(y?.data ?? [])], [2 * i, -i, i / 2]);
  a.dispose();
  const [y] = await b.run([floats(1, 1, 1)], bound(1));
  assert.equal([...(y?.data ?? [])], [2, -1, 0.5]);
  b.dispose();
});

ortTest("the model's bytes are not kept after load", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let given: WeakRef<ArrayBufferLike> | null = null;
  const load: OnnxRuntimeLoader = async () => ({
    Tensor: ort?.Tensor,
    InferenceSession: {
      create: (model: Uint8Array, options: object) => {
        given = new WeakRef(model.buffer);
        return ort?.InferenceSession.create(model, options);
      },
    },
  });
  const executable = await prepared(scaledPlan(), { load });
  for (let i = 0; i < 20 && (given as WeakRef<ArrayBufferLike> | null)?.deref(); i++) {
    await new Promise((done) => setTimeout(done, 5));
    collect();
  }
  assert.is((given as WeakRef<ArrayBufferLike> | null)?.deref(), undefined);
  const [y] = await executable.run([floats(1, 1, 1)], bound(1));
  assert.equal([...(y?.data ?? [])], [2, -1, 0.5]);
  executable.dispose();
});

test("a missing package is said with the line to type", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'onnxruntime-node'\nimported from here"));
  const error = await refusal(backend({ load: missing }).open());
  assert.is(error.code, "R0401");
  assert.match(error.message, "npm install onnxruntime-node");
  assert.match(error.message, "Cannot find package");
  assert.ok(error.cause instanceof Error);
});

test("a package without InferenceSession is no ONNX Runtime", async () => {
  for (const wrong of [{}, null, { default: { Tensor: class {} } }]) {
    const error = await refusal(backend({ load: async () => wrong }).open());
    assert.is(error.code, "R0401");
    assert.match(error.message, "InferenceSession");
  }
});

test("options that are no numbers of threads are refused", () => {
  for (const threads of [0, -1, 1.5, Number.NaN]) assert.throws(() => backend({ threads }), /R0409.*threads/);
  assert.throws(() => backend({ interOpThreads: 0 }), /R0409.*interOpThreads/);
});

test("prepare before open is refused", async () => {
  assert.is((await refusal(backend().prepare(scaledPlan()))).code, "R0402");
});

ortTest("what ONNX Runtime says of a graph that it cannot load has a code", async () => {
  const graph: OnnxGraph = { ...scaled, nodes: [{ op: "NoSuchOp", inputs: ["x", "w"], outputs: ["y"] }] };
  const error = await refusal(prepared(scaledPlan(onnxModel(graph))));
  assert.is(error.code, "R0404");
  assert.match(error.message, "NoSuchOp");
  const missing = await refusal(prepared(scaledPlan(onnxModel({ ...scaled, nodes: [{ op: "Mul", inputs: ["x", "v"], outputs: ["y"] }] }))));
  assert.is(missing.code, "R0404");
});

ortTest("an output that is not what the plan says is refused", async () => {
  const nodes: OnnxNode[] = [{ op: "Concat", inputs: ["x", "x"], outputs: ["y"], attrs: { axis: { int: 0 } } }];
  const outputs = [{ name: "y", dtype: "f32", shape: ["M", 3] }] as const;
  const executable = await prepared(scaledPlan(onnxModel({ ...scaled, nodes, outputs })));
  const error = await refusal(executable.run([floats(1, 2, 3)], bound(1)));
  assert.is(error.code, "R0404");
  assert.match(error.message, '"y"');
  assert.match(error.message, "[2, 3]");
  executable.dispose();
});

ortTest("an error while running has a code", async () => {
  const nodes: OnnxNode[] = [{ op: "Reshape", inputs: ["x", "s"], outputs: ["y"] }];
  const plan = scaledPlan(onnxModel({ ...scaled, nodes }));
  const shape = { name: "w", dtype: "i64", shape: [2], bytes: () => new Uint8Array(BigInt64Array.of(7n, 3n).buffer) } as const;
  const [step] = plan.main.steps;
  if (!step) throw new Error("no step");
  const renamed = { ...step, attrs: { ...step.attrs, initializers: ["s"] } };
  const constants = [plan.constants[0], shape].flatMap((one) => one ?? []);
  const executable = await prepared({ ...plan, main: { ...plan.main, steps: [renamed] }, constants });
  const error = await refusal(executable.run([floats(1, 2, 3)], bound(1)));
  assert.is(error.code, "R0404");
  assert.match(error.message, "ONNX Runtime failed while running");
  executable.dispose();
});

const wrongPlans: Readonly<Record<string, (plan: Plan) => Plan>> = {
  "no step": (plan) => ({ ...plan, main: { ...plan.main, steps: [] } }),
  "another kernel": (plan) => withStep(plan, { kernel: "f32_neg" }),
  "no names": (plan) => withStep(plan, { attrs: {} }),
  "names that are numbers": (plan) => withAttr(plan, "inputs", [1]),
  "a name twice": (plan) => {
    const operands = plan.main.steps[0]?.operands ?? [];
    return withStep(withAttr(plan, "initializers", ["w", "w"]), { operands: [...operands, ...operands.slice(-1)] });
  },
  "too few inputs": (plan) => withAttr(plan, "inputs", []),
  "too many outputs": (plan) => withAttr(plan, "outputs", ["y", "z"]),
  "too many weights": (plan) => withAttr(plan, "initializers", ["w", "v"]),
  "the skeleton absent": (plan) => withStep(plan, { operands: [{ kind: "absent" }, ...(plan.main.steps[0]?.operands.slice(1) ?? [])] }),
  "a weight for the skeleton": (plan) =>
    withStep(plan, { operands: [{ kind: "constant", constant: 1 }, ...(plan.main.steps[0]?.operands.slice(1) ?? [])] }),
  "an input for a weight": (plan) =>
    withStep(plan, { operands: [...(plan.main.steps[0]?.operands.slice(0, 2) ?? []), { kind: "value", value: 0 }] }),
  "an input returned": (plan) => ({ ...plan, main: { ...plan.main, returns: [{ kind: "value", value: 0 }] } }),
  "init that returns a constant": (plan) => {
    const operands = [...(plan.main.steps[0]?.operands.slice(0, 2) ?? []), { kind: "value", value: 1 } as const];
    return { ...withStep(plan, { operands }), init: { ...plan.init, returns: [{ kind: "constant", constant: 1 }] } };
  },
};

function withStep(plan: Plan, change: Partial<Plan["main"]["steps"][number]>): Plan {
  return { ...plan, main: { ...plan.main, steps: plan.main.steps.map((step) => ({ ...step, ...change })) } };
}

function withAttr(plan: Plan, name: string, value: readonly (string | number)[]): Plan {
  return withStep(plan, { attrs: { ...plan.main.steps[0]?.attrs, [name]: value } });
}

for (const [what, change] of Object.entries(wrongPlans)) {
  ortTest(`a plan with ${what} is refused`, async () => {
    assert.is((await refusal(prepared(change(scaledPlan())))).code, "R0414");
  });
}

ortTest("inputs and outputs of dtypes without a session input are refused", async () => {
  for (const dtype of ["bf16", "i4", "u4", "u2", "u1"] as const) {
    const type: PlanType = { dtype, shape: [4] };
    const plan = handMadePlan({ skeleton: onnxModel(scaled), inputs: { x: type }, outputs: { y: { dtype: "f32", shape: [4] } } });
    const error = await refusal(prepared(plan));
    assert.is(error.code, "R0412");
    assert.match(error.message, dtype);
  }
});

test("a skeleton's constant is a vector of bytes", async () => {
  const plan = scaledPlan();
  const [, ...rest] = plan.constants;
  const load: OnnxRuntimeLoader = async () => ({ Tensor: class {}, InferenceSession: { create: () => assert.unreachable() } });
  const floatsFor = { ...bytesConstant("skeleton", new Uint8Array(4)), dtype: "f32" } as const;
  assert.is((await refusal(prepared({ ...plan, constants: [floatsFor, ...rest] }, { load }))).code, "R0414");
});

test.run();
