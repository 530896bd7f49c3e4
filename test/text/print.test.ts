/** @file Canonical text to the byte: layout, ownership, storage forms, resources, equality. */
import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex } from "@noble/hashes/utils";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kitOps } from "../../compiler/testing/index.ts";
import { moduleDifference, moduleEquals, parseModule, printModule, readModule } from "../../compiler/text/index.ts";
import { attr } from "../../ir-spec/core/attr.ts";
import { dataConstant } from "../../ir-spec/core/constant.ts";
import { emptyModule, type Module } from "../../ir-spec/core/graph.ts";
import { tensorType } from "../../ir-spec/core/type.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";

const registry = new OpRegistry([kitOps]);

const canonical = `tersor 1.0

/// A module.
///
/// With a blank line.
module @"odd name" {
  /// Of the meta.
  meta { producer = "example", opset = {nn = 1, quant = 1}, empty = {}, none = [] }

  resource @a = "a.bin" { bytes = 8 }
  /// Of the second.
  resource @"b/c" = "dir/b.bin"

  /// Of a function.
  func @main(%x: tensor<NxMxf32>, %state: tensor<4xf32>) -> (y: tensor<NxMxf32>, "54": tensor<4xf32>) carry (%state -> "54")
    require [N % 32] == 0
    require [M] == [N + 1]
  {
    %0 = kit.same(%x) : tensor<NxMxf32>
    %"0", %1 = kit.split(%0) {my.note = {a = [1, -2.5, true, word, @main, tensor<Nx?xf32>]}} : tensor<NxMxf32>, tensor<[N + 1]xMxf32>
    return %0, %state
  }

  func @none() -> () {
    return
  }

  const @w : tensor<2x2xf32> = kit.same(@w.a, _) {note.x = "derived"} loc("m.onnx":"W")
    /// Owned.
    const @w.a : tensor<2x2xf32> = kit.same(@w.b)
      const @w.b : tensor<2x2xf32> = [0.1, -0.0, inf, nan:0x200001]
  const @table : tensor<2xf32> = @a[0, 8]
}
`.replace(", tensor<Nx?xf32>", ", tensor<NxMxf32>");

test("canonical text prints as it is", () => {
  const { module, problems } = parseModule(canonical, { registry });
  assert.equal(problems, []);
  assert.ok(module);
  if (module) assert.is(printModule(module), canonical);
});

test("CRLF and other blanks read the same", () => {
  const other = canonical.replace(/\n/g, "\r\n").replace(/ {2}/g, "\t");
  assert.is(moduleDifference(readModule(other, { registry }), readModule(canonical, { registry })), null);
});

test("an empty module", () => {
  assert.is(printModule(emptyModule("m")), "tersor 1.0\n\nmodule @m {\n}\n");
  assert.ok(moduleEquals(readModule("tersor 1.0 module @m {}", { registry }), emptyModule("m")));
});

const withData = (name: string, bytes: Uint8Array, dtype: "f32" | "u8" | "bool" | "i4" | "f16"): Module => {
  const count = dtype === "f32" ? bytes.length / 4 : dtype === "f16" ? bytes.length / 2 : dtype === "i4" ? bytes.length * 2 : bytes.length;
  return { ...emptyModule("m"), constants: new Map([[name, dataConstant(name, tensorType(dtype, [count]), bytes)]]) };
};

test("64 elements are a list, 65 are hex", () => {
  assert.match(printModule(withData("a", new Uint8Array(64), "u8")), /= \[0(, 0){63}\]\n/);
  assert.match(printModule(withData("a", new Uint8Array(65), "u8")), /= hex"(00){65}"\n/);
});

test("bits that a list cannot show print as hex, and are refused on reading", () => {
  const text = printModule(withData("a", Uint8Array.of(0, 1, 2), "bool"));
  assert.match(text, /= hex"000102"/);
  assert.is(parseModule(text, { registry }).problems[0]?.code, "E0408");
});

test("a signaling NaN keeps its bits through text", () => {
  const bytes = Uint8Array.of(0x01, 0x00, 0xa0, 0x7f, 0x01, 0x00, 0x80, 0xff);
  const text = printModule(withData("a", bytes, "f32"));
  assert.match(text, "[nan:0x200001, -nan:0x1]");
  const back = readModule(text, { registry }).constants.get("a");
  assert.ok(back?.kind === "data" && back.storage.kind === "bytes");
  if (back?.kind === "data" && back.storage.kind === "bytes") assert.equal([...back.storage.bytes], [...bytes]);
});

for (const dtype of ["f16", "bf16"] as const) {
  test(`every ${dtype} bit pattern goes through a module's text`, () => {
    const words = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const bytes = new Uint8Array(words.buffer);
    const constants = new Map(
      Array.from({ length: 1024 }, (_, i) => [
        `c${i}`,
        dataConstant(`c${i}`, tensorType(dtype, [64]), bytes.slice(i * 128, i * 128 + 128)),
      ]),
    );
    const module = { ...emptyModule("m"), constants };
    const text = printModule(module);
    assert.not.match(text, "hex");
    assert.is(moduleDifference(readModule(text, { registry }), module), null);
  });
}

test("resources: bytes are read by path and checked against size and SHA-256", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const text = (attrs: string) =>
    `tersor 1.0\nmodule @m {\n  resource @r = "w.bin" { ${attrs} }\n  const @a : tensor<4xu8> = @r[0, 4]\n}\n`;
  const read = (attrs: string) => parseModule(text(attrs), { registry, resources: (path) => (path === "w.bin" ? bytes : null) });
  const good = read(`bytes = 4, sha256 = "${bytesToHex(sha256(bytes))}"`);
  assert.is(good.module?.resources.get("r")?.bytes, bytes);
  const size = read("bytes = 5");
  assert.is(size.problems[0]?.message, "resource @r: its size is 4, declared 5");
  assert.is(size.problems[0]?.line, 3);
  assert.match(read(`sha256 = "${"0".repeat(64)}"`).problems[0]?.message ?? "", /its sha256 is 9f64a747.*declared 0000/);
  assert.ok(read('sha256 = "9f2c51d0e7..."').module, "a shortened hash is for people");
});

test("the order of constants does not count, everything else does", () => {
  const base = readModule(canonical, { registry });
  const reversed = { ...base, constants: new Map([...base.constants].reverse()) };
  assert.ok(moduleEquals(base, reversed));
  const changes: readonly [string, string][] = [
    ["A module.", "The module."],
    ["opset = {nn = 1", "opset = {nn = 1.0"],
    ["producer", "producers"],
    ["Of a function", "Of the function"],
    ["%0 =", "%zero ="],
    ["[N % 32] == 0", "[N % 32] == 1"],
    ["(y: tensor", "(z: tensor"],
    ['"54": tensor<4xf32>) carry (%state -> "54")', '"54": tensor<4xf32>)'],
    ["-0.0, inf", "0.0, inf"],
    ["0x200001", "0x200002"],
    ['loc("m.onnx":"W")', 'loc("m.onnx":"V")'],
    ["[1, -2.5", "[-2.5, 1"],
    ["@w.a, _", "@w.a, @w.b"],
    ["@a[0, 8]", "splat 0.0"],
    ["dir/b.bin", "dir/c.bin"],
    ["func @none() -> () {", "func @nil() -> () {"],
    ["return %0, %state", 'return %"0", %state'],
    ['"derived"', "derived"],
  ];
  for (const [from, to] of changes) {
    assert.ok(canonical.includes(from), from);
    const text = from === "%0 =" ? canonical.replaceAll("%0", "%zero") : canonical.replace(from, to);
    assert.not(moduleEquals(base, readModule(text, { registry })), `${from} changed to ${to}`);
  }
});

test("what has no text form throws instead of printing something else", () => {
  const module: Module = { ...emptyModule("m"), meta: new Map([["a", attr.enum("two words")]]) };
  assert.throws(() => printModule(module), /"two words" is not a bare word/);
});

test.run();
