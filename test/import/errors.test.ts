/** @file Bad models: every problem at once, each with its code, place and message. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importOnnx } from "../../compiler/import/index.ts";
import { createCoreRegistry, type Problem, TersorError } from "../../ir-spec/index.ts";
import { encodeModel, FLOAT, float, INT32, INT64, type ModelSource, node, raw, tensor, value } from "./model.ts";

const registry = createCoreRegistry();
const x = value("x", FLOAT, [1, 4]);
const y = value("y", FLOAT, [1, 4]);
const relu = node("Relu", "x", "y");

function problemsOf(source: ModelSource | Uint8Array): readonly Problem[] {
  const bytes = source instanceof Uint8Array ? source : encodeModel(source);
  try {
    importOnnx(bytes, { registry, fileName: "bad.onnx" });
  } catch (error) {
    assert.instance(error, TersorError, String(error));
    return (error as TersorError).problems;
  }
  throw new Error("the model was imported");
}

/** Exactly one problem: code, message and place. */
function refuses(source: ModelSource | Uint8Array, code: string, message: RegExp, where?: string): void {
  const problems = problemsOf(source);
  assert.is(problems.length, 1, JSON.stringify(problems));
  const [problem] = problems;
  assert.is(problem?.code, code, problem?.message);
  assert.match(problem?.message ?? "", message);
  if (where !== undefined) assert.is(problem?.where, where);
}

test("garbage is E0601", () => {
  refuses(new Uint8Array(0), "E0601", /0 bytes that hold no ONNX graph/, "model");
  refuses(
    Uint8Array.from({ length: 200 }, (_, i) => (i * 73 + 255) & 255),
    "E0601",
    /not readable as an ONNX model/,
  );
  refuses(new TextEncoder().encode("tersor 1.0\n"), "E0601", /./);
});

test("every truncation is a coded error", () => {
  const whole = encodeModel({ inputs: [x], outputs: [y], nodes: [relu] });
  for (let length = 0; length < whole.length; length++) {
    const codes = problemsOf(whole.subarray(0, length)).map((p) => p.code);
    assert.ok(
      codes.every((code) => code === "E0601" || code === "E0611"),
      `${length}: ${codes}`,
    );
  }
});

test("all unsupported nodes are listed at once, and nothing that only follows from them", () => {
  const nodes = [
    node("Nonsense", "x", "a", {}, { name: "first" }),
    node("Relu", "a", "b"),
    node("NoSuchThing", "b", "c", {}, { domain: "com.microsoft" }),
    node("Absurd", "c", "y"),
  ];
  const problems = problemsOf({ inputs: [x], outputs: [y], nodes });
  assert.equal(
    problems.map((p) => [p.code, p.message, p.where]),
    [
      ["E0604", "the operator Nonsense is not supported", 'node "first" (Nonsense, opset 17)'],
      ["E0604", "the operator com.microsoft.NoSuchThing is not supported", 'node "NoSuchThing_2" (com.microsoft.NoSuchThing, opset 17)'],
      ["E0604", "the operator Absurd is not supported", 'node "Absurd_3" (Absurd, opset 17)'],
    ],
  );
  assert.equal(problems[0]?.loc, [{ file: "bad.onnx", parts: ["first"] }]);
});

const withInitializer = (initializer: ReturnType<typeof tensor>) => ({
  inputs: [x],
  outputs: [y],
  nodes: [node("Add", "x w", "y")],
  initializers: [initializer],
});

test("initializers whose bytes do not fit are E0602", () => {
  const where = 'initializer "w"';
  refuses(
    withInitializer({ ...raw("w", [4], [1, 2, 3, 4]), rawData: new Uint8Array(15) }),
    "E0602",
    /15 bytes, its shape \[4\] of f32 takes 16/,
    where,
  );
  refuses(withInitializer(tensor("w", FLOAT, [4], [1, 2, 3])), "E0602", /3 values in float_data, its shape \[4\] of f32 takes 4/, where);
  refuses(withInitializer({ name: "w", dataType: FLOAT, dims: [4] }), "E0602", /0 bytes/, where);
  refuses(withInitializer({ ...tensor("w", FLOAT, [1], []), int32Data: [1] }), "E0602", /f32 cannot be in int32_data/, where);
  refuses(withInitializer(tensor("w", FLOAT, [-4], [])), "E0602", /negative size -4/, where);
  refuses(withInitializer(tensor("w", 3, [1], [300])), "E0602", /value 300 at index 0 is outside i8/, where);
  refuses(withInitializer(tensor("w", FLOAT, [2 ** 40, 2 ** 40], [])), "E0602", /impossible shape/, where);
});

test("external data is E0603 and names the file", () => {
  const external = { name: "w", dataType: FLOAT, dims: [4], dataLocation: 1, externalData: [{ key: "location", value: "w.bin" }] };
  refuses(withInitializer(external), "E0603", /another file \("w.bin"\), which was not given/, 'initializer "w"');
});

test("element types without a counterpart are E0609", () => {
  refuses(withInitializer({ name: "w", dataType: 17, dims: [1], rawData: new Uint8Array(1) }), "E0609", /float8e4m3fn/);
  refuses(withInitializer({ name: "w", dataType: 8, dims: [1] }), "E0609", /string/);
  refuses({ inputs: [value("x", 8, [1])], outputs: [y], nodes: [relu] }, "E0609", /element type string/, 'input "x"');
  const sequence = { name: "x", type: { sequenceType: { elemType: { tensorType: { elemType: 1 } } } } };
  refuses({ inputs: [sequence], outputs: [y], nodes: [relu] }, "E0609", /a sequence is not supported/);
  refuses({ inputs: [{ name: "x", type: { tensorType: { elemType: 1 } } }], outputs: [y], nodes: [relu] }, "E0609", /rank is not known/);
});

test("a graph with wrong names is E0607", () => {
  refuses(
    { inputs: [x], outputs: [y], nodes: [node("Relu", "z", "y")] },
    "E0607",
    /input "z" is not defined/,
    'node "Relu_0" (Relu, opset 17)',
  );
  refuses({ inputs: [x], outputs: [y], nodes: [node("Relu", "a", "y"), node("Relu", "x", "a")] }, "E0607", /"a" is used before the node/);
  refuses({ inputs: [x], outputs: [y], nodes: [relu, relu] }, "E0607", /"y" is defined twice/);
  refuses({ inputs: [x, x], outputs: [y], nodes: [relu] }, "E0607", /"x" is defined twice/);
  refuses({ inputs: [x], outputs: [value("z", FLOAT, [1])], nodes: [relu] }, "E0607", /no node computes it/, 'output "z"');
  refuses({ inputs: [x], outputs: [y, y], nodes: [relu] }, "E0607", /listed twice/);
  refuses({ inputs: [x], outputs: [], nodes: [relu] }, "E0607", /no outputs/);
  refuses({ inputs: [x], outputs: [value("y", INT32, [1, 4])], nodes: [relu] }, "E0607", /declared as i32 and computed as f32/);
});

test("attributes are E0606 when wrong and E0605 when not supported", () => {
  const softmax = (attributes: Parameters<typeof node>[3]) => ({
    inputs: [x],
    outputs: [y],
    nodes: [node("Softmax", "x", "y", attributes)],
  });
  refuses(softmax({ axis: float(1) }), "E0606", /attribute axis must be of kind int, got float/);
  refuses(softmax({ axis: 2 }), "E0606", /axis 2 is outside rank 2/);
  refuses(softmax({ temperature: 2 }), "E0605", /attribute temperature is not supported/);
  refuses({ inputs: [x], outputs: [y], nodes: [node("Concat", "x", "y")] }, "E0606", /attribute axis is missing/);
  refuses({ inputs: [x], outputs: [y], nodes: [node("Add", "x", "y")] }, "E0606", /input 1 is missing/);
  const twice = {
    ...relu,
    attribute: [
      { name: "a", i: 1, type: 2 },
      { name: "a", i: 1, type: 2 },
    ],
  };
  refuses({ inputs: [x], outputs: [y], nodes: [twice] }, "E0606", /attribute a is given twice/);
});

test("an output that is not offered is E0605", () => {
  const image = value("x", FLOAT, [1, 1, 4, 4]);
  const two = node("Relu", "x", "y mask");
  refuses({ inputs: [image], outputs: [y], nodes: [two] }, "E0605", /output 1 \("mask"\) is not supported/);
});

test("shapes that are not known at compile time are E0608", () => {
  const tile = { inputs: [x, value("s", INT64, [2])], outputs: [y], nodes: [node("Tile", "x s", "y")] };
  refuses(tile, "E0608", /the list of repeats is not known at compile time/, 'node "Tile_0" (Tile, opset 17)');
  const reshape = { inputs: [x, value("s", INT64, ["n"])], outputs: [y], nodes: [node("Reshape", "x s", "y")] };
  refuses(reshape, "E0608", /its length is not known at compile time/);
  const halved = [node("Shape", "x", "s"), node("Div", "s zero", "t"), node("Reshape", "x t", "y")];
  const zero = tensor("zero", INT64, [], [0]);
  refuses({ inputs: [value("x", FLOAT, ["n", 4])], outputs: [y], nodes: halved, initializers: [zero] }, "E0608", /division by zero/);
});

test("types that an op rejects keep its code and name the node", () => {
  const nodes = [node("MatMul", "x w", "y", {}, { name: "fc" })];
  refuses(
    { inputs: [x], outputs: [y], nodes, initializers: [raw("w", [3, 2], [1, 2, 3, 4, 5, 6])] },
    "E0312",
    /./,
    'node "fc" (MatMul, opset 17)',
  );
});

test("sizes beyond exact integers are refused", () => {
  const huge = value("x", FLOAT, [2 ** 40, 2 ** 40]);
  refuses({ inputs: [huge], outputs: [y], nodes: [node("Flatten", "x", "y", { axis: 0 })] }, "E0606", /sizes are impossible/);
});

test("damaged bytes give a module or coded errors, never anything else", () => {
  const nodes = [
    node("Conv", "x w", "c", { auto_pad: "SAME_UPPER", strides: [1, 1] }),
    node("MaxPool", "c", "p", { kernel_shape: [2, 2], pads: [0, 0, 0, 0] }),
    node("Reshape", "p s", "r"),
    node("Softmax", "r", "y", { axis: 1 }),
  ];
  const initializers = [raw("w", [2, 1, 3, 3], new Array(18).fill(0.5)), tensor("s", INT64, [2], [1, -1])];
  const inputs = [value("x", FLOAT, [1, 1, 6, 6])];
  const whole = encodeModel({ inputs, outputs: [value("y", FLOAT, [1, 50])], nodes, initializers });
  const imports = (bytes: Uint8Array): boolean => {
    try {
      importOnnx(bytes, { registry });
      return true;
    } catch (error) {
      assert.instance(error, TersorError, String(error));
      return false;
    }
  };
  assert.ok(imports(whole));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), (changes) => {
      const damaged = whole.slice();
      for (const [at, byte] of changes) damaged[at] = byte;
      imports(damaged);
    }),
    { numRuns: 3000, seed: 1 },
  );
});

test("operator sets are E0611 when absent or too new", () => {
  refuses({ opset: 99, inputs: [x], outputs: [y], nodes: [relu] }, "E0611", /operator set 99 is not among the known versions/);
  refuses({ inputs: [x], outputs: [y], nodes: [relu], model: { opsetImport: [] } }, "E0611", /imports no standard operator set/);
});

test.run();
