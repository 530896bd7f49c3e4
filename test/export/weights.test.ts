/** @file How constants with a definition are written: quantized ones as integers, others by their value, or as nodes; and the bytes of all. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WeightStyle } from "../../compiler/export/index.ts";
import { toNumber } from "../../compiler/import/onnx/int64.ts";
import { evaluateConstant, type Module } from "../../ir-spec/index.ts";
import { ort } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";
import { assertRoundTrip, assertSameInOrt, decoded, exported, moduleOf, operators, registry } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);
const x = seeded(3).tensor("f32", [2, 6]);
const FLOAT = 1;
const UINT8 = 2;
const INT8 = 3;
const FLOAT16 = 10;
const BFLOAT16 = 16;
const UINT4 = 21;
const INT4 = 22;

/** A layer of 4 outputs and 6 inputs; `weight` defines `@w` and what it needs. */
const layer = (weight: string): Module =>
  moduleOf(`func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx4xf32>) {\n %y = nn.linear(%x, @w, _)\n return %y\n }`, weight);

const initializers = (model: Uint8Array) =>
  (decoded(model).graph?.initializer ?? []).map((t) => ({
    name: t.name,
    type: t.dataType,
    dims: t.dims.map(toNumber),
    bytes: t.rawData.length,
  }));

const perChannel = `const @w : tensor<4x6xf32> = quant.dequantize(@w.q, @w.s, _) {axis = 0}
  const @w.q : tensor<4x6xi8> = random(5)
  const @w.s : tensor<4xf32> = [0.01, 0.02, 0.03, 0.04]`;
const transposed = `const @w : tensor<4x6xf32> = shape.transpose(@t) {perm = [1, 0]}
  const @t : tensor<6x4xf32> = quant.dequantize(@w.q, @w.s, @w.z) {axis = 1}
  const @w.q : tensor<6x4xi8> = random(5)
  const @w.s : tensor<4xf32> = [0.01, 0.02, 0.03, 0.04]
  const @w.z : tensor<4xi8> = [1, -2, 3, -4]`;
const grouped = `const @w : tensor<4x6xf32> = shape.transpose(@t) {perm = [1, 0]}
  const @t : tensor<6x4xf32> = quant.dequantize(@w.q, @w.s, _) {axis = 0, block = 2}
  const @w.q : tensor<6x4xi4> = random(5)
  const @w.s : tensor<3x4xf32> = random(6)`;
const reshaped = `const @w : tensor<4x6xf32> = shape.reshape(@t) {shape = [4, -1]}
  const @t : tensor<4x3x2xf32> = quant.dequantize(@w.q, @w.s, _) {axis = 0}
  const @w.q : tensor<4x3x2xu2> = random(5)
  const @w.s : tensor<4xf32> = [0.01, 0.02, 0.03, 0.04]`;
const shared = `const @w : tensor<4x6xf32> = codebook.lookup(@w.table, @w.codes)
  const @w.table : tensor<4xf32> = [-1.5, -0.25, 0.25, 1.5]
  const @w.codes : tensor<4x6xu2> = random(5)`;
const pruned = `const @w : tensor<4x6xf32> = sparse.expand(@w.v, @w.i) {shape = [4, 6], format = nm, n = 1, m = 2, axis = 1}
  const @w.v : tensor<12xf32> = quant.dequantize(@w.q, @w.s, _)
  const @w.q : tensor<12xi8> = random(5)
  const @w.s : tensor<f32> = 0.02
  const @w.i : tensor<12xu2> = hex"114545"`;
const masked = `const @w : tensor<4x6xf32> = sparse.expand(@w.v, @w.i) {shape = [4, 6]}
  const @w.v : tensor<10xf32> = codebook.lookup(@w.table, @w.codes)
  const @w.table : tensor<2xf32> = [-0.5, 0.75]
  const @w.codes : tensor<10xu1> = random(5)
  const @w.i : tensor<24xu1> = hex"27c431"`;
const tabled = `const @w : tensor<4x6xf32> = shape.transpose(@t) {perm = [1, 0]}
  const @t : tensor<6x4xf32> = codebook.lookup(@w.table, @w.codes)
  const @w.table : tensor<4xf32> = quant.dequantize(@w.q, @w.s, @w.z)
  const @w.q : tensor<4xi8> = [-100, -3, 20, 127]
  const @w.s : tensor<f32> = 0.02
  const @w.z : tensor<i8> = 5
  const @w.codes : tensor<6x4xu2> = random(5)`;
const offset = pruned.replace("@w.s, _)", "@w.s, @w.z)").concat("\n const @w.z : tensor<i8> = 5");
const half = `const @w : tensor<4x6xf32> = type.cast(@w.h) {to = f32}
  const @w.h : tensor<4x6xf16> = random(5)`;
const computed = `const @w : tensor<4x6xf32> = math.mul(@a, @b)
  const @a : tensor<4x6xf32> = quant.dequantize(@w.q, @w.s, _)
  const @w.q : tensor<4x6xi8> = random(5)
  const @w.s : tensor<f32> = 0.02
  const @b : tensor<4x1xf32> = [1.0, 2.0, 3.0, 4.0]`;
const all = { perChannel, transposed, grouped, reshaped, shared, pruned, masked, tabled, offset, half, computed };

for (const [name, weight] of Object.entries(all)) {
  for (const weights of ["qdq", "qdq-signed", "dense", "decode"] satisfies readonly WeightStyle[]) {
    for (const opset of [17, 21]) {
      oracle(`${name} as ${weights} in opset ${opset}`, async () => {
        const module = layer(weight);
        const model = await assertSameInOrt(module, { x }, name, { weights, opset });
        assertRoundTrip(module, model, { x }, name);
      });
    }
  }
}

test("per channel: integers, scales, zero points and a DequantizeLinear, under the constants' names", () => {
  const model = exported(layer(perChannel));
  assert.equal(operators(model), ["DequantizeLinear", "Gemm"]);
  assert.equal(initializers(model), [
    { name: "w.q", type: INT8, dims: [4, 6], bytes: 24 },
    { name: "w.s", type: FLOAT, dims: [4], bytes: 16 },
    { name: "w.s.zero", type: INT8, dims: [4], bytes: 4 },
  ]);
  assert.equal(decoded(model).graph?.node[0]?.output, ["w"]);
});

test("codebooks and structural zeros move onto the codes of one scale, zeros only without a zero point", () => {
  for (const weight of [tabled, pruned]) {
    const model = exported(layer(weight));
    assert.equal(operators(model), ["DequantizeLinear", "Gemm"]);
    assert.equal(initializers(model)[0], { name: "w.q", type: INT8, dims: [4, 6], bytes: 24 });
  }
  assert.equal(operators(exported(layer(offset))), ["Gemm"]);
});

test("two weights of one table have codes of their own, and one scale", () => {
  const module = moduleOf(
    `func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>) {
      %h = nn.linear(%x, @a, _)
      %y = nn.linear(%h, @b, _)
      return %y
    }`,
    `const @a : tensor<2x2xf32> = codebook.lookup(@table, @a.codes)
    const @b : tensor<2x2xf32> = codebook.lookup(@table, @b.codes)
    const @table : tensor<2xf32> = quant.dequantize(@q, @s, _)
    const @q : tensor<2xi8> = [-3, 4]
    const @s : tensor<f32> = 0.5
    const @a.codes : tensor<2x2xu1> = [0, 1, 1, 0]
    const @b.codes : tensor<2x2xu1> = [1, 1, 0, 0]`,
  );
  const stored = (decoded(exported(module)).graph?.initializer ?? []).map((t) => [t.name, Buffer.from(t.rawData).toString("hex")]);
  assert.equal(stored, [
    ["q", "fd0404fd"],
    ["s", "0000003f"],
    ["s.zero", "00"],
    ["q.2", "0404fdfd"],
  ]);
});

test("a transpose or reshape moves onto the codes; 2 bits are stored in 4", () => {
  const turned = exported(layer(transposed));
  assert.equal(operators(turned), ["DequantizeLinear", "Gemm"]);
  assert.equal(toNumber(decoded(turned).graph?.node[0]?.attribute[0]?.i ?? -1), 0, "axis 1 is now axis 0");
  assert.equal(initializers(turned)[0], { name: "w.q", type: INT8, dims: [4, 6], bytes: 24 });
  const blocked = exported(layer(grouped));
  assert.equal(operators(blocked), ["DequantizeLinear", "Gemm"]);
  assert.equal(
    initializers(blocked).map(({ type, dims, bytes }) => [type, dims, bytes]),
    [
      [INT4, [4, 6], 12],
      [FLOAT, [4, 3], 48],
    ],
  );
  const narrow = exported(layer(reshaped));
  assert.equal(operators(narrow), ["DequantizeLinear", "Gemm"]);
  assert.equal(initializers(narrow)[0], { name: "w.q", type: UINT4, dims: [4, 6], bytes: 12 });
});

test("dense: floats only; qdq: what is not plainly quantized, too", () => {
  for (const weight of Object.values(all)) {
    const model = exported(layer(weight), { weights: "dense" });
    assert.equal([operators(model), initializers(model)], [["Gemm"], [{ name: "w", type: FLOAT, dims: [4, 6], bytes: 96 }]]);
  }
  for (const weight of [shared, masked, offset, half, computed]) assert.equal(operators(exported(layer(weight))), ["Gemm"]);
});

test("decode: the definition as nodes", () => {
  const of = (weight: string) => operators(exported(layer(weight), { weights: "decode" }));
  assert.equal(of(shared), ["Cast", "Gather", "Gemm"]);
  assert.equal(of(pruned), ["Expand", "DequantizeLinear", "ScatterElements", "Reshape", "Gemm"]);
  const bits = ["Cast", "Div", "Mod", "Reshape"];
  assert.equal(of(masked), [...bits, "CumSum", "Mul", "Cast", "Gather", "Concat", "Gather", "Reshape", "Gemm"]);
  assert.equal(of(half), ["Cast", "Gemm"]);
  assert.equal(of(computed), ["DequantizeLinear", "Mul", "Gemm"]);
});

test("beside quantized activations 8-bit codes are unsigned: the same numbers, 128 higher with their zero point", () => {
  const module = moduleOf(
    `func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx3xf32>) {
      %q = quant.quantize(%x, @x.s, _)
      %d = quant.dequantize(%q, @x.s, _)
      %y = nn.linear(%d, @w, _)
      return %y
    }`,
    `const @w : tensor<3x2xf32> = quant.dequantize(@w.q, @x.s, _)
    const @w.q : tensor<3x2xi8> = [-128, -1, 0, 1, 126, 127]
    const @x.s : tensor<f32> = 0.5`,
  );
  const stored = (weights: WeightStyle) =>
    (decoded(exported(module, { weights })).graph?.initializer ?? []).map((t) => [
      t.name,
      t.dataType,
      Buffer.from(t.rawData).toString("hex"),
    ]);
  const scale = ["x.s", FLOAT, "0000003f"];
  assert.equal(stored("qdq"), [scale, ["w.q", UINT8, "007f8081feff"], ["x.s.2", FLOAT, "0000003f"], ["x.s.zero", UINT8, "80"]]);
  assert.equal(stored("qdq-signed"), [scale, ["w.q", INT8, "80ff00017e7f"], ["x.s.2", FLOAT, "0000003f"], ["x.s.zero", INT8, "00"]]);
});

/** A layer of 3 outputs and 70 inputs on a rank-3 value, with a bias and a relu. */
const wide = (weight: string): Module =>
  moduleOf(
    `func @main(%x: tensor<Nx2x70xf32>) -> (y: tensor<Nx2x3xf32>) {
      %y = nn.linear(%x, @w, @b) {activation = relu}
      return %y
    }`,
    `${weight}\n const @b : tensor<3xf32> = [0.5, -0.25, 1.0]`,
  );
const wideInput = { x: seeded(4).tensor("f32", [2, 2, 70]) };

/** Weights that `MatMulNBits` takes: bits, block and initializers of each. */
const inBlocks = (
  dtype: string,
  block: number,
  zero: boolean,
) => `const @w : tensor<3x70xf32> = quant.dequantize(@q, @s, ${zero ? "@z" : "_"}) {axis = 1, block = ${block}}
  const @q : tensor<3x70x${dtype}> = random(5)
  const @s : tensor<3x${Math.ceil(70 / block)}xf32> = random(6)
  const @z : tensor<3x${Math.ceil(70 / block)}x${dtype}> = random(7)`;
const turned = `const @w : tensor<3x70xf32> = shape.transpose(@t) {perm = [1, 0]}
  const @t : tensor<70x3xf32> = quant.dequantize(@q, @s, _) {axis = 0, block = 16}
  const @q : tensor<70x3xi4> = random(5)
  const @s : tensor<5x3xf32> = random(6)`;
const perRow = (dtype: string) => `const @w : tensor<3x70xf32> = quant.dequantize(@q, @s, _) {axis = 0}
  const @q : tensor<3x70x${dtype}> = random(5)
  const @s : tensor<3xf32> = [0.1, 0.2, 0.3]`;
const packedForms: Readonly<Record<string, readonly [weight: string, bits: number, block: number, zeros: boolean]>> = {
  "i4 in blocks": [inBlocks("i4", 32, false), 4, 32, false],
  "i4 in blocks with zero points": [inBlocks("i4", 16, true), 4, 16, true],
  "u4 in blocks": [inBlocks("u4", 32, false), 4, 32, true],
  "u4 in blocks with zero points": [inBlocks("u4", 32, true), 4, 32, true],
  "i8 in blocks": [inBlocks("i8", 32, false), 8, 32, false],
  "u8 in blocks with zero points": [inBlocks("u8", 64, true), 8, 64, true],
  "i2 in blocks": [inBlocks("i2", 32, false), 2, 32, false],
  "u2 in blocks with zero points": [inBlocks("u2", 16, true), 2, 16, true],
  "i4 in blocks, transposed": [turned, 4, 16, false],
  "i4 per output": [perRow("i4"), 4, 128, false],
};
for (const [name, [weight, bits, block, zeros]] of Object.entries(packedForms)) {
  oracle(`nbits: ${name}`, async () => {
    const module = wide(weight);
    const model = await assertSameInOrt(module, wideInput, name, { weights: "nbits" });
    assertRoundTrip(module, model, wideInput, name);
    assert.equal(operators(model), ["MatMulNBits", "Relu"]);
    const node = decoded(model).graph?.node.find(({ opType }) => opType === "MatMulNBits");
    assert.equal(
      node?.attribute.map(({ name: key, i }) => [key, toNumber(i)]),
      [
        ["K", 70],
        ["N", 3],
        ["bits", bits],
        ["block_size", block],
      ],
    );
    assert.is(node?.input[3] !== "", zeros);
    assert.equal(
      decoded(model).opsetImport.map(({ domain, version }) => [domain, toNumber(version)]),
      [
        ["", 21],
        ["com.microsoft", 1],
      ],
    );
  });
}

oracle("scales of bf16 are told in f32, and the weight is cast", async () => {
  const module = moduleOf(
    `func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx4xf32>) {
      %h = type.cast(%x) {to = bf16}
      %g = nn.linear(%h, @w, _)
      %y = type.cast(%g) {to = f32}
      return %y
    }`,
    `const @w : tensor<4x6xbf16> = quant.dequantize(@q, @s, _) {axis = 0}
    const @q : tensor<4x6xi8> = random(5)
    const @s : tensor<4xbf16> = random(3)`,
  );
  const model = await assertSameInOrt(module, { x }, "bf16", {}, 2 ** -7);
  assert.equal(operators(model).slice(0, 3), ["Cast", "Cast", "DequantizeLinear"]);
  assertRoundTrip(module, model, { x }, "bf16", 2 ** -7);
});

test("nbits: bytes with one scale per output, and odd blocks, stay QDQ", () => {
  for (const weight of [perRow("i8"), inBlocks("i4", 24, false), inBlocks("i4", 8, false)])
    assert.equal(operators(exported(wide(weight), { weights: "nbits" })).includes("MatMulNBits"), false);
});

test("a weight that two layers use is written once", () => {
  const module = moduleOf(
    `func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx6xf32>) {
      %h = nn.linear(%x, @w, _)
      %y = nn.linear(%h, @w, _)
      return %y
    }`,
    `const @w : tensor<6x6xf32> = quant.dequantize(@q, @s, _)
    const @q : tensor<6x6xi8> = random(1)
    const @s : tensor<f32> = 0.5`,
  );
  assert.equal(operators(exported(module)), ["DequantizeLinear", "Gemm", "Gemm"]);
});

test("bytes are the constants' own: a signaling NaN's payload, f16, bf16, i4 packed low bits first", () => {
  const model = exported(
    moduleOf(
      `func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>, half: tensor<3xf16>, brain: tensor<2xbf16>, four: tensor<3xi4>) {
        %y = math.add(%x, @a)
        return %y, @b, @c, @d
      }`,
      `const @a : tensor<2xf32> = hex"010080ff000080bf"
      const @b : tensor<3xf16> = hex"017c00fc003c"
      const @c : tensor<2xbf16> = hex"817f803f"
      const @d : tensor<3xi4> = [1, -2, 3]`,
    ),
  );
  const got = (decoded(model).graph?.initializer ?? []).map((t) => [t.name, t.dataType, Buffer.from(t.rawData).toString("hex")]);
  assert.equal(got, [
    ["a", FLOAT, "010080ff000080bf"],
    ["b", FLOAT16, "017c00fc003c"],
    ["c", BFLOAT16, "817f803f"],
    ["d", INT4, "e103"],
  ]);
});

test("the value that a dense weight has is the one its definition has", () => {
  const module = layer(computed);
  const [weight] = decoded(exported(module, { weights: "dense" })).graph?.initializer ?? [];
  const value = evaluateConstant(module, registry, "w").data as Float32Array;
  assert.equal(Buffer.from(weight?.rawData ?? []).toString("hex"), Buffer.from(value.buffer).toString("hex"));
});

test.run();
