/** @file A fixed batch made symbolic: what is done is reported, what would mix samples is refused. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { attr, type HostTensor, hostTensor, mainFunction, printType, TersorError } from "../../ir-spec/index.ts";
import { encodeModel, FLOAT, INT64, node, raw, tensor, value } from "./model.ts";
import { importModel, relativeError, runModule, runOrt, seeded } from "./oracle.ts";

type Node = ReturnType<typeof node>;
type Initializer = ReturnType<typeof tensor>;
const ints = (name: string, numbers: readonly number[]) => tensor(name, INT64, [numbers.length], numbers);

const modelOf = (nodes: readonly Node[], initializers: readonly Initializer[] = [], shape: readonly number[] = [1, 4, 6]) =>
  encodeModel({ opset: 11, inputs: [value("x", FLOAT, shape)], outputs: [value("y", FLOAT, [])], nodes, initializers });

/** Three samples at once give what the original gives for each. */
async function splits(bytes: Uint8Array, shape: readonly number[] = [1, 4, 6]): Promise<void> {
  const module = importModel(bytes, { dynamicBatch: true });
  const samples = [1, 2, 3].map((seed) => seeded("f32", shape, seed));
  const all = Float32Array.from(samples.flatMap((s) => [...(s.data as Float32Array)]));
  const y = (await runModule(module, { x: hostTensor("f32", [3, ...shape.slice(1)], all) })).y as HostTensor;
  const each = y.data.length / 3;
  for (const [i, sample] of samples.entries()) {
    const want = (await runOrt(bytes, { x: sample })).y as HostTensor;
    const part = hostTensor("f32", want.shape, (y.data as Float32Array).slice(i * each, (i + 1) * each));
    assert.ok(relativeError(part, want) <= 1e-6, `sample ${i}`);
  }
}

function refused(nodes: readonly Node[], initializers: readonly Initializer[], message: RegExp, shape?: readonly number[]): void {
  const bytes = modelOf(nodes, initializers, shape);
  importModel(bytes);
  try {
    importModel(bytes, { dynamicBatch: true });
  } catch (error) {
    assert.instance(error, TersorError, String(error));
    const [problem] = (error as TersorError).problems;
    assert.is(problem?.code, "E0610", problem?.message);
    assert.match(problem?.message ?? "", message);
    return;
  }
  throw new Error("it was imported");
}

test("a reshape to a leading 1 copies the batch, and meta says so", async () => {
  const bytes = modelOf([node("Reshape", "x s", "y", {}, { name: "flat" })], [ints("s", [1, 24])]);
  const module = importModel(bytes, { dynamicBatch: true });
  assert.equal(
    mainFunction(module).results.map((r) => printType(r.type)),
    ["tensor<Nx24xf32>"],
  );
  const list = (...names: string[]) => attr.list(names.map(attr.string));
  const report = attr.dict({ symbol: attr.string("N"), inputs: list("x"), reshapes: list("flat") });
  assert.equal(module.meta?.get("dynamic_batch"), report);
  await splits(bytes);
});

test("[1, -1] does not swallow the batch", async () => {
  await splits(modelOf([node("Reshape", "x s", "y")], [ints("s", [1, -1])]));
});

test("without the option the batch stays", () => {
  const module = importModel(modelOf([node("Relu", "x", "y")]));
  assert.equal(
    mainFunction(module).results.map((r) => printType(r.type)),
    ["tensor<1x4x6xf32>"],
  );
  assert.is(module.meta?.has("dynamic_batch"), false);
});

test("ordinary networks pass", async () => {
  const nodes = [
    node("Softmax", "x", "s", { axis: 1 }),
    node("Transpose", "s", "t", { perm: [0, 2, 1] }),
    node("MatMul", "t w", "m"),
    node("Slice", "m st en ax", "c"),
    node("ReduceMean", "c", "r", { axes: [1], keepdims: 0 }),
    node("Flatten", "r", "y"),
  ];
  await splits(
    modelOf(nodes, [
      raw(
        "w",
        [4, 3],
        Array.from({ length: 12 }, (_, i) => i / 4 - 1),
      ),
      ints("st", [0, 1]),
      ints("en", [2 ** 53 - 1, 3]),
      ints("ax", [0, 1]),
    ]),
  );
});

test("an input that is symbolic already gives its symbol", () => {
  const inputs = [value("x", FLOAT, ["count", 3]), value("z", FLOAT, [1, 3])];
  const bytes = encodeModel({ inputs, outputs: [value("y", FLOAT, [])], nodes: [node("Add", "x z", "y")] });
  const module = importModel(bytes, { dynamicBatch: true });
  const main = mainFunction(module);
  assert.equal(
    main.params.map((id) => printType(main.values[id]?.type ?? { dtype: "f32", shape: [] })),
    ["tensor<COUNTx3xf32>", "tensor<COUNTx3xf32>"],
  );
});

test("whatever mixes samples is refused", () => {
  refused([node("Reshape", "x s", "y")], [ints("s", [24])], /shape.reshape|with a dynamic batch|first size alone/);
  refused([node("Reshape", "x s", "y")], [ints("s", [-1])], /tensor<\[24 \* N\]xf32>, whose first size alone should be N/);
  refused([node("Flatten", "x", "y", { axis: 0 })], [], /first size alone should be N/);
  refused([node("Transpose", "x", "y", { perm: [1, 0, 2] })], [], /first size alone should be N/);
  refused([node("ReduceMean", "x", "y", { axes: [0] })], [], /first size alone should be N/);
  refused([node("ReduceMax", "x", "y", { axes: [0, 1], keepdims: 0 })], [], /first size alone should be N/);
  refused([node("Squeeze", "x", "y", { axes: [0] })], [], /axis 0 has size N|with a dynamic batch/);
  refused([node("Concat", "x x", "y", { axis: 0 })], [], /first size alone should be N/);
});

test("ops that mix samples under an unchanged shape are refused", () => {
  refused([node("Softmax", "x", "y", { axis: 0 })], [], /first size alone|first axis/);
  refused([node("Gather", "x i", "y", { axis: 0 })], [ints("i", [0])], /./);
  const backwards = [ints("st", [-1]), ints("en", [-(2 ** 53 - 1)]), ints("ax", [0]), ints("sp", [-1])];
  refused([node("Slice", "x st en ax sp", "y")], backwards, /./);
  const since13 = encodeModel({
    opset: 13,
    inputs: [value("x", FLOAT, [1, 4])],
    outputs: [value("y", FLOAT, [])],
    nodes: [node("Softmax", "x", "y", { axis: 0 })],
  });
  assert.throws(
    () => importModel(since13, { dynamicBatch: true }),
    (e: unknown) => e instanceof TersorError && e.code === "E0610" && /works along the first axis/.test(e.message),
  );
});

test("a model without a batch is refused", () => {
  refused([node("Relu", "x", "y")], [], /no input has a leading size of 1/, [2, 3]);
});

test.run();
