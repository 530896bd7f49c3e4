/** @file `If`, `Loop` and `Scan`: what is known while importing leaves no control flow, the rest runs as ONNX Runtime does, and every module verifies and reads back from its text. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { parseModule, printModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/index.ts";
import { type HostTensor, hostTensor, type Module, mainFunction, moduleDifference, printDim, TersorError } from "../../ir-spec/index.ts";
import { BOOL, encodeModel, FLOAT, INT64, type ModelSource, node, subgraph, tensor, value } from "./model.ts";
import { type Feeds, importModel, registry, runModule, runOrt } from "./oracle.ts";

const f32 = (shape: readonly number[], numbers: readonly number[]): HostTensor => hostTensor("f32", shape, Float32Array.from(numbers));
const bool = (flag: boolean): HostTensor => hostTensor("bool", [], Uint8Array.of(flag ? 1 : 0));
const i64 = (number: number): HostTensor => hostTensor("i64", [], BigInt64Array.of(BigInt(number)));
const ramp = (...shape: readonly number[]): HostTensor =>
  f32(
    shape,
    Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => (i % 7) - 3),
  );

const opNames = (module: Module): readonly string[] => mainFunction(module).ops.map((op) => op.name);
const controls = (module: Module): readonly string[] =>
  [...module.functions.values()].flatMap((func) => func.ops.map((op) => op.name)).filter((name) => name.startsWith("control."));

/** Imports, verifies, reads back from text, runs, and compares with ONNX Runtime. */
async function agrees(source: ModelSource, ...runs: readonly Feeds[]): Promise<Module> {
  const bytes = encodeModel(source);
  const module = importModel(bytes);
  assert.equal(verifyModule(module, registry), []);
  const text = printModule(module);
  const parsed = parseModule(text, { registry, file: "printed" });
  assert.equal(parsed.problems, []);
  assert.is(moduleDifference(module, parsed.module as Module), null);
  for (const feeds of runs) {
    const [ours, theirs] = [await runModule(module, feeds), await runOrt(bytes, feeds)];
    for (const [name, expected] of Object.entries(theirs)) {
      assert.equal(ours[name]?.shape, expected.shape, name);
      assert.equal(Array.from(ours[name]?.data ?? [], Number), Array.from(expected.data, Number), name);
    }
  }
  return module;
}

const out = (name: string, type = FLOAT) => value(name, type, []);
const branch = (name: string, op: string, inputs: string) => subgraph({ name, node: [node(op, inputs, name)], output: [anyShape(name)] });
/** A graph's output that does not tell its shape. */
const anyShape = (name: string, elemType = FLOAT) => ({ name, type: { tensorType: { elemType } } });

const choice = (condition: string) =>
  node("If", condition, "y", { then_branch: branch("a", "Relu", "x"), else_branch: branch("b", "Neg", "x") });

test("a constant condition takes its branch, and nothing of the other is left", async () => {
  const source = { inputs: [value("x", FLOAT, [2, 3])], outputs: [value("y", FLOAT, [2, 3])], nodes: [choice("c")] };
  for (const flag of [0, 1]) {
    const module = await agrees({ ...source, initializers: [tensor("c", BOOL, [], [flag])] }, { x: ramp(2, 3) });
    assert.equal(opNames(module), [flag ? "math.relu" : "math.neg"]);
    assert.is(module.functions.size, 1);
  }
});

test("a condition on a known size takes its branch", async () => {
  const nodes = [node("Shape", "x", "shape"), node("Gather", "shape zero", "rows"), node("Equal", "rows two", "c"), choice("c")];
  const initializers = [tensor("zero", INT64, [], [0]), tensor("two", INT64, [], [2])];
  const source = { inputs: [value("x", FLOAT, [2, 3])], outputs: [value("y", FLOAT, [2, 3])], nodes, initializers };
  assert.equal(opNames(await agrees(source, { x: ramp(2, 3) })), ["math.relu"]);
});

test("a condition on a symbolic size takes the usual branch and requires what that assumes", async () => {
  const nodes = [node("Shape", "x", "shape"), node("Gather", "shape zero", "rows"), node("Equal", "rows one", "c"), choice("c")];
  const initializers = [tensor("zero", INT64, [], [0]), tensor("one", INT64, [], [1])];
  const source = { inputs: [value("x", FLOAT, ["rows", 3])], outputs: [value("y", FLOAT, ["rows", 3])], nodes, initializers };
  const module = await agrees(source, { x: ramp(2, 3) }, { x: ramp(5, 3) });
  assert.equal(opNames(module), ["math.neg"]);
  const [require] = mainFunction(module).requires;
  assert.is(require?.right, 0);
  assert.throws(() => interpret(module, registry, { x: ramp(1, 3) }), /requires .* == 0, which is 1 == 0 with ROWS = 1/);
  assert.ok(printDim(require?.left ?? 0).includes("ROWS"));
});

test("a condition that a run decides: functions, captures as operands", async () => {
  const inputs = [value("x", FLOAT, ["n", 3]), value("c", BOOL, [])];
  const nodes = [
    node("Abs", "x", "z"),
    node("If", "c", "y", { then_branch: branch("a", "Relu", "z"), else_branch: branch("b", "Neg", "x") }),
  ];
  const source = { inputs, outputs: [value("y", FLOAT, ["n", 3])], nodes };
  const module = await agrees(source, { x: ramp(2, 3), c: bool(true) }, { x: ramp(4, 3), c: bool(false) });
  assert.equal(opNames(module), ["math.abs", "control.if"]);
  assert.equal([...module.functions.keys()], ["main", "If_1.then", "If_1.else"]);
  assert.equal(module.functions.get("If_1.then")?.ops[0]?.loc, [{ file: "model.onnx", parts: ["If_1", "Relu_0"] }]);
});

test("branches whose results differ in a size introduce a symbol", async () => {
  const slice = (name: string, rows: string) => subgraph({ name, node: [node("Slice", `x zero ${rows}`, name)], output: [anyShape(name)] });
  const nodes = [node("If", "c", "y", { then_branch: slice("a", "two"), else_branch: slice("b", "four") }), node("Relu", "y", "z")];
  const initializers = [tensor("zero", INT64, [1], [0]), tensor("two", INT64, [1], [2]), tensor("four", INT64, [1], [4])];
  const source = { inputs: [value("x", FLOAT, [6, 3]), value("c", BOOL, [])], outputs: [anyShape("z")], nodes, initializers };
  await agrees(source, { x: ramp(6, 3), c: bool(true) }, { x: ramp(6, 3), c: bool(false) });
});

test("branches of different rank are refused with a way out", () => {
  const nodes = [
    node("If", "c", "y", { then_branch: branch("a", "Relu", "x"), else_branch: branch("b", "Flatten", "x") }),
    node("Relu", "y", "z"),
  ];
  const model = encodeModel({ inputs: [value("x", FLOAT, [2, 3, 4]), value("c", BOOL, [])], outputs: [anyShape("z")], nodes });
  const error = refusal(() => importModel(model));
  assert.is(error.problems[0]?.code, "E0605");
  assert.match(error.message, /output 0 has rank 3 in one branch and 2 in the other/);
  assert.match(error.problems[0]?.hint ?? "", /fixed shapes/);
});

/** x_{i+1} = x_i + step, stacked. */
const adding = subgraph({
  name: "adding",
  input: [value("i", INT64, []), value("cond", BOOL, []), anyShape("before")],
  node: [node("Identity", "cond", "go_on"), node("Add", "before step", "after"), node("Mul", "after two", "item")],
  output: [out("go_on", BOOL), anyShape("after"), anyShape("item")],
});

test("a loop of few known iterations is written out", async () => {
  const source = {
    inputs: [value("x", FLOAT, [2, 3]), value("step", FLOAT, [2, 3])],
    outputs: [anyShape("y"), anyShape("all")],
    nodes: [node("Loop", "trips _ x", "y all", { body: adding })],
    initializers: [tensor("trips", INT64, [], [3]), tensor("two", FLOAT, [], [2])],
  };
  const feeds = { x: ramp(2, 3), step: ramp(2, 3) };
  const module = await agrees(source, feeds);
  assert.equal(controls(module), []);
  assert.is(module.functions.size, 1);
  const { plans } = await compile(module, { targets: ["wasm-simd"] });
  assert.is(plans.length, 1);
});

test("a loop whose length a run decides, and one of many iterations, are ops", async () => {
  const body = (trips: string) => node("Loop", `${trips} _ x`, "y all", { body: adding });
  const inputs = [value("x", FLOAT, ["n", 3]), value("step", FLOAT, ["n", 3])];
  const outputs = [anyShape("y"), anyShape("all")];
  const initializers = [tensor("two", FLOAT, [], [2])];
  const run = { x: ramp(2, 3), step: ramp(2, 3) };
  const dynamic = { inputs: [...inputs, value("trips", INT64, [])], outputs, nodes: [body("trips")], initializers };
  const module = await agrees(dynamic, { ...run, trips: i64(4) }, { ...run, trips: i64(1) });
  assert.equal(controls(module), ["control.loop"]);
  const long = { inputs, outputs, nodes: [body("many")], initializers: [...initializers, tensor("many", INT64, [], [100])] };
  assert.equal(controls(await agrees(long, run)), ["control.loop"]);
});

test("a loop that a value ends: while x < 20 do x = 2 x", async () => {
  const doubling = subgraph({
    name: "doubling",
    input: [value("i", INT64, []), value("cond", BOOL, []), value("before", FLOAT, [])],
    node: [node("Mul", "before two", "after"), node("Less", "after limit", "go_on")],
    output: [out("go_on", BOOL), out("after")],
  });
  const source = {
    inputs: [value("x", FLOAT, [])],
    outputs: [out("y")],
    nodes: [node("Less", "x limit", "begin"), node("Loop", "_ begin x", "y", { body: doubling })],
    initializers: [tensor("two", FLOAT, [], [2]), tensor("limit", FLOAT, [], [20])],
  };
  const module = await agrees(source, { x: f32([], [3]) }, { x: f32([], [30]) });
  assert.equal(controls(module), ["control.loop"]);
  assert.throws(() => interpret(module, registry, { x: f32([], [0]) }, { maxWork: 10_000 }), /budget of this run/);
});

test("a constant start and an end that constants tell are written out too", async () => {
  const counting = subgraph({
    name: "counting",
    input: [value("i", INT64, []), value("cond", BOOL, []), anyShape("before")],
    node: [node("Less", "i last", "go_on"), node("Add", "before x", "after")],
    output: [out("go_on", BOOL), anyShape("after")],
  });
  const source = {
    inputs: [value("x", FLOAT, [2])],
    outputs: [anyShape("y")],
    nodes: [node("Loop", "_ begin x", "y", { body: counting })],
    initializers: [tensor("begin", BOOL, [], [1]), tensor("last", INT64, [], [4])],
  };
  const module = await agrees(source, { x: ramp(2) });
  assert.equal(controls(module), []);
  assert.is(opNames(module).filter((name) => name === "math.add").length, 5);
});

test("a carried size that grows is a symbol", async () => {
  const growing = subgraph({
    name: "growing",
    input: [value("i", INT64, []), value("cond", BOOL, []), anyShape("before")],
    node: [node("Identity", "cond", "go_on"), node("Concat", "before x", "after", { axis: 0 })],
    output: [out("go_on", BOOL), anyShape("after")],
  });
  const source = {
    inputs: [value("x", FLOAT, [2, 3]), value("trips", INT64, [])],
    outputs: [anyShape("z")],
    nodes: [node("Loop", "trips _ x", "y", { body: growing }), node("Neg", "y", "z")],
  };
  const module = await agrees(source, { x: ramp(2, 3), trips: i64(3) }, { x: ramp(2, 3), trips: i64(0) });
  assert.equal(controls(module), ["control.loop"]);
});

test("subgraphs in subgraphs capture through them", async () => {
  const inner = node("If", "c", "chosen", { then_branch: branch("p", "Add", "before x"), else_branch: branch("q", "Sub", "before x") });
  const body = subgraph({
    name: "body",
    input: [value("i", INT64, []), value("cond", BOOL, []), anyShape("before")],
    node: [node("Identity", "cond", "go_on"), inner],
    output: [out("go_on", BOOL), anyShape("chosen")],
  });
  const source = {
    inputs: [value("x", FLOAT, ["n"]), value("trips", INT64, []), value("c", BOOL, [])],
    outputs: [anyShape("y")],
    nodes: [node("Loop", "trips _ x", "y", { body })],
  };
  const module = await agrees(source, { x: ramp(4), trips: i64(3), c: bool(true) }, { x: ramp(4), trips: i64(2), c: bool(false) });
  assert.equal(controls(module).slice().sort(), ["control.if", "control.loop"]);
});

const summing = subgraph({
  name: "summing",
  input: [anyShape("sum"), anyShape("item")],
  node: [node("Add", "sum item", "next"), node("Mul", "next item", "y")],
  output: [anyShape("next"), anyShape("y")],
});

for (const [name, length] of [
  ["short", 5],
  ["long", 100],
] as const) {
  test(`a ${name} scan, along other axes and backwards`, async () => {
    const attributes = {
      num_scan_inputs: 1,
      body: summing,
      scan_input_axes: [1],
      scan_input_directions: [1],
      scan_output_axes: [-1],
      scan_output_directions: [1],
    };
    const source = {
      inputs: [value("s", FLOAT, [2]), value("x", FLOAT, [2, length])],
      outputs: [anyShape("last"), anyShape("all")],
      nodes: [node("Scan", "s x", "last all", attributes)],
    };
    const x = f32(
      [2, length],
      Array.from({ length: 2 * length }, (_, i) => (i % 3) - 1),
    );
    const module = await agrees(source, { s: ramp(2), x });
    assert.equal(controls(module), length > 64 ? ["control.scan"] : []);
  });
}

test("a scan of a symbolic length", async () => {
  const source = {
    inputs: [value("s", FLOAT, [3]), value("x", FLOAT, ["time", 3])],
    outputs: [anyShape("last"), anyShape("all")],
    nodes: [node("Scan", "s x", "last all", { num_scan_inputs: 1, body: summing })],
  };
  const module = await agrees(source, { s: ramp(3), x: ramp(4, 3) }, { s: ramp(3), x: ramp(1, 3) });
  assert.equal(controls(module), ["control.scan"]);
  const error = await compile(module, { targets: ["wasm-simd"] }).then(
    () => null,
    (thrown) => thrown,
  );
  assert.is(error.problems[0].code, "E0801");
  assert.match(error.problems[0].message, /no kernel for control\.scan/);
});

test("problems in subgraphs are told with the nodes around them, those of both branches at once", () => {
  const nodes = [
    node("If", "c", "y", { then_branch: branch("a", "Nonsense", "x"), else_branch: branch("b", "Absurd", "x") }, { name: "pick" }),
  ];
  const model = encodeModel({ inputs: [value("x", FLOAT, [2]), value("c", BOOL, [])], outputs: [anyShape("y")], nodes });
  const { problems } = refusal(() => importModel(model));
  assert.equal(
    problems.map((p) => [p.code, p.where]),
    [
      ["E0604", 'node "pick > Nonsense_0" (Nonsense, opset 17)'],
      ["E0604", 'node "pick > Absurd_0" (Absurd, opset 17)'],
    ],
  );
});

test("loops in loops are not written out without end", () => {
  const loops = (depth: number): ReturnType<typeof node> =>
    node("Loop", "trips _ x", "y", {
      body: subgraph({
        name: "b",
        input: [value(`i${depth}`, INT64, []), value(`c${depth}`, BOOL, []), anyShape(`x${depth}`)],
        node: [node("Identity", `c${depth}`, `g${depth}`), depth === 0 ? node("Neg", `x${depth}`, "y") : loops(depth - 1)],
        output: [out(`g${depth}`, BOOL), anyShape("y")],
      }),
    });
  const many = encodeModel({
    inputs: [value("x", FLOAT, [2])],
    outputs: [anyShape("y")],
    nodes: [loops(12)],
    initializers: [tensor("trips", INT64, [], [60])],
  });
  const start = performance.now();
  assert.match(refusal(() => importModel(many)).message, /too many nodes/);
  assert.ok(performance.now() - start < 20_000);
});

function refusal(work: () => unknown): TersorError {
  try {
    work();
  } catch (error) {
    assert.instance(error, TersorError, String(error));
    return error as TersorError;
  }
  throw new Error("it was accepted");
}

test.run();
