/** @file Names, symbolic dims, and shape arithmetic that ends in attributes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AttrDict,
  attr,
  type Func,
  type HostTensor,
  hostTensor,
  type Module,
  mainFunction,
  type Op,
  printType,
  TersorError,
} from "../../ir-spec/index.ts";
import { encodeModel, FLOAT, INT64, type ModelSource, node, raw, tensor, value } from "./model.ts";
import { compareOutputs, importModel, runModule, runOrt, seeded } from "./oracle.ts";

const types = (func: Func, op: Op) => op.results.map((id) => printType(func.values[id]?.type ?? { dtype: "f32", shape: [] }));
const opNames = (module: Module) => mainFunction(module).ops.map((op) => op.name);
const ints = (name: string, numbers: readonly number[], shape: readonly number[] = [numbers.length]) => tensor(name, INT64, shape, numbers);

/** Both engines, at two batches. */
async function agrees(source: ModelSource, shapes: readonly (readonly number[])[]): Promise<Module> {
  const bytes = encodeModel(source);
  const module = importModel(bytes);
  for (const shape of shapes) {
    const feeds = { x: seeded("f32", shape) };
    const error = compareOutputs(await runModule(module, feeds), await runOrt(bytes, feeds));
    assert.ok(error <= 1e-6, `${shape}: ${error}`);
  }
  return module;
}

test("names, locations and meta of the file are kept", () => {
  const bytes = encodeModel({
    opset: 13,
    inputs: [value("in put", FLOAT, [2, 3])],
    outputs: [value("54", FLOAT, [2, 3])],
    nodes: [node("Relu", "in put", "mid", {}, { name: "act/1" }), node("Add", "mid w:0", "54")].map((n) => ({
      ...n,
      input: n.input?.join(" ") === "in put" ? ["in put"] : (n.input ?? []),
    })),
    initializers: [raw("w:0", [3], [1, 2, 3])],
    model: { producerName: "maker", producerVersion: "2.1", metadataProps: [{ key: "author", value: "me" }] },
  });
  const module = importModel(bytes, { fileName: "m.onnx" });
  const main = mainFunction(module);
  assert.is(module.name, "test");
  assert.equal(
    main.values.map((v) => v.name),
    ["in put", "mid", "54"],
  );
  assert.equal(
    main.results.map((r) => r.name),
    ["54"],
  );
  assert.equal([...module.constants.keys()], ["w:0"]);
  assert.equal(
    main.ops.map((op) => op.loc),
    [[{ file: "m.onnx", parts: ["act/1"] }], [{ file: "m.onnx", parts: ["Add_1"] }]],
  );
  const meta: AttrDict = module.meta ?? new Map();
  assert.equal([...meta.keys()], ["source", "producer", "ir_version", "opset", "metadata_props"]);
  assert.equal(meta.get("producer"), attr.string("maker 2.1"));
  assert.equal(meta.get("opset"), attr.dict({ "ai.onnx": attr.int(13) }));
  assert.equal(meta.get("metadata_props"), attr.dict({ author: attr.string("me") }));
});

test("an initializer with the name of a function gives way", () => {
  const source = { inputs: [value("x", FLOAT, [1])], outputs: [value("y", FLOAT, [1])], nodes: [node("Add", "x main", "y")] };
  const module = importModel(encodeModel({ ...source, initializers: [raw("main", [1], [1])] }));
  assert.equal([...module.constants.keys()], ["main.2"]);
});

test("symbolic dims become symbols, their names go to meta", () => {
  const inputs = [value("a", FLOAT, ["batch_size", "seq-len", null, 4]), value("b", FLOAT, ["batch_size", "seq_len", null, -1])];
  const nodes = [node("Relu", "a", "c"), node("Relu", "b", "d")];
  const module = importModel(encodeModel({ inputs, outputs: [value("c", FLOAT, []), value("d", FLOAT, [])], nodes }));
  const main = mainFunction(module);
  const params = main.params.map((id) => printType(main.values[id]?.type ?? { dtype: "f32", shape: [] }));
  assert.equal(params, ["tensor<NxSEQ_LENxDx4xf32>", "tensor<NxSEQ_LEN_2xD_2xD_3xf32>"]);
  const dims = { N: "batch_size", SEQ_LEN: "seq-len", D: "", SEQ_LEN_2: "seq_len", D_2: "", D_3: "" };
  assert.equal(module.meta?.get("dims"), attr.dict(Object.fromEntries(Object.entries(dims).map(([k, v]) => [k, attr.string(v)]))));
});

test("an unnamed or negative leading size is the batch", () => {
  for (const size of [null, -1]) {
    const module = importModel(
      encodeModel({ inputs: [value("x", FLOAT, [size, 3])], outputs: [value("y", FLOAT, [])], nodes: [node("Relu", "x", "y")] }),
    );
    assert.is(printType(mainFunction(module).results[0]?.type ?? { dtype: "f32", shape: [] }), "tensor<Nx3xf32>");
  }
});

test("a reshape computed from Shape becomes attributes", async () => {
  const nodes = [
    node("Shape", "x", "s"),
    node("Gather", "s zero", "n"),
    node("Unsqueeze", "n", "n1", { axes: [0] }),
    node("Concat", "n1 rest", "target", { axis: 0 }),
    node("Reshape", "x target", "y"),
  ];
  const initializers = [ints("zero", [0], []), ints("rest", [-1])];
  const source = {
    opset: 11,
    inputs: [value("x", FLOAT, ["batch", 3, 4])],
    outputs: [value("y", FLOAT, [null, null])],
    nodes,
    initializers,
  };
  const module = await agrees(source, [
    [1, 3, 4],
    [5, 3, 4],
  ]); // prettier-ignore
  assert.equal(opNames(module), ["shape.reshape"]);
  assert.equal([...module.constants.keys()], [], "no constant is left of the shape arithmetic");
  const main = mainFunction(module);
  assert.equal(types(main, main.ops[0] as Op), ["tensor<Nx12xf32>"]);
  assert.equal(main.ops[0]?.attrs.get("shape"), attr.ints([0, -1]));
});

test("arithmetic over sizes: slices, products, divisions, casts, equality, selection", async () => {
  const nodes = [
    node("Shape", "x", "s"),
    node("Slice", "s from to", "tail"),
    node("Cast", "tail", "tail32", { to: 6 }),
    node("Cast", "tail32", "tail64", { to: 7 }),
    node("Mul", "tail64 two", "double"),
    node("Div", "double two", "same"),
    node("Sub", "same one", "less"),
    node("Add", "less one", "again"),
    node("Equal", "again four", "is4"),
    node("Where", "is4 again again", "chosen"),
    node("Gather", "s zero", "n"),
    node("Concat", "n six two", "target", { axis: 0 }),
    node("Mul", "target chosen", "wrong"),
    node("Div", "wrong chosen", "right"),
    node("Reshape", "x right", "y"),
  ];
  const initializers = [
    ints("from", [2]),
    ints("to", [2 ** 53 - 1]),
    ints("two", [2]),
    ints("one", [1]),
    ints("four", [4]),
    ints("zero", [0]),
    ints("six", [6]),
  ];
  const module = await agrees(
    { opset: 13, inputs: [value("x", FLOAT, ["batch", 3, 4])], outputs: [value("y", FLOAT, [null, null, null])], nodes, initializers },
    [
      [1, 3, 4],
      [2, 3, 4],
    ], // prettier-ignore
  );
  assert.equal(opNames(module), ["shape.reshape"]);
});

test("sizes in expressions: N times C as a leading size", async () => {
  const nodes = [node("Shape", "x", "s"), node("Split", "s", "n c", { axis: 0 }), node("Mul", "n c", "all"), node("Reshape", "x all", "y")];
  const source = { opset: 13, inputs: [value("x", FLOAT, ["n", "c"])], outputs: [value("y", FLOAT, [null])], nodes };
  const module = await agrees(source, [
    [2, 3],
    [1, 7],
  ]); // prettier-ignore
  const main = mainFunction(module);
  assert.equal(types(main, main.ops[0] as Op), ["tensor<[C * N]xf32>"]);
});

test("expand to a computed shape", async () => {
  const nodes = [node("Shape", "x", "s"), node("Expand", "w s", "wide"), node("Add", "x wide", "y")];
  const source = { opset: 13, inputs: [value("x", FLOAT, ["n", 3])], outputs: [value("y", FLOAT, [null, null])], nodes };
  const module = await agrees({ ...source, initializers: [raw("w", [3], [1, 2, 3])] }, [[4, 3]]);
  assert.equal(opNames(module), ["shape.broadcast", "math.add"]);
});

test("convolution, pooling and flattening keep the batch symbolic", async () => {
  const nodes = [
    node("Conv", "x w", "c", { auto_pad: "SAME_UPPER" }),
    node("MaxPool", "c", "p", { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Flatten", "p", "f"),
    node("Gemm", "f g", "y"),
  ];
  const initializers = [
    raw("w", [2, 1, 3, 3], new Array(18).fill(0.25)),
    raw(
      "g",
      [8, 3],
      Array.from({ length: 24 }, (_, i) => i / 8),
    ),
  ];
  const source = {
    opset: 13,
    inputs: [value("x", FLOAT, ["batch", 1, 4, 4])],
    outputs: [value("y", FLOAT, [null, null])],
    nodes,
    initializers,
  };
  await agrees(source, [
    [1, 1, 4, 4],
    [3, 1, 4, 4],
  ]); // prettier-ignore
});

test("an initializer that is also an input is a constant", () => {
  const inputs = [value("x", FLOAT, [3]), value("w", FLOAT, [3])];
  const source = {
    irVersion: 3,
    inputs,
    outputs: [value("y", FLOAT, [3])],
    nodes: [node("Add", "x w", "y")],
    initializers: [raw("w", [3], [1, 2, 3])],
  };
  const module = importModel(encodeModel(source));
  assert.is(mainFunction(module).params.length, 1);
});

test("an output may be an input, an initializer or a size", async () => {
  const outputs = [value("x", FLOAT, [2, 3]), value("w", FLOAT, [1]), value("s", INT64, [2])];
  const module = importModel(
    encodeModel({ inputs: [value("x", FLOAT, [2, 3])], outputs, nodes: [node("Shape", "x", "s")], initializers: [raw("w", [1], [5])] }),
  );
  const got = await runModule(module, { x: seeded("f32", [2, 3]) });
  assert.equal([...(got.s?.data ?? [])], [2n, 3n]);
  assert.equal([...(got.w?.data ?? [])], [5]);
  assert.is(got.x?.data.length, 6);
});

test("an unchanged initializer is one constant, however often it is used", () => {
  const nodes = [node("Add", "x w", "a"), node("Mul", "a w", "y")];
  const source = {
    inputs: [value("x", FLOAT, [1])],
    outputs: [value("y", FLOAT, [1])],
    nodes,
    initializers: [raw("w", [1], [2]), raw("unused", [1], [3])],
  };
  assert.equal([...importModel(encodeModel(source)).constants.keys()], ["w"]);
});

test("an input can be fixed to a constant", async () => {
  const inputs = [value("x", FLOAT, ["n", 6]), value("s", INT64, [2])];
  const bytes = encodeModel({ inputs, outputs: [value("y", FLOAT, [null, null])], nodes: [node("Reshape", "x s", "y")] });
  const s = hostTensor("i64", [2], BigInt64Array.from([-1n, 3n]));
  const module = importModel(bytes, { fixed: { s } });
  const x = seeded("f32", [2, 6]);
  assert.is(compareOutputs(await runModule(module, { x }), await runOrt(bytes, { x, s })), 0);
  const code = (fixed: Readonly<Record<string, HostTensor>>) => () => importModel(bytes, { fixed });
  const is = (wanted: string) => (e: unknown) => e instanceof TersorError && e.code === wanted;
  assert.throws(code({ s: hostTensor("i64", [3]) }), is("E0606"));
  assert.throws(code({ s: hostTensor("i32", [2]) }), is("E0606"));
  assert.throws(code({ s, t: s }), is("E0607"));
});

test("the same bytes give the same module", () => {
  const bytes = encodeModel({
    inputs: [value("x", FLOAT, ["n", 4])],
    outputs: [value("y", FLOAT, [])],
    nodes: [node("HardSwish", "x", "h"), node("Softmax", "h", "y")],
  });
  assert.equal(importModel(bytes), importModel(bytes));
});

test("a reflected border of a symbolic axis needs an axis that is longer than it, as ONNX Runtime does", async () => {
  const module = await agrees(
    {
      opset: 13,
      inputs: [value("x", FLOAT, ["n"])],
      outputs: [value("y", FLOAT, ["m"])],
      nodes: [node("Pad", "x pads", "y", { mode: "reflect" })],
      initializers: [ints("pads", [3, 2])],
    },
    [[4], [9]],
  );
  const refused = await runModule(module, { x: seeded("f32", [3]) }).then(
    () => "it ran",
    (error: Error) => error.message,
  );
  assert.match(refused, /requires .* == 3, which is 2 == 3/);
});

test.run();
