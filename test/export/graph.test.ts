/** @file Names, documents, versions and problems of an exported graph. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { attribute, type ExportTable, exportOnnx } from "../../compiler/export/index.ts";
import { GraphBuilder } from "../../compiler/export/onnx/builder.ts";
import { ExportFailure } from "../../compiler/export/onnx/errors.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { toNumber } from "../../compiler/import/onnx/int64.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, defineOp, type HostTensor, mainFunction, OpRegistry } from "../../ir-spec/index.ts";
import { ort } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { assertSameInOrt, decoded, exported, moduleOf, problemsOf, registry } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);
const graphOf = (model: Uint8Array) => {
  const { graph } = decoded(model);
  if (!graph) throw new Error("no graph");
  return graph;
};
const vector = (...numbers: number[]): HostTensor => ({ dtype: "f32", shape: [numbers.length], data: Float32Array.from(numbers) });

test("inputs, outputs, values, constants and nodes keep their names, documents become doc_string", () => {
  const module = moduleOf(
    `/// The function.
    func @main(%"input:0": tensor<2x3xf32>) -> ("Softmax/out": tensor<2x4xf32>) {
      /// A layer.
      %"fc/MatMul" = nn.linear(%"input:0", @"fc/w", @"fc/b") : tensor<2x4xf32> loc("model.onnx":"Gemm_3", "model.onnx":"Add_4")
      %1 = math.softmax(%"fc/MatMul") {axis = 1} : tensor<2x4xf32> loc("model.onnx":"Softmax_5")
      return %1
    }`,
    `/// The weight.
    const @"fc/w" : tensor<4x3xf32> = splat 0.5
    const @"fc/b" : tensor<4xf32> = [1.0, 2.0, 3.0, 4.0]`,
  );
  const graph = graphOf(exported(module));
  assert.equal([graph.name, graph.docString], ["m", "The function."]);
  assert.equal([graph.input.map((v) => v.name), graph.output.map((v) => v.name)], [["input:0"], ["Softmax/out"]]);
  assert.equal(
    graph.node.map(({ name, opType, input, output, docString }) => ({ name, opType, input, output, docString })),
    [
      { name: "Gemm_3", opType: "Gemm", input: ["input:0", "fc/w", "fc/b"], output: ["fc/MatMul"], docString: "A layer." },
      { name: "Softmax_5", opType: "Softmax", input: ["fc/MatMul"], output: ["Softmax/out"], docString: "" },
    ],
  );
  assert.equal(
    graph.initializer.map(({ name, docString }) => [name, docString]),
    [
      ["fc/w", "The weight."],
      ["fc/b", ""],
    ],
  );
});

test("an imported model, exported and imported again, has the same signature, names and node names", () => {
  const module = moduleOf(
    `func @main(%x: tensor<Nx2x4x4xf32>) -> (y: tensor<Nx3x2x2xf32>) {
    %c = nn.conv(%x, @w, _) {stride = [2, 2], pad = [1, 1, 0, 0]} : tensor<Nx3x2x2xf32> loc("model.onnx":"Conv_0")
    %y = math.relu(%c) : tensor<Nx3x2x2xf32> loc("model.onnx":"Relu_1")
    return %y
  }`,
    "const @w : tensor<3x2x3x3xf32> = random(4)",
  );
  const again = importOnnx(exported(module), { registry });
  const [a, b] = [mainFunction(module), mainFunction(again)];
  assert.equal(
    b.values.map((v) => v.name),
    a.values.map((v) => v.name),
  );
  assert.equal(b.results, a.results);
  assert.equal(
    b.ops.map((op) => [op.name, op.loc]),
    a.ops.map((op) => [op.name, op.loc]),
  );
});

oracle("outputs that are inputs, constants, or one value twice", async () => {
  const module = moduleOf(
    `func @main(%x: tensor<3xf32>) -> (x: tensor<3xf32>, "x.copy": tensor<3xf32>, c: tensor<3xf32>, a: tensor<3xf32>, b: tensor<3xf32>) {
      %v = math.neg(%x)
      return %x, %x, @k, %v, %v
    }`,
    "const @k : tensor<3xf32> = [1.0, 2.0, 3.0]",
  );
  const model = await assertSameInOrt(module, { x: vector(1, -2, 3) }, "aliases");
  assert.equal(
    graphOf(model).output.map((v) => v.name),
    ["x", "x.copy", "c", "a", "b"],
  );
});

oracle("a constant, a value and an input of one name stay apart", async () => {
  const module = moduleOf(
    `func @main(%a: tensor<3xf32>) -> (b: tensor<3xf32>) {
      %v2 = math.add(%a, @a)
      %ints = math.add(%v2, @b)
      %3 = shape.reshape(%ints) {shape = [3, 1]}
      %4 = shape.reshape(%3) {shape = [3]}
      return %4
    }`,
    `const @a : tensor<3xf32> = [1.0, 2.0, 3.0]
    const @b : tensor<3xf32> = splat 4.0`,
  );
  await assertSameInOrt(module, { a: vector(5, 6, 7) }, "clashes");
});

test("versions: opset 21 with IR version 10 unless told, metadata kept, the pipeline noted", () => {
  const module = moduleOf(
    `func @main(%x: tensor<1xf32>) -> (y: tensor<1xf32>) {
      %y = math.relu(%x)
      return %y
    }`,
    `meta { domain = "org.example", model_version = 7, metadata_props = {author = "me"} }`,
  );
  const model = decoded(exported({ ...module, doc: "What it is." }, { pipeline: "quantize{bits=8}" }));
  assert.equal([toNumber(model.irVersion), model.opsetImport.map((o) => [o.domain, toNumber(o.version)])], [10, [["", 21]]]);
  assert.equal(
    [model.producerName, model.domain, toNumber(model.modelVersion), model.docString],
    ["tersor", "org.example", 7, "What it is."],
  );
  assert.equal(
    model.metadataProps.map(({ key, value }) => [key, value]),
    [
      ["author", "me"],
      ["com.tersor.pipeline", "quantize{bits=8}"],
    ],
  );
  assert.equal(
    [13, 15, 19, 25].map((opset) => toNumber(decoded(exported(module, { opset })).irVersion)),
    [7, 8, 9, 13],
  );
});

test("carried state is an input and an output, and which belong together is noted", () => {
  const model = decoded(
    exported(
      moduleOf(`func @main(%x: tensor<2xf32>, %h: tensor<2xf32>) -> (y: tensor<2xf32>) carry (%h -> y) {
        %y = math.add(%x, %h)
        return %y
      }`),
    ),
  );
  assert.equal(
    model.metadataProps.map(({ key, value }) => [key, value]),
    [["com.tersor.carry", '{"h":"y"}']],
  );
});

test("the same module gives the same bytes", () => {
  const text = `func @main(%x: tensor<Nx2x4x4xf32>) -> (y: tensor<Nx[2 * N]xf32>) {
    %c = nn.conv(%x, @w, _)
    %s = reduce.sum(%c) {axes = [0, 1, 2, 3]}
    %y = shape.broadcast(%s) {shape = [dim[N], dim[2 * N]]}
    return %y
  }`;
  const rest =
    "const @w : tensor<2x2x3x3xf32> = quant.dequantize(@q, @s, _)\n const @q : tensor<2x2x3x3xi8> = random(2)\n const @s : tensor<f32> = 0.5";
  assert.equal(exported(moduleOf(text, rest)), exported(moduleOf(text, rest)));
});

test("every problem is reported at once, each with its op and node", () => {
  const known = moduleOf(
    `func @main(%x: tensor<1x1x4x4xf32>, %u: tensor<3xu2>) -> (a: tensor<1x1x4x4xf32>, b: tensor<1x1x4x4xf32>, c: tensor<6xi4>) {
      %a = math.relu(%x) : tensor<1x1x4x4xf32> loc("model.onnx":"Grad_7")
      %b = math.add(%x, @gone)
      %c = shape.concat(@n, @n) {axis = 0}
      return %a, %b, %c
    }`,
    `const @gone : tensor<4xf32> = elided("00", 16)
    const @n : tensor<3xi4> = [1, 2, 3]`,
  );
  const main = mainFunction(known);
  const ops = main.ops.map((op) => (op.name === "math.relu" ? { ...op, name: "demo.gone" } : op));
  const problems = problemsOf(() => exported({ ...known, functions: new Map([["main", { ...main, ops }]]) }));
  assert.equal(problems, [
    "E1008 input %u: ONNX has no values of u2 in opset 21",
    "E1001 @main, %a = demo.gone: ONNX has nothing for demo.gone",
    "E0502 @main, %b = math.add: constant @gone: its bytes were left out (elided), it cannot run",
    "E1002 @main, %c = shape.concat: ONNX has no shape.concat of i4",
  ]);
});

test("lowered modules, unknown versions, and no @main", () => {
  const relu = moduleOf("func @main(%x: tensor<1xf32>) -> (y: tensor<1xf32>) {\n %y = math.relu(%x)\n return %y\n }");
  const main = mainFunction(relu);
  const renamed = (name: string) => ({
    ...relu,
    functions: new Map([["main", { ...main, ops: main.ops.map((op) => ({ ...op, name })) }]]),
  });
  assert.match(problemsOf(() => exported(renamed("rt.kernel")))[0] ?? "", /^E1004 /);
  assert.equal(
    problemsOf(() => exported(relu, { opset: 12 })),
    ["E1007 model: operator set 12 is not among 13 to 26"],
  );
  assert.equal(
    problemsOf(() => exported({ ...relu, functions: new Map() })),
    ["E1009 module @m: there is no function @main"],
  );
});

test("a model beyond 2 GB is E1006 before anything is encoded", () => {
  const builder = new GraphBuilder(21);
  const gigabyte = new Uint8Array(2 ** 30);
  builder.initializer("a", "u8", [2 ** 30], gigabyte);
  assert.throws(
    () => builder.initializer("b", "u8", [2 ** 30], gigabyte),
    (error: Error) => error instanceof ExportFailure && error.code === "E1006",
  );
});

oracle("an op without a row is decomposed, one of a plugin takes the plugin's row", async () => {
  const twice = defineOp({
    name: "demo.twice",
    since: 1,
    doc: "`y = 2 * x`.",
    operands: [{ name: "x", role: "data" }],
    results: [{ name: "y" }],
    attrs: {},
    infer: (ctx) => [ctx.type(0)],
    reference: (ctx) => [{ ...ctx.input(0), data: (ctx.input(0).data as Float32Array).map((v) => 2 * v) }],
    work: () => ({ macs: 0 }),
    decompose: ({ builder, operands: [x = null] }) => [builder.one("math.mul", [x, builder.scalar(2, builder.typeOf(x).dtype)])],
  });
  const ops = new OpRegistry([
    { owner: "core", ops: createCoreRegistry().list() },
    { owner: "demo", ops: [twice] },
  ]);
  const text = "tersor 1.0\nmodule @m {\nfunc @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {\n %y = demo.twice(%x)\n return %y\n }\n}\n";
  const module = readModule(text, { registry: ops });
  const opsOf = (model: Uint8Array) => graphOf(model).node.map((node) => node.opType);
  assert.equal(opsOf(exportOnnx(module, { registry: ops })), ["Mul"]);
  assert.equal(
    opsOf(exportOnnx(module, { registry: ops, initializers: "outside" })),
    ["Constant", "Mul"],
    "its constant is none of the module's",
  );
  const rows: ExportTable = { "demo.twice": (op) => op.result("Sum", [op.input(0), op.input(0)]) };
  assert.equal(opsOf(exportOnnx(module, { registry: ops, rows })), ["Sum"]);
  assert.equal(attribute.flag(true), { int: 1 });
});

test.run();
