/** @file Old and odd models: forms of opsets 1 to 6, files without an operator set, sparse initializers, domains and kinds of values that stay out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { hostTensor, mainFunction, TersorError } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { needing } from "../support/skip.ts";
import { encodeModel, FLOAT, INT64, type ModelSource, node, tensor, value } from "./model.ts";
import { importModel, runModule, runOrt } from "./oracle.ts";

const f32 = (shape: readonly number[], numbers: readonly number[]) => hostTensor("f32", shape, Float32Array.from(numbers));
const io = (shape: readonly number[]) => ({ inputs: [value("x", FLOAT, shape)], outputs: [value("y", FLOAT, shape)] });

async function gives(source: ModelSource, x: ReturnType<typeof f32>, expected: readonly number[]): Promise<void> {
  const { y } = await runModule(importModel(encodeModel(source)), { x });
  assert.equal(Array.from(y?.data ?? [], Number), expected);
}

test("opset 1: an Add that broadcasts along an axis, and the inputs that it used to consume", async () => {
  const nodes = [
    node("Add", "x b", "a", { broadcast: 1, axis: 0, consumed_inputs: [0, 0] }),
    node("Relu", "a", "y", { consumed_inputs: [0] }),
  ];
  const source = { ...io([2, 3]), nodes, initializers: [tensor("b", FLOAT, [2], [10, -10])], opset: 1 };
  await gives(source, f32([2, 3], [-1, 0, 1, -1, 0, 1]), [9, 10, 11, 0, 0, 0]);
});

test("a file of IR version 1 imports no operator set and means the first; its initializers are inputs too", async () => {
  const source = {
    inputs: [value("x", FLOAT, [1, 4]), value("b", FLOAT, [4])],
    outputs: [value("y", FLOAT, [2, 2])],
    nodes: [node("Mul", "x b", "a", { broadcast: 1 }), node("Reshape", "a", "y", { shape: [2, 2] })],
    initializers: [tensor("b", FLOAT, [4], [1, 2, 3, 4])],
    irVersion: 1,
    model: { opsetImport: [] },
  };
  const module = importModel(encodeModel(source));
  assert.is(mainFunction(module).params.length, 1);
  await gives(source, f32([1, 4], [1, 1, 1, 2]), [1, 2, 3, 8]);
});

test("an initializer that is listed as an input is no parameter", () => {
  const source = { ...io([2]), nodes: [node("Add", "x b", "y")], initializers: [tensor("b", FLOAT, [2], [1, 2])], irVersion: 3 };
  const module = importModel(encodeModel({ ...source, inputs: [...source.inputs, value("b", FLOAT, [2])] }));
  assert.is(mainFunction(module).params.length, 1);
});

const sparse = (dims: readonly number[], indices: ReturnType<typeof tensor>, numbers: readonly number[]) => ({
  dims,
  indices,
  values: tensor("w", FLOAT, [numbers.length], numbers),
});

const withSparse = (initializer: ReturnType<typeof sparse>): Uint8Array =>
  encodeModel({
    inputs: [],
    outputs: [],
    nodes: [],
    model: {
      graph: {
        name: "sparse",
        input: [value("x", FLOAT, [2, 3])],
        output: [value("y", FLOAT, [2, 3])],
        node: [node("Add", "x w", "y")],
        sparseInitializer: [initializer],
      },
    },
  });

test("sparse initializers, by linear indices and by coordinates, as ONNX Runtime reads them", async () => {
  const x = f32([2, 3], [1, 2, 3, 4, 5, 6]);
  for (const indices of [tensor("", INT64, [2], [1, 5]), tensor("", INT64, [2, 2], [0, 1, 1, 2])]) {
    const bytes = withSparse(sparse([2, 3], indices, [10, 20]));
    const [ours, theirs] = [await runModule(importModel(bytes), { x }), await runOrt(bytes, { x })];
    assert.equal(Array.from(ours.y?.data ?? [], Number), [1, 12, 3, 4, 5, 26]);
    assert.equal(Array.from(theirs.y?.data ?? [], Number), [1, 12, 3, 4, 5, 26]);
  }
});

function problemOf(bytes: Uint8Array) {
  try {
    importModel(bytes);
  } catch (error) {
    assert.instance(error, TersorError, String(error));
    const [problem] = (error as TersorError).problems;
    return `${problem?.code} ${problem?.message} (${problem?.hint ?? "no hint"})`;
  }
  throw new Error("it was accepted");
}

test("sparse initializers that lie about themselves", () => {
  assert.match(problemOf(withSparse(sparse([2, 3], tensor("", INT64, [2], [1, 6]), [1, 2]))), /^E0602 index 6 of value 1/);
  assert.match(
    problemOf(withSparse(sparse([2, 3], tensor("", INT64, [3], [1, 2, 3]), [1, 2]))),
    /^E0602 2 values, and indices of shape \[3\]/,
  );
  assert.match(problemOf(withSparse(sparse([1 << 20, 1 << 20], tensor("", INT64, [1], [0]), [1]))), /^E0602 sparse tensors of more than/);
});

test("a model of ai.onnx.ml alone is refused by its operator", () => {
  const nodes = [node("Binarizer", "x", "y", {}, { domain: "ai.onnx.ml" })];
  const bytes = encodeModel({ ...io([2]), nodes, model: { opsetImport: [{ domain: "ai.onnx.ml", version: 3 }] } });
  assert.match(problemOf(bytes), /^E0604 the operator ai\.onnx\.ml\.Binarizer is not supported \(operators of ai\.onnx\.ml/);
});

test("a standard operator without a standard operator set", () => {
  const bytes = encodeModel({
    ...io([2]),
    nodes: [node("Relu", "x", "y")],
    model: { opsetImport: [{ domain: "ai.onnx.ml", version: 3 }] },
  });
  assert.match(problemOf(bytes), /^E0611 the model imports no standard operator set/);
});

test("sequences, strings and inputs of unknown rank are refused with a way out", () => {
  assert.match(problemOf(encodeModel({ ...io([2]), nodes: [node("SequenceConstruct", "x", "y")] })), /^E0604 .*sequences of tensors/);
  assert.match(problemOf(encodeModel({ ...io([2]), nodes: [node("StringNormalizer", "x", "y")] })), /^E0604 .*strings are not supported/);
  const inputs = [{ name: "x", type: { tensorType: { elemType: FLOAT } } }];
  assert.match(
    problemOf(encodeModel({ ...io([2]), inputs, nodes: [node("Relu", "x", "y")] })),
    /^E0609 its rank is not known \(give the model/,
  );
});

const dataTest = needing(test, "data", hasData);

dataTest("the super-resolution model of IR version 1 computes what its later export computes", async () => {
  const picture = Float32Array.from({ length: 224 * 224 }, (_, i) => ((i * 7) % 255) / 255);
  const [a = [], b = []] = await Promise.all(
    ["legacy-ir1/super-resolution-ir1.onnx", "super-resolution-op18.onnx"].map(async (file) => {
      const module = importModel(new Uint8Array(readFileSync(join(DATA, "models", file))));
      const { bytes } = await compile(module, { targets: ["wasm-simd"] });
      const session = await load(bytes, { backends: [wasm()] });
      const name = Object.keys(session.inputs)[0] ?? "";
      const outputs = await session.run({ [name]: new Tensor("f32", picture, [1, 1, 224, 224]) });
      return Array.from(Object.values(outputs)[0]?.data ?? [], Number);
    }),
  );
  assert.is(a.length, 672 * 672);
  const worst = a.reduce((most, v, i) => Math.max(most, Math.abs(v - (b[i] ?? Number.NaN))), 0);
  assert.ok(worst < 1e-5, String(worst));
});

test.run();
