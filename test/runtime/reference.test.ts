/** @file The reference backend: a file's source functions give what the ops' own functions give, for every dtype at the border, with plugins' ops, and refuse what does not fit. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emitFile } from "../../compiler/emit/emit.ts";
import {
  attr,
  type DType,
  dataConstant,
  defineOp,
  derivedConstant,
  dimSymbol,
  dtypes,
  emptyModule,
  type Func,
  hostTensor,
  type Module,
  type Op,
  type OpDef,
  type TensorType,
  tensorType,
} from "../../ir-spec/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { byteLength, load, RuntimeError, type Session, Tensor } from "../../runtime/index.ts";
import { f32Constant, op, smallModule, smallPlan } from "../format/fixtures.ts";

const build = { tersor: "0.1.0", pipeline: "" };
const open = (source: Module, ops: readonly OpDef[] = []): Promise<Session> =>
  load(emitFile({ source, plans: [], build }), { backends: [reference({ ops: ops.length > 0 ? [{ owner: "test", ops }] : [] })] });

/** A module of one function, each value's type given. */
function moduleOf(
  inputs: readonly TensorType[],
  ops: readonly Op[],
  results: readonly TensorType[],
  constants: Module["constants"] = new Map(),
): Module {
  const values = [...inputs.map((type, i) => ({ name: `x${i}`, type })), ...results.map((type) => ({ name: null, type }))];
  const last = results.at(-1) ?? inputs[0];
  assert.ok(last);
  const main: Func = {
    name: "main",
    values,
    params: inputs.map((_, i) => i),
    results: [{ name: "y", type: last }],
    returns: [values.length - 1],
    carries: [],
    requires: [],
    ops,
    doc: null,
  };
  return { ...emptyModule("m"), functions: new Map([["main", main]]), constants };
}

async function code(promise: Promise<unknown>, pattern: RegExp): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  assert.instance(error, RuntimeError, String(error));
  assert.match((error as RuntimeError).message, pattern);
  return (error as RuntimeError).code;
}

test("linear and relu with a compressed weight, any batch, sync and async", async () => {
  const session = await open(smallModule());
  const x = new Tensor("f32", Float32Array.of(-2, -1, 0, 1, 2, 3), [2, 3]);
  const { y } = await session.run({ x });
  assert.equal(y?.data, Float32Array.of(2, 0, 3.5, 6.5));
  assert.equal(session.runSync({ x: new Tensor("f32", Float32Array.of(0, 0, 0), [1, 3]) }).y?.data, Float32Array.of(0.5, 0.5));
  assert.is(session.info.target, "reference");
  session.dispose();
  assert.is(await code(session.run({ x }), /disposed/), "R0309");
});

test("every dtype passes the border in both directions, f16 as bits, sub-byte packed", async () => {
  for (const dtype of dtypes) {
    const type = tensorType(dtype, [5]);
    const module = moduleOf([type], [op("shape.reshape", [0], { shape: attr.ints([5]) }, [1])], [type]);
    const bytes = Uint8Array.from({ length: byteLength(dtype, 5) }, (_, i) => (dtype === "bool" ? i & 1 : 17 * i + 1));
    const spare = byteLength(dtype, 5) * 8 - 5 * bitsOf(dtype);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) & (255 >> spare);
    const x0 = Tensor.fromBytes(dtype, bytes, [5]);
    const { y } = await (await open(module)).run({ x0 });
    assert.equal(y?.bytes(), bytes, dtype);
    assert.is(y?.dtype, dtype);
  }
});

const bitsOf = (dtype: DType): number => byteLength(dtype, 8);

test("f16 results are rounded to what f16 holds", async () => {
  const type = tensorType("f16", [2]);
  const module = moduleOf([type, type], [op("math.add", [0, 1], {}, [2])], [type]);
  const session = await open(module);
  // 2048 + 1 lies between two f16 numbers: to even. 1 + 1 is exact.
  const half = (...bits: readonly number[]) => new Tensor("f16", Uint16Array.from(bits), [2]);
  const { y } = await session.run({ x0: half(0x6800, 0x3c00), x1: half(0x3c00, 0x3c00) });
  assert.equal(y?.data, Uint16Array.of(0x6800, 0x4000));
});

test("symbolic sizes in attributes follow the inputs", async () => {
  const [N, H] = [dimSymbol("N"), dimSymbol("H")];
  const [input, output] = [tensorType("f32", [N, H]), tensorType("f32", [H, N])];
  const module = moduleOf([input], [op("shape.reshape", [0], { shape: attr.list([attr.dim(H), attr.dim(N)]) }, [1])], [output]);
  const session = await open(module);
  const { y } = await session.run({ x0: new Tensor("f32", new Float32Array(6), [2, 3]) });
  assert.equal(y?.shape, [3, 2]);
});

const double = defineOp({
  name: "plugin.double",
  since: 1,
  doc: "`y = 2 x`",
  operands: [{ name: "x", role: "data" }],
  results: [{ name: "y" }],
  attrs: {},
  infer: (ctx) => [ctx.type(0)],
  reference: (ctx) => [
    hostTensor(
      "f32",
      ctx.input(0).shape,
      (ctx.input(0).data as Float32Array).map((v) => 2 * v),
    ),
  ],
  work: () => ({ macs: 0 }),
});

test("ops of plugins run when given, and are named when they are missing", async () => {
  const type = tensorType("f32", [2]);
  const module = moduleOf([type], [op("plugin.double", [0], {}, [1])], [type]);
  const { y } = await (await open(module, [double])).run({ x0: new Tensor("f32", Float32Array.of(1, -3), [2]) });
  assert.equal(y?.data, Float32Array.of(2, -6));
  assert.is(await code(open(module), /unknown op plugin\.double/), "R0406");
});

test("types in the file that are not what its ops give are refused", async () => {
  const [input, wrong] = [tensorType("f32", [2]), tensorType("f32", [1_000_000, 1000])];
  const module = moduleOf([input], [op("math.relu", [0], {}, [1])], [wrong]);
  assert.is(await code(open(module), /math\.relu gives tensor<2xf32>, the file says tensor<1000000x1000xf32>/), "R0406");
  const constants = new Map([
    ["t", f32Constant("t", [2], [1, 2])],
    ["c", dataConstant("c", tensorType("u1", [8]), Uint8Array.of(5))],
    ["d", derivedConstant("d", tensorType("f32", [4]), "codebook.lookup", ["t", "c"], new Map())],
  ]);
  const derived = moduleOf([tensorType("f32", [4])], [op("math.add", [0, "d"], {}, [1])], [tensorType("f32", [4])], constants);
  assert.is(await code(open(derived), /codebook\.lookup gives tensor<8xf32>, the file says tensor<4xf32>/), "R0406");
});

test("a file without source functions is not for this backend", async () => {
  const bytes = emitFile({ plans: [{ target: "fake", module: smallPlan() }], build });
  assert.is(await code(load(bytes, { backends: [reference()] }), /compiled for fake; backend reference was asked for reference/), "R0405");
});

test("an op that refuses its data while running ends in a code", async () => {
  const table = f32Constant("t", [3], [1, 2, 3]);
  const module = moduleOf(
    [tensorType("u2", [4])],
    [op("codebook.lookup", ["t", 0], {}, [1])],
    [tensorType("f32", [4])],
    new Map([["t", table]]),
  );
  const session = await open(module);
  assert.is(await code(session.run({ x0: new Tensor("u2", Uint8Array.of(0b11), [4]) }), /backend reference/), "R0404");
});

test.run();
