/** @file Functions that a model defines: calls are replaced by bodies, with their attributes, defaults and overloads; ONNX Runtime, which does the same, is the judge. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FunctionProto, Input, NodeProto } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { hostTensor, mainFunction, TersorError } from "../../ir-spec/index.ts";
import { encodeModel, FLOAT, float, node, ref, subgraph, value } from "./model.ts";
import { importModel, runModule, runOrt } from "./oracle.ts";

const x = hostTensor("f32", [2, 3], Float32Array.of(-2, -1, 0, 1, 2, 3));
const opsetImport = [
  { domain: "", version: 17 },
  { domain: "mine", version: 1 },
];

function model(functions: readonly Input<FunctionProto>[], nodes: readonly Input<NodeProto>[], outputs = ["y"]): Uint8Array {
  return encodeModel({
    inputs: [value("x", FLOAT, [2, 3])],
    outputs: outputs.map((name) => value(name, FLOAT, [2, 3])),
    nodes,
    model: { opsetImport, functions: functions.map((f) => ({ opsetImport, ...f })) },
  });
}

async function agrees(bytes: Uint8Array) {
  const module = importModel(bytes);
  const [ours, theirs] = [await runModule(module, { x }), await runOrt(bytes, { x })];
  for (const [name, expected] of Object.entries(theirs))
    assert.equal(Array.from(ours[name]?.data ?? [], Number), Array.from(expected.data, Number), name);
  return module;
}

const twice = { domain: "mine", name: "Twice", input: ["a"], output: ["b"], node: [node("Add", "a a", "b")] };
const mine = { domain: "mine" };

test("a call becomes its body; places name the call and the node", async () => {
  const module = await agrees(model([twice], [node("Twice", "x", "z", {}, mine), node("Twice", "z", "y", {}, { ...mine, name: "again" })]));
  const { ops } = mainFunction(module);
  assert.equal(
    ops.map((op) => [op.name, op.loc]),
    [
      ["math.add", [{ file: "model.onnx", parts: ["Twice_0", "Add_0"] }]],
      ["math.add", [{ file: "model.onnx", parts: ["again", "Add_0"] }]],
    ],
  );
});

test("functions call functions; their values do not mix with the caller's", async () => {
  const four = { ...twice, name: "Four", node: [node("Twice", "a", "x", {}, mine), node("Twice", "x", "b", {}, mine)] };
  await agrees(model([twice, four], [node("Four", "x", "b", {}, mine), node("Sub", "b x", "y")]));
});

test("attributes of the call, defaults, and attributes that are left out", async () => {
  const leaky = {
    domain: "mine",
    name: "Leaky",
    input: ["a"],
    output: ["b"],
    attribute: ["slope"],
    node: [node("LeakyRelu", "a", "b", { alpha: ref("slope", 1) })],
  };
  const sloped = { ...leaky, name: "Sloped", attribute: [], attributeProto: [{ name: "slope", ...float(0.25) }] };
  const through = { ...leaky, name: "Through", node: [node("Leaky", "a", "b", { slope: ref("slope", 1) }, mine)] };
  const calls = [
    node("Leaky", "x", "p", { slope: float(0.5) }, mine),
    node("Leaky", "x", "q", {}, mine), // ONNX's own default of alpha
    node("Sloped", "x", "r", {}, mine),
    node("Sloped", "x", "s", { slope: float(0.125) }, mine),
    node("Through", "x", "t", { slope: float(2) }, mine),
  ];
  await agrees(model([leaky, sloped, through], calls, ["p", "q", "r", "s", "t"]));
});

test("an attribute reaches the subgraphs of the body", async () => {
  const any = (name: string) => ({ name, type: { tensorType: { elemType: FLOAT } } });
  const chosen = {
    domain: "mine",
    name: "Chosen",
    input: ["a"],
    output: ["b"],
    attribute: ["slope"],
    node: [
      node("Constant", "", "n", { value_float: float(1) }),
      node("Greater", "n a0", "c"),
      node("If", "c", "b", {
        then_branch: subgraph({ name: "t", node: [node("LeakyRelu", "a", "u", { alpha: ref("slope", 1) })], output: [any("u")] }),
        else_branch: subgraph({ name: "e", node: [node("Neg", "a", "v")], output: [any("v")] }),
      }),
    ],
  };
  const reduce = node("ReduceMin", "a", "a0", { keepdims: 0 });
  await agrees(model([{ ...chosen, node: [reduce, ...chosen.node] }], [node("Chosen", "x", "y", { slope: float(0.5) }, mine)]));
});

test("optional inputs that a call leaves out, and outputs that it does not ask for", async () => {
  const clip = {
    domain: "mine",
    name: "Bound",
    input: ["a", "low", "high"],
    output: ["b", "negated"],
    node: [node("Clip", "a low high", "b"), node("Neg", "a", "negated")],
  };
  const one = node("Constant", "", "one", { value_float: float(1) });
  await agrees(model([clip], [one, node("Bound", "x _ one", "y _", {}, mine)]));
});

test("the overload of a name", async () => {
  const other = { ...twice, overload: "negated", node: [node("Neg", "a", "b")] };
  const bytes = model([twice, other], [node("Twice", "x", "y", {}, { domain: "mine", overload: "negated" } as never)]);
  const { y } = await runModule(importModel(bytes), { x });
  assert.equal(Array.from(y?.data ?? [], Number), [2, 1, -0, -1, -2, -3]);
});

const problemOf = (bytes: Uint8Array) => {
  try {
    importModel(bytes);
  } catch (error) {
    assert.instance(error, TersorError, String(error));
    return (error as TersorError).problems;
  }
  throw new Error("it was accepted");
};

test("a function that calls itself, at once or through another", () => {
  const self = { ...twice, node: [node("Twice", "a", "b", {}, mine)] };
  assert.match(problemOf(model([self], [node("Twice", "x", "y", {}, mine)]))[0]?.message ?? "", /mine\.Twice calls itself/);
  const there = { ...twice, name: "There", node: [node("Back", "a", "b", {}, mine)] };
  const back = { ...twice, name: "Back", node: [node("There", "a", "b", {}, mine)] };
  const [problem] = problemOf(model([there, back], [node("There", "x", "y", {}, mine)]));
  assert.is(problem?.code, "E0607");
  assert.is(problem?.where, 'node "There_0 > Back_0 > There_0" (mine.There, opset 1)');
});

test("functions that double each other 20 times, and that nest 40 deep", () => {
  const chain = (length: number, calls: number) =>
    Array.from({ length }, (_, i) => ({
      ...twice,
      name: `F${i}`,
      node:
        i === 0
          ? [node("Neg", "a", "b")]
          : Array.from({ length: calls }, (_unused, k) =>
              node(`F${i - 1}`, k === 0 ? "a" : `m${k}`, k === calls - 1 ? "b" : `m${k + 1}`, {}, mine),
            ),
    }));
  const start = performance.now();
  assert.match(problemOf(model(chain(20, 2), [node("F19", "x", "y", {}, mine)]))[0]?.message ?? "", /too many nodes/);
  assert.ok(performance.now() - start < 10_000);
  assert.match(problemOf(model(chain(40, 1), [node("F39", "x", "y", {}, mine)]))[0]?.message ?? "", /nest more than 32 deep/);
});

test("what a body lacks is told with the call", () => {
  const bad = { ...twice, node: [node("Nonsense", "a", "c"), node("Absurd", "a", "b")] };
  assert.equal(
    problemOf(model([bad], [node("Twice", "x", "y", {}, mine)])).map((p) => [p.code, p.where]),
    [
      ["E0604", 'node "Twice_0 > Nonsense_0" (Nonsense, opset 17)'],
      ["E0604", 'node "Twice_0 > Absurd_1" (Absurd, opset 17)'],
    ],
  );
  const [attribute] = problemOf(model([twice], [node("Twice", "x", "y", { odd: 1 }, mine)]));
  assert.match(attribute?.message ?? "", /the function has no attribute odd/);
  const [inputs] = problemOf(model([twice], [node("Twice", "x x", "y", {}, mine)]));
  assert.match(inputs?.message ?? "", /2 inputs are given, the function has 1/);
});

test.run();
