/**
 * @file Inputs made to hurt: short texts and models that ask for much, and megabytes that look harmless. Each is what a reader, the compiler or a backend once could not bear, or might
 * not. Made by builders: none is a file.
 */
import { concatenated, varintBytes } from "../../scripts/fuzz/protobuf.ts";

export interface Attack {
  readonly name: string;
  readonly kind: "tir" | "onnx";
  bytes(): Uint8Array;
}

const tir = (name: string, text: () => string): Attack => ({ name, kind: "tir", bytes: () => new TextEncoder().encode(text()) });
const moduleOf = (body: string, x = "1x1x4", ops = "", result = "%x"): string =>
  `tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<${x}xf32>) -> (y: tensor<${x}xf32>) {\n${ops}\n    return ${result}\n  }\n${body}\n}\n`;
const op = (call: string, x: string, y: string): string =>
  `tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<${x}xf32>) -> (y: tensor<${y}xf32>) {\n    %y = ${call}\n    return %y\n  }\n}\n`;
const megabyte = 1 << 20;
/** Of text in which every second character is a token: a token takes about a hundred bytes while it is read. */
const dense = megabyte / 3;

export const attacks: readonly Attack[] = [
  tir("a pooling window as large as a plane", () => op("nn.avg_pool(%x) {kernel = [60000]}", "1x1x120000", "1x1x60001")),
  tir("padding that dwarfs the plane", () =>
    op("nn.conv(%x, @w, _) {stride = [1000000000], pad = [1000000000, 1000000000]}", "1x1x4", "1x1x3").replace(
      /\n}\n$/,
      "\n  const @w : tensor<1x1x1xf32> = splat 1.0\n}\n",
    ),
  ),
  tir("a kernel of a thousand million", () =>
    op("nn.max_pool(%x) {kernel = [1000000000], pad = [999999999, 999999999]}", "1x1x4", "1x1x1000000003"),
  ),
  tir("a slice with an extreme step", () =>
    op("shape.slice(%x) {starts = [0], ends = [9007199254740991], axes = [2], steps = [9007199254740991]}", "1x1x4", "1x1x1"),
  ),
  tir("a slice with extreme ends", () =>
    op("shape.slice(%x) {starts = [-9007199254740991], ends = [9007199254740991], axes = [2], steps = [1]}", "1x1x4", "1x1x4"),
  ),
  tir("padding to a thousand million elements", () =>
    op("shape.pad(%x) {before = [0, 0, 1000000000], after = [0, 0, 0]}", "1x1x4", "1x1x1000000004"),
  ),
  tir("a broadcast to a thousand million elements", () =>
    op("shape.broadcast(%x) {shape = [1000, 1000, 4000]}", "1x1x4000", "1000x1000x4000"),
  ),
  tir("many broadcasts", () =>
    moduleOf(
      "",
      "1x1x4",
      Array.from(
        { length: 40 },
        (_, i) => `    %b${i} = shape.broadcast(%x) {shape = [1000, 1000, 4]}\n    %s${i} = reduce.sum(%b${i}) {axes = [0, 1]}`,
      ).join("\n"),
    ),
  ),
  ...["[1, 2, 3]", "7", 'hex"0102"', "splat 1", "random(3)"].map((data) =>
    tir(`a constant of more than 2^53 elements as ${data}`, () => moduleOf(`  const @c : tensor<9007199254740991x3xi16> = ${data}`)),
  ),
  tir("an empty tensor with a loop of a thousand million", () => op("reduce.sum(%x) {axes = [1]}", "1000000000x0", "1000000000")),
  tir("empty tensors concatenated", () => op("shape.concat(%x, %x) {axis = 1}", "2000000000x0x4", "2000000000x0x4")),
  tir(
    "integers to the power of extreme integers",
    () =>
      "tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<2xi64>) -> (y: tensor<2xi64>) {\n    %y = math.pow(@a, @b)\n    return %y\n  }\n  const @a : tensor<2xi64> = [3, -3]\n  const @b : tensor<2xi64> = [9223372036854775807, -9223372036854775808]\n}\n",
  ),
  tir(
    "the smallest integer divided by minus one",
    () =>
      "tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<2xi64>) -> (y: tensor<2xi64>, z: tensor<2xi32>) {\n    %y = math.div(@a, @b)\n    %z = math.div(@c, @d)\n    return %y, %z\n  }\n  const @a : tensor<2xi64> = [-9223372036854775808, 1]\n  const @b : tensor<2xi64> = [-1, 0]\n  const @c : tensor<2xi32> = [-2147483648, 1]\n  const @d : tensor<2xi32> = [-1, 0]\n}\n",
  ),
  tir(
    "one hot of a thousand million classes",
    () =>
      "tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<2xi64>) -> (y: tensor<2x1000000000xf32>) {\n    %y = tensor.one_hot(%x) {depth = 1000000000, dtype = f32}\n    return %y\n  }\n}\n",
  ),
  tir("a splat of four thousand million elements", () =>
    moduleOf("  const @big : tensor<65536x65536xf32> = splat 0.0\n  const @derived : tensor<65536x65536xf32> = math.neg(@big)"),
  ),
  tir("a chain of 3,000 definitions", () =>
    moduleOf(
      `${Array.from({ length: 3000 }, (_, i) => `  const @c${i} : tensor<f32> = math.neg(@c${i + 1})`).join("\n")}\n  const @c3000 : tensor<f32> = 1.0`,
    ),
  ),
  tir("definitions that double 200 times", () =>
    moduleOf(
      `${Array.from({ length: 200 }, (_, i) => `  const @c${i} : tensor<f32> = math.add(@c${i + 1}, @c${i + 1})`).join("\n")}\n  const @c200 : tensor<f32> = 1.0`,
    ),
  ),
  tir("20,000 ops", () =>
    moduleOf(
      "",
      "1x1x4",
      Array.from({ length: 20000 }, (_, i) => `    %v${i} = math.neg(%${i === 0 ? "x" : `v${i - 1}`})`).join("\n"),
      "%v19999",
    ),
  ),
  tir("a polynomial of many symbols", () =>
    moduleOf(
      "",
      `${"ABCDEFGHIJKLMNOP".split("").join("x")}x[${Array.from({ length: 12 }, () => `(${"ABCDEFGHIJKLMNOP".split("").join(" + ")})`).join(" * ")}]`,
    ),
  ),
  tir("a square of a square of a square", () => moduleOf("", `Nx[${"N".padStart(1)}${" * N".repeat(2000)}]`)),
  tir("a megabyte of brackets", () => "[".repeat(megabyte)),
  tir("a megabyte of opening dims", () => `tersor 1.0\n${"dim[".repeat(megabyte / 4)}`),
  tir("a megabyte of opening types", () => `tersor 1.0\n${"tensor<".repeat(megabyte / 7)}`),
  tir("a megabyte of requires", () => `tersor 1.0\n${"require [".repeat(megabyte / 9)}`),
  tir("a megabyte of requires without end", () => `tersor 1.0\n${"require [N] == ".repeat(megabyte / 15)}`),
  tir("a megabyte of digits and a letter", () => `tersor 1.0\n${"9".repeat(megabyte)}x`),
  tir("a megabyte of digits", () => moduleOf(`  const @c : tensor<f32> = ${"9".repeat(megabyte)}`)),
  tir("a megabyte of fraction", () => moduleOf(`  const @c : tensor<f32> = 0.${"9".repeat(megabyte)}e-5`)),
  tir("an exponent of a megabyte", () => moduleOf(`  const @c : tensor<f32> = 1e${"9".repeat(megabyte)}`)),
  tir("hexadecimal digits without end", () => moduleOf(`  const @c : tensor<f32> = 0x${"f".repeat(megabyte)}p1`)),
  tir("a hexadecimal exponent of a megabyte", () => moduleOf(`  const @c : tensor<f32> = 0x1.8p${"9".repeat(megabyte)}`)),
  tir("a megabyte of quotes", () => `tersor 1.0\n${'"'.repeat(megabyte + 1)}`),
  tir("a megabyte of quoted values", () => `tersor 1.0\n${'%"'.repeat(megabyte / 2)}`),
  tir("a string that never ends", () => `tersor 1.0\nmodule @"${"a".repeat(megabyte)}`),
  tir("backslashes", () => `tersor 1.0\nmodule @"${"\\".repeat(megabyte + 1)}"`),
  tir("strings with broken escapes", () => `tersor 1.0\n${'"\\x'.repeat(megabyte / 4)}`),
  tir("a megabyte of names with dots", () => `tersor 1.0\nmodule @${"a.".repeat(megabyte / 2)}`),
  tir("a megabyte of at signs", () => `tersor 1.0\n${"@".repeat(megabyte)}`),
  tir("a megabyte of underscores", () => `tersor 1.0\nmodule @m { ${"_".repeat(megabyte)} }`),
  tir("a long list", () => moduleOf(`  const @c : tensor<4xf32> = [${"1, ".repeat(dense / 3)}1]`)),
  tir("a long list that fits", () => moduleOf(`  const @c : tensor<${Math.floor(dense / 3) + 1}xu8> = [${"1, ".repeat(dense / 3)}1]`)),
  tir("a long attribute", () => moduleOf("").replace("{\n  func", `{\n  meta { a = [${"1, ".repeat(dense / 3)}1] }\n  func`)),
  tir("many keys", () =>
    moduleOf("").replace("{\n  func", `{\n  meta { ${Array.from({ length: dense / 12 }, (_, i) => `k${i} = 1`).join(", ")} }\n  func`),
  ),
  tir("a megabyte of comments", () => `tersor 1.0\n${"// a\n".repeat(megabyte / 5)}module @m {}`),
  tir("a megabyte of docs", () => `tersor 1.0\n${"/// a\n".repeat(megabyte / 6)}module @m {}`),
  tir("a megabyte of white space", () => `${" ".repeat(megabyte)}tersor 1.0\nmodule @m {}`),
  tir("a megabyte of slashes", () => `${"/".repeat(megabyte)}tersor 1.0\nmodule @m {}`),
  tir("a type of 100,000 sizes", () => moduleOf("", "1x".repeat(100_000).slice(0, -1))),
  tir("a rank of 100 of size 2", () => moduleOf("", "2x".repeat(100).slice(0, -1), "    %y = math.neg(%x)", "%y")),
  tir("30,000 unknown names", () =>
    moduleOf("", "1x1x4", Array.from({ length: 30000 }, (_, i) => `    %v${i} = math.neg(%w${i})`).join("\n")),
  ),
  tir("10,000 constants of one name", () => moduleOf("  const @c : tensor<f32> = 1.0\n".repeat(10000))),
  tir("20,000 functions", () => moduleOf(Array.from({ length: 20000 }, (_, i) => `func @f${i}() -> () { return }`).join("\n"))),
  tir("a call of itself", () => moduleOf("  func @f() -> (y: tensor<f32>) {\n    %y = control.call() {f = @f}\n    return %y\n  }")),
  ...onnxAttacks(),
];

function onnxAttacks(): readonly Attack[] {
  const onnx = (name: string, nodes: () => readonly Uint8Array[], more: () => readonly Uint8Array[] = () => []): Attack => ({
    name,
    kind: "onnx",
    bytes: () => model([...nodes(), ...more()]),
  });
  return [
    onnx(
      "a constant of shape of a thousand million",
      () => [node("ConstantOfShape", ["shape"], ["f"]), node("Add", ["x", "f"], ["y"])],
      () => [tensor("shape", [3], [1000, 1000, 4000])],
    ),
    onnx(
      "a range of a million, a thousand times",
      () => Array.from({ length: 1000 }, (_, i) => node("Range", ["zero", "million", "one"], [`r${i}`])),
      () => [tensor("zero", [], [0]), tensor("million", [], [1_000_000]), tensor("one", [], [1])],
    ),
    onnx(
      "a list that doubles 40 times",
      () => Array.from({ length: 40 }, (_, i) => node("Concat", [`l${i}`, `l${i}`], [`l${i + 1}`], [attribute("axis", 0)])),
      () => [tensor("l0", [1], [1])],
    ),
    onnx("a size that is squared 40 times", () => [
      node("Shape", ["x"], ["s0"]),
      ...Array.from({ length: 40 }, (_, i) => node("Mul", [`s${i}`, `s${i}`], [`s${i + 1}`])),
      node("Reshape", ["x", "s40"], ["y"]),
    ]),
    onnx(
      "a size that is added and multiplied 40 times",
      () => [
        node("Shape", ["x"], ["s0"]),
        ...Array.from({ length: 40 }, (_, i) => [
          node("Add", [`s${i}`, "two"], [`a${i}`]),
          node("Mul", [`a${i}`, `s${i}`], [`b${i}`]),
          node("Div", [`b${i}`, "three"], [`s${i + 1}`]),
        ]).flat(),
        node("Reshape", ["x", "s40"], ["y"]),
      ],
      () => [tensor("two", [1], [2]), tensor("three", [1], [3])],
    ),
    onnx("a split into a million parts", () => [
      node(
        "Split",
        ["x"],
        Array.from({ length: 20000 }, (_, i) => `p${i}`),
        [attribute("axis", 1)],
      ),
    ]),
    onnx("a pool with a window of 2^62", () => [
      node("MaxPool", ["x"], ["y"], [attributes("kernel_shape", [2n ** 62n, 2n ** 62n]), attributes("pads", [2n ** 61n, 0n, 0n, 0n])]),
    ]),
    onnx(
      "a transpose of a thousand axes",
      () => [node("Unsqueeze", ["x", "axes"], ["y"])],
      () => [
        tensor(
          "axes",
          [1000],
          Array.from({ length: 1000 }, (_, i) => i),
        ),
      ],
    ),
    onnx("15,000 nodes of one name", () => Array.from({ length: 15000 }, () => node("Relu", ["x"], ["y"]))),
    onnx("50,000 unknown operators", () => Array.from({ length: 50000 }, (_, i) => node("Nothing", ["x"], [`n${i}`]))),
    onnx(
      "a tensor that claims 2^50 elements",
      () => [node("Add", ["x", "t"], ["y"])],
      () => [
        field(5, concatenated([number(1, 2n ** 25n), number(1, 2n ** 25n), number(2, 1n), text(8, "t"), field(9, new Uint8Array(16))])),
      ],
    ),
    {
      name: "an input without a name",
      kind: "onnx",
      bytes: () =>
        model([
          node("Relu", [""], ["y"]),
          field(11, concatenated([text(1, ""), field(2, field(1, concatenated([number(1, 1n), field(2, new Uint8Array(0))])))])),
        ]),
    },
    { name: "graphs inside graphs", kind: "onnx", bytes: () => model([node("If", ["x"], ["y"], [nest(20000)])]) },
    { name: "types inside types", kind: "onnx", bytes: () => model([field(11, concatenated([text(1, "d"), field(2, deepType(20000))]))]) },
    {
      name: "a group without end",
      kind: "onnx",
      bytes: () => concatenated([number(1, 8n), Uint8Array.of(0x3a, 0x04, 0x0b, 0x0b, 0x0b, 0x0b), new Uint8Array(100000).fill(0x0b)]),
    },
    {
      name: "a length beyond the file",
      kind: "onnx",
      bytes: () => concatenated([number(1, 8n), Uint8Array.of(0x3a), varintBytes(2n ** 31n - 1n), Uint8Array.of(1)]),
    },
    {
      name: "a megabyte of empty nodes",
      kind: "onnx",
      bytes: () =>
        concatenated([number(1, 8n), field(7, concatenated(Array.from({ length: megabyte / 2 }, () => Uint8Array.of(0x0a, 0))))]),
    },
    {
      name: "a megabyte of empty dims",
      kind: "onnx",
      bytes: () =>
        model([
          field(
            11,
            concatenated([
              text(1, "d"),
              field(
                2,
                field(
                  1,
                  concatenated([number(1, 1n), field(2, concatenated(Array.from({ length: megabyte / 2 }, () => Uint8Array.of(0x0a, 0))))]),
                ),
              ),
            ]),
          ),
        ]),
    },
    {
      name: "a megabyte of int32 data",
      kind: "onnx",
      bytes: () =>
        model([field(5, concatenated([number(1, BigInt(megabyte)), number(2, 6n), text(8, "t"), field(5, new Uint8Array(megabyte))]))]),
    },
  ];
}

function model(graph: readonly Uint8Array[]): Uint8Array {
  const shape = field(2, concatenated([field(1, text(2, "N")), ...[4n, 4n, 4n].map((size) => field(1, number(1, size)))]));
  const x = field(11, concatenated([text(1, "x"), field(2, field(1, concatenated([number(1, 1n), shape])))]));
  return concatenated([
    number(1, 8n),
    field(7, concatenated([...graph, text(2, "g"), x, field(12, text(1, "y"))])),
    field(8, number(2, 17n)),
  ]);
}

function node(op: string, inputs: readonly string[], outputs: readonly string[], more: readonly Uint8Array[] = []): Uint8Array {
  return field(1, concatenated([...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name)), text(4, op), ...more]));
}

const attribute = (name: string, value: number): Uint8Array =>
  field(5, concatenated([text(1, name), number(3, BigInt(value)), number(20, 2n)]));
const attributes = (name: string, values: readonly bigint[]): Uint8Array =>
  field(5, concatenated([text(1, name), ...values.map((value) => number(8, value)), number(20, 7n)]));

function tensor(name: string, shape: readonly number[], values: readonly number[]): Uint8Array {
  return field(
    5,
    concatenated([
      ...shape.map((size) => number(1, BigInt(size))),
      number(2, 7n),
      text(8, name),
      field(9, new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
    ]),
  );
}

function nest(depth: number): Uint8Array {
  let content: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < depth; i++) content = field(i % 3 === 0 ? 6 : i % 3 === 1 ? 1 : 5, content);
  return field(5, concatenated([text(1, "then_branch"), field(6, content)]));
}

/** TypeProto.sequence_type.elem_type ... */
function deepType(depth: number): Uint8Array {
  let content: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < depth; i++) content = field(i % 2 === 0 ? 1 : 4, content);
  return content;
}

const number = (key: number, value: bigint): Uint8Array => concatenated([varintBytes(BigInt(key * 8)), varintBytes(value)]);
const field = (key: number, bytes: Uint8Array): Uint8Array =>
  concatenated([varintBytes(BigInt(key * 8 + 2)), varintBytes(BigInt(bytes.length)), bytes]);
const text = (key: number, value: string): Uint8Array => field(key, new TextEncoder().encode(value));
