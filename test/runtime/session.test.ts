/** @file `load` and `Session` on a backend that answers later: results, the queue, disposal, and every refusal by code, place and values. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type BuildInfo, type EmitOptions, emitFile } from "../../compiler/emit/emit.ts";
import { attr, dimAdd, dimDiv, dimMod, dimMul, dimSymbol, emptyModule, type Func, type Module, tensorType } from "../../ir-spec/index.ts";
import { type LoadOptions, load, RuntimeError, type Session, Tensor } from "../../runtime/index.ts";
import { N, smallModule, smallPlan } from "../format/fixtures.ts";
import { FakeBackend, later } from "./fake-backend.ts";

const build: BuildInfo = {
  tersor: "0.1.0",
  pipeline: "share{clusters=4}",
  modelSha256: "00ff",
  seed: 3,
  plugins: [{ name: "share", version: "1.2.3" }],
};
const file = (options: Partial<EmitOptions> = {}): Uint8Array =>
  emitFile({ plans: [{ target: "fake", module: smallPlan() }], build, ...options });
const open = (options: Partial<LoadOptions> = {}, bytes = file()): Promise<Session> =>
  load(bytes, { backends: [new FakeBackend()], ...options });
const x = (rows: number): Tensor =>
  new Tensor(
    "f32",
    Float32Array.from({ length: rows * 3 }, (_, i) => i - 2),
    [rows, 3],
  );

/** The error of a call, which must be a RuntimeError of this code whose message has all these parts. */
async function refused(call: () => unknown, code: string, ...parts: readonly string[]): Promise<void> {
  try {
    await call();
  } catch (error) {
    assert.instance(error, RuntimeError);
    const { code: found, message } = error as RuntimeError;
    assert.is(found, code, message);
    for (const part of parts) assert.ok(message.includes(part), `"${part}" is not in: ${message}`);
    return;
  }
  assert.unreachable(`expected ${code}`);
}

test("runs the plan: init once, inputs and outputs by name, batch as given", async () => {
  const backend = new FakeBackend();
  const session = await open({ backends: [backend] });
  assert.equal(session.inputs, { x: { dtype: "f32", shape: ["N", 3] } });
  assert.equal(session.outputs, { y: { dtype: "f32", shape: ["N", 2] } });
  const { y } = await session.run({ x: x(2) });
  // W = [[-1, 0.5, 1], [2, 0.5, 1]] by the codes 0 1 2 3 1 2, b = 0.5
  assert.equal(y?.data, Float32Array.of(2, 0, 3.5, 6.5));
  assert.equal(y?.shape, [2, 2]);
  await session.run({ x: x(1) });
  assert.equal(backend.log, ["open", "prepare", "run", "run"]);
});

test("calls that overlap wait in line and answer in order", async () => {
  const session = await open();
  const answers = await Promise.all([1, 2, 3, 4].map((rows) => session.run({ x: x(rows) })));
  assert.equal(
    answers.map(({ y }) => y?.shape[0]),
    [1, 2, 3, 4],
  );
});

test("a call that fails does not stop the line", async () => {
  let calls = 0;
  const relu = () => {
    if (calls++ === 0) throw new Error("device lost");
    return new Float32Array(4);
  };
  const { kernels } = await import("./fake-backend.ts");
  const session = await open({ backends: [new FakeBackend({ kernels: { ...kernels, relu } })] });
  const [first, second] = await Promise.allSettled([session.run({ x: x(2) }), session.run({ x: x(2) })]);
  assert.is(first?.status, "rejected");
  assert.match(String((first as PromiseRejectedResult).reason), /R0404.*backend fake.*device lost/);
  assert.is(second?.status, "fulfilled");
});

test("runSync where the backend has it", async () => {
  const session = await open({ backends: [new FakeBackend({ sync: true })] });
  assert.equal(session.runSync({ x: x(2) }), await session.run({ x: x(2) }));
  const running = session.run({ x: x(1) });
  await refused(() => session.runSync({ x: x(1) }), "R0311", "under way");
  await running;
  session.runSync({ x: x(1) });
  const asynchronous = await open();
  await refused(() => asynchronous.runSync({ x: x(1) }), "R0310", "use run");
});

test("dispose frees after the call under way, refuses those that wait, and may be repeated", async () => {
  const backend = new FakeBackend();
  const session = await open({ backends: [backend] });
  const first = session.run({ x: x(1) });
  const second = session.run({ x: x(1) });
  await later();
  session.dispose();
  session.dispose();
  assert.not(backend.log.includes("dispose"));
  await first;
  await refused(() => second, "R0309");
  await later();
  assert.equal(backend.log.slice(-2), ["dispose executable", "dispose"]);
  await refused(() => session.run({ x: x(1) }), "R0309", "disposed");
  await refused(() => session.runSync({ x: x(1) }), "R0309");
  assert.is(backend.log.filter((line) => line === "dispose").length, 1);
});

test("using disposes, and a backend that two sessions share lives as long as one of them", async () => {
  const backend = new FakeBackend();
  const first = await open({ backends: [backend] });
  const second = await open({ backends: [backend] });
  first[Symbol.dispose]();
  assert.not(backend.log.includes("dispose"));
  await second.run({ x: x(1) });
  second.dispose();
  assert.ok(backend.log.includes("dispose"));
});

test("wrong inputs are refused with the name, what was expected and what was given", async () => {
  const session = await open();
  const run = (inputs: Record<string, Tensor>) => () => session.run(inputs);
  await refused(run({}), "R0302", 'input "x"', "f32 [N, 3]");
  await refused(run({ x: x(1), image: x(1) }), "R0303", 'input "image"', "it has x");
  await refused(run({ x: new Tensor("i32", new Int32Array(3), [1, 3]) }), "R0304", 'input "x"', "expected f32 [N, 3]", "got i32 [1, 3]");
  await refused(run({ x: [1, 2, 3] as unknown as Tensor }), "R0304", "expected a Tensor of f32 [N, 3]", "got object");
  await refused(run({ x: new Tensor("f32", new Float32Array(3), [3]) }), "R0305", "expected shape [N, 3]", "got [3]");
  await refused(run({ x: new Tensor("f32", new Float32Array(4), [1, 4]) }), "R0305", "expected shape [N, 3]", "got [1, 4]");
  await refused(() => new Tensor("f32", new Float32Array(4), [1, 3]), "R0301", "takes 12 bytes, got 16");
});

/** Two inputs passed through: what their dims say is all that is tested. */
function shapeModule(requires: Func["requires"] = []): Module {
  const H = dimSymbol("H");
  const types = [tensorType("f32", [N, H]), tensorType("f32", [dimMul(2, N), H]), tensorType("f32", [dimAdd(N, -3)])];
  const names = ["a", "b", "c"].map((name, i) => ({ name, type: types[i] as (typeof types)[number] }));
  const main: Func = {
    name: "main",
    values: names,
    params: [0, 1, 2],
    results: names,
    returns: [0, 1, 2],
    carries: [],
    requires,
    ops: [],
    doc: null,
  };
  const init = { ...main, name: "init", values: [], params: [], results: [], returns: [], requires: [] };
  return {
    ...emptyModule("shapes"),
    functions: new Map([
      ["main", main],
      ["init", init],
    ]),
  };
}

const zeros = (...shape: readonly number[]): Tensor => new Tensor("f32", new Float32Array(shape.reduce((n, d) => n * d, 1)), shape);
const openShapes = (requires: Func["requires"] = []) =>
  load(emitFile({ plans: [{ target: "fake", module: shapeModule(requires) }], build }), { backends: [new FakeBackend()] });

test("symbols bind once, expressions follow, requirements hold", async () => {
  const session = await openShapes();
  assert.equal(
    Object.values(session.inputs).map((i) => i.shape),
    [["N", "H"], ["2 * N", "H"], ["N + -3"]],
  );
  const { c } = await session.run({ a: zeros(5, 2), b: zeros(10, 2), c: zeros(2) });
  assert.equal(c?.shape, [2]);
  await refused(
    () => session.run({ a: zeros(5, 2), b: zeros(10, 3), c: zeros(2) }),
    "R0306",
    'input "b"',
    "axis 1 binds H to 3",
    'axis 1 of input "a" bound it to 2',
  );
  await refused(() => session.run({ a: zeros(5, 2), b: zeros(9, 2), c: zeros(2) }), "R0305", 'input "b"', "2 * N is 10 here", "got [9, 2]");
  await refused(() => session.run({ a: zeros(1, 2), b: zeros(2, 2), c: zeros(0) }), "R0308", "N + -3 is -2");
});

test("a require that does not hold names both sides and their values", async () => {
  const even = await openShapes([{ left: dimMod(dimSymbol("H"), 2), right: 0 }]);
  await even.run({ a: zeros(3, 4), b: zeros(6, 4), c: zeros(0) });
  await refused(() => even.run({ a: zeros(3, 5), b: zeros(6, 5), c: zeros(0) }), "R0307", "H % 2 == 0", "1 != 0");
  const unbound = await openShapes([{ left: dimDiv(dimSymbol("K"), 2), right: 0 }]);
  await refused(() => unbound.run({ a: zeros(3, 4), b: zeros(6, 4), c: zeros(0) }), "R0308", "dim K is not bound");
});

test("info tells what made the file, how inputs are prepared and which backends were passed over", async () => {
  const preprocessing = { scale: 0.00392, mean: [0.5, -0], size: [28, 28], layout: "NCHW", flip: false, labels: { zero: 0 } };
  const originalNames = { inputs: { x: "Input:3" }, symbols: { N: "batch" } };
  const bytes = file({ source: smallModule(), preprocessing, originalNames });
  const backends = [
    new FakeBackend({ name: "gpu", failOpen: true }),
    new FakeBackend({ name: "npu", targets: ["npu"] }),
    new FakeBackend(),
  ];
  const { info, inputs } = await open({ backends }, bytes);
  assert.is(inputs.x?.originalName, "Input:3");
  assert.equal(info.symbols, { N: "batch" });
  assert.equal(info.preprocessing, preprocessing);
  const mean = info.preprocessing?.mean as readonly number[] | undefined;
  assert.ok(Object.is(mean?.[1], -0));
  assert.equal(info.build, {
    tersor: "0.1.0",
    pipeline: build.pipeline,
    plugins: build.plugins,
    modelSha256: "00ff",
    dataSha256: "",
    seed: 3,
    costProfile: null,
  });
  assert.equal([info.backend, info.target, info.bytes, info.targets], ["fake", "fake", bytes.length, ["fake", "reference"]]);
  assert.equal(
    info.skipped.map((s) => [s.backend, s.error.code]),
    [
      ["gpu", "R0401"],
      ["npu", "R0405"],
    ],
  );
  assert.match(info.skipped[0]?.reason ?? "", "no such device");
  assert.match(info.skipped[1]?.reason ?? "", "compiled for fake, reference; backend npu was asked for npu");
});

test("the original names of dims come from the module's meta when none are given", async () => {
  const dims = attr.dict({ N: attr.string("batch_size"), H: attr.string("") });
  const bytes = file({ source: { ...smallModule(), meta: new Map([["dims", dims]]) } });
  assert.equal((await open({}, bytes)).info.symbols, { N: "batch_size" });
});

test("no backend: each with its reason", async () => {
  await refused(() => open({ backends: [] }), "R0402", "backends: [wasm()]");
  await refused(() => open({ backends: [new FakeBackend({ failOpen: true })] }), "R0401", "no such device");
  const two = [new FakeBackend({ name: "gpu", failOpen: true }), new FakeBackend({ targets: ["other"] })];
  await refused(() => open({ backends: two }), "R0402", "gpu: error[R0401]", "fake: error[R0405]");
  await refused(() => open({ target: "wasm" }), "R0405", "asked for wasm");
});

test("a missing kernel is named, with its package and the line to type", async () => {
  const kernels = { lookup: () => new Float32Array(6) };
  await refused(() => open({ backends: [new FakeBackend({ kernels })] }), "R0403", "kernel linear is missing", "update tersor");
  const plans = [{ target: "fake", module: smallPlan({ relu: "sparse-conv/relu@1" }) }];
  await refused(
    () => open({}, file({ plans })),
    "R0403",
    "sparse-conv/relu@1",
    "npm install tersor-plugin-sparse-conv",
    'import { sparseConv } from "tersor-plugin-sparse-conv/runtime"',
    "fake({ extend: [sparseConv] })",
  );
  await refused(() => open({}, file({ plans, packages: { "sparse-conv": "@me/sc" } })), "R0403", "npm install @me/sc");
});

test("a codec of a package is named the same way, and works when given", async () => {
  const codec = {
    id: "pack/not",
    encode: ({ bytes }: { readonly bytes: Uint8Array }) => ({ bytes: bytes.slice(1).map((b) => ~b), params: bytes.slice(0, 0) }),
  };
  const decode = ({ stored, rawLength }: { readonly stored: Uint8Array; readonly rawLength: number }) => {
    const out = new Uint8Array(rawLength);
    out.set(
      stored.map((b) => ~b),
      1,
    );
    return out;
  };
  const plan = smallPlan();
  const { constants } = plan;
  const codes = constants.get("fc.w.codes");
  assert.ok(codes?.kind === "data");
  const zeroFirst = { ...codes, storage: { kind: "bytes", bytes: Uint8Array.of(0, 9) } } as const;
  const module = { ...plan, constants: new Map(constants).set("fc.w.codes", zeroFirst) };
  const bytes = file({
    plans: [{ target: "fake", module }],
    codecs: [{ ...codec, decoder: { id: codec.id, decode }, encode: (ctx) => (ctx.dtype === "u2" ? codec.encode(ctx) : null) }],
  });
  await refused(() => open({}, bytes), "R0109", "codec pack/not of package tersor-plugin-pack", "npm install tersor-plugin-pack");
  await (await open({ codecs: [{ id: codec.id, decode }] }, bytes)).run({ x: x(1) });
});

test("aborting before and while loading rejects with the signal's reason", async () => {
  const reason = new Error("user went away");
  const before = AbortSignal.abort(reason);
  const rejection = (promise: Promise<unknown>) =>
    promise.then(
      () => null,
      (error) => error,
    );
  assert.is(await rejection(open({ signal: before })), reason);
  const controller = new AbortController();
  const backend = new FakeBackend();
  const loading = open({ signal: controller.signal, backends: [backend] });
  controller.abort(reason);
  assert.is(await rejection(loading), reason);
  assert.ok(backend.log.length === 0 || backend.log.includes("dispose"));
});

test.run();
