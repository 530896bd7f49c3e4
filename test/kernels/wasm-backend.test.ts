/** @file The wasm backend as a session uses it: placement over several batch sizes, growth, constants, views, errors, and extensions with a module of their own. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emitFile } from "../../compiler/emit/emit.ts";
import { PlanFunctionBuilder } from "../../compiler/lower/builder.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import type { TargetSpec } from "../../compiler/target/target.ts";
import { readModule } from "../../compiler/text/index.ts";
import { attr, dimSymbol, emptyModule, type Func, type Module, tensorType } from "../../ir-spec/index.ts";
import { MemoryViews, type WasmExtension, wasm, wasmAbi } from "../../runtime/backends/wasm/index.ts";
import { compile } from "../../runtime/backends/wasm/module.ts";
import { load, RuntimeError, Tensor } from "../../runtime/index.ts";
import { loadPlan, lowerTo, registry } from "../support/op-module.ts";

const target = builtinTargets.find(({ name }) => name === "wasm-simd") as TargetSpec;

function session(body: string) {
  const module = readModule(`tersor 1.0\nmodule @m {\n${body}\n}\n`, { registry });
  return loadPlan(lowerTo(module, target), wasm());
}

const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  new Tensor("f32", Float32Array.from(values), shape);
const numbers = (tensor: Tensor | undefined): number[] => Array.from(tensor?.data as Float32Array);
const isCode = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof RuntimeError && error.code === code && pattern.test(error.message);

async function rejects(promise: Promise<unknown>, code: string, pattern: RegExp): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(isCode(code, pattern)(error), String(error));
}

const chain = `
  func @main(%x: tensor<Nx3xf32>) -> (y: tensor<Nx2xf32>, flat: tensor<[N * 3]xf32>) {
    %a = math.mul(%x, @two)
    %b = shape.reshape(%a) {shape = [-1]}
    %c = nn.linear(%a, @w, @b)
    return %c, %b
  }
  const @two : tensor<f32> = 2.0
  const @w : tensor<2x3xf32> = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
  const @b : tensor<2xf32> = [0.5, -0.5]`;

test("one session serves many batch sizes, growing when one needs it, and going back", async () => {
  const s = await session(chain);
  for (const n of [1, 5, 100_000, 0, 5, 2, 3, 4, 6, 7, 8, 9, 10, 1]) {
    const x = Float32Array.from({ length: n * 3 }, (_, i) => (i % 17) - 8);
    const { y, flat } = s.runSync({ x: new Tensor("f32", x, [n, 3]) });
    assert.equal(flat?.shape, [3 * n]);
    assert.equal(y?.shape, [n, 2]);
    const last = Math.max(0, n - 1);
    const at = (i: number) => 2 * (x[3 * last + i] as number);
    if (n > 0) assert.equal(numbers(y).slice(-2), [at(0) + 0.5, at(1) + at(2) - 0.5]);
    if (n > 0) assert.equal(numbers(flat).slice(-3), [at(0), at(1), at(2)]);
  }
  s.dispose();
});

test("inputs, constants and views can be outputs, and outputs stay as they are", async () => {
  const s = await session(`
    func @main(%x: tensor<4xf32>) -> (same: tensor<4xf32>, again: tensor<4xf32>, square: tensor<2x2xf32>, k: tensor<2xf32>, kk: tensor<2x1xf32>, made: tensor<2xf32>) {
      %square = shape.reshape(%x) {shape = [2, 2]}
      %kk = shape.reshape(@k) {shape = [2, 1]}
      return %x, %x, %square, @k, %kk, @made
    }
    const @k : tensor<2xf32> = [3.0, 4.0]
    const @made : tensor<2xf32> = quant.dequantize(@q, @s, _)
      const @q : tensor<2xi4> = [-8, 7]
      const @s : tensor<f32> = 0.5`);
  const first = await s.run({ x: f32([1, 2, 3, 4]) });
  const second = s.runSync({ x: f32([5, 6, 7, 8]) });
  assert.equal(
    ["same", "again", "square"].map((name) => numbers(first[name])),
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
  );
  assert.equal(
    ["same", "again", "square"].map((name) => numbers(second[name])),
    [
      [5, 6, 7, 8],
      [5, 6, 7, 8],
      [5, 6, 7, 8],
    ],
  );
  for (const outputs of [first, second])
    assert.equal(
      ["k", "kk", "made"].map((name) => numbers(outputs[name])),
      [
        [3, 4],
        [3, 4],
        [-4, 3.5],
      ],
    );
  s.dispose();
});

test("attributes that are symbolic sizes are bound like shapes", async () => {
  const s = await session(`
    func @main(%x: tensor<NxMxf32>) -> (y: tensor<[N * M]xf32>) {
      %y = shape.reshape(%x) {shape = [dim[N * M]]}
      return %y
    }`);
  assert.equal(numbers(s.runSync({ x: f32([1, 2, 3, 4, 5, 6], [2, 3]) }).y), [1, 2, 3, 4, 5, 6]);
  s.dispose();
});

test("weights rebuilt in several steps are packed at load", async () => {
  const s = await session(`
    func @main(%x: tensor<1x2xf32>) -> (y: tensor<1x2xf32>) {
      %y = nn.linear(%x, @w, _)
      return %y
    }
    const @w : tensor<2x2xf32> = nn.matmul(@u, @v)
      const @u : tensor<2x1xf32> = codebook.lookup(@table, @codes)
        const @table : tensor<2xf32> = [10.0, 20.0]
        const @codes : tensor<2x1xu1> = [1, 0]
      const @v : tensor<1x2xf32> = sparse.expand(@kept, @mask) {shape = [1, 2]}
        const @kept : tensor<1xf32> = [3.0]
        const @mask : tensor<2xu1> = [0, 1]`);
  // w = [[20], [10]] times [[0, 3]]
  assert.equal(numbers(s.runSync({ x: f32([1, 2], [1, 2]) }).y), [120, 60]);
  s.dispose();
});

test("indices and codes out of range are refused, by op", async () => {
  const s = await session(`
    func @main(%x: tensor<3xf32>, %i: tensor<2xi32>) -> (y: tensor<2xf32>) { %y = shape.gather(%x, %i) return %y }`);
  const run = (indices: readonly number[]) => s.run({ x: f32([1, 2, 3]), i: new Tensor("i32", Int32Array.from(indices), [2]) });
  assert.equal(numbers((await run([-1, 0])).y), [3, 1]);
  await rejects(run([0, 3]), "R0408", /shape\.gather.*index 1 of the indices/);
  await rejects(run([-4, 0]), "R0408", /index 0/);
  s.dispose();
  const codebook = session(`
    func @main() -> (y: tensor<3xf32>) { return @w }
    const @w : tensor<3xf32> = codebook.lookup(@table, @codes)
      const @table : tensor<2xf32> = [1.0, 2.0]
      const @codes : tensor<3xu2> = [0, 1, 2]`);
  await rejects(codebook, "R0408", /codebook\.lookup.*code 2 is beyond the table of 2/);
});

test("what cannot run is said with a code and the reason", async () => {
  const { validate } = WebAssembly;
  WebAssembly.validate = () => false;
  try {
    await rejects(wasm().open(), "R0401", /no 128-bit SIMD/);
  } finally {
    WebAssembly.validate = validate;
  }
  await wasm().open();
  await rejects(compile(Uint8Array.of(1, 2, 3), "it"), "R0401", /it could not be compiled/);
  const memory = new MemoryViews();
  assert.throws(() => memory.ensure(2 ** 32 + 1), isCode("R0405", /4294967297 bytes/));
  const none = { values: [], params: 0, steps: [], returns: [] };
  await rejects(wasm().prepare({ target: "wasm-simd", init: none, main: none, inputCount: 0, constants: [] }), "R0402", /open\(\)/);
});

test("views of memory follow its growth", () => {
  const memory = new MemoryViews();
  memory.f32[4] = 1.5;
  const before = memory.u8;
  memory.ensure(3 * 65536 + 1);
  assert.is(before.length, 0);
  assert.is(memory.u8.length, 4 * 65536);
  assert.is(memory.f32[4], 1.5);
});

// (module (import "env" "memory" (memory 1)) (func (export "half") (param x y n) loop: y[i] = x[i] * 0.5))
// biome-ignore format: sections: types, imports, functions, exports, code
const halfModule = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0,
  1, 7, 1, 96, 3, 127, 127, 127, 0,
  2, 15, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 0, 1,
  3, 2, 1, 0,
  7, 8, 1, 4, 104, 97, 108, 102, 0, 0,
  10, 54, 1, 52, 0,
  2, 64, 3, 64, 32, 2, 69, 13, 1,
  32, 1, 32, 0, 42, 2, 0, 67, 0, 0, 0, 63, 148, 56, 2, 0,
  32, 0, 65, 4, 106, 33, 0, 32, 1, 65, 4, 106, 33, 1, 32, 2, 65, 1, 107, 33, 2,
  12, 0, 11, 11, 11,
);

const demo: WasmExtension = {
  name: "demo",
  abi: wasmAbi,
  wasm: halfModule,
  kernels: [
    {
      id: `demo/half@${wasmAbi}`,
      bind({ operands: [x], results: [y], exports, attrs }) {
        const half = exports.half as (x: number, y: number, n: number) => void;
        assert.is(attrs.note, "kept");
        return () => half(x?.ptr ?? 0, y?.ptr ?? 0, y?.shape.reduce((n, size) => n * size, 1) ?? 0);
      },
    },
  ],
};

/** main(x) = half(half(x)) */
function demoPlan(): Module {
  const type = tensorType("f32", [dimSymbol("N")]);
  const main = new PlanFunctionBuilder("main");
  const x = main.param("x", type);
  const params = new Map([["note", attr.string("kept")]]);
  const half = (operand: number) =>
    main.kernel(demo.kernels[0]?.id ?? "", params, [operand], [{ name: null, type }], [], "demo.half")[0] ?? 0;
  const functions = new Map<string, Func>([
    ["init", new PlanFunctionBuilder("init").finish([])],
    ["main", main.finish([{ name: "y", operand: half(half(x)), type }])],
  ]);
  return { ...emptyModule("demo"), functions };
}

/** A plan that no compilation makes: a convolution whose result has no pixels. Found by the fuzzer: the size of its scratch was a remainder by them. */
function emptyConvPlan(kernel: string, groups: number): Module {
  const [x, y] = [tensorType("i8", [1, 2, 3, 3]), tensorType("i8", [1, 2, 3, 0])];
  const weight = kernel === "i8_conv" ? tensorType("i16", [1, 1, 1, 1, 8]) : tensorType("i8", [2, 2 / groups, 1, 1]);
  const scale = tensorType("i32", []);
  const main = new PlanFunctionBuilder("main");
  const operands = [main.param("x", x), main.param("w", weight), null, main.param("m", scale), main.param("s", scale)];
  const [made = 0] = main.kernel(kernel, new Map([["groups", attr.int(groups)]]), operands, [{ name: null, type: y }], [], "int.conv");
  const functions = new Map<string, Func>([
    ["init", new PlanFunctionBuilder("init").finish([])],
    ["main", main.finish([{ name: "y", operand: made, type: y }])],
  ]);
  return { ...emptyModule("empty"), functions };
}

for (const [kernel, groups] of [
  ["i8_conv", 1],
  ["i8_conv_grouped", 2],
] as const) {
  test(`${kernel} of a result without pixels`, async () => {
    const s = await loadPlan({ target: "wasm-simd", module: emptyConvPlan(kernel, groups) }, wasm());
    const w =
      kernel === "i8_conv" ? new Tensor("i16", new Int16Array(8), [1, 1, 1, 1, 8]) : new Tensor("i8", new Int8Array(2), [2, 1, 1, 1]);
    const x = new Tensor("i8", new Int8Array(18), [1, 2, 3, 3]);
    const scale = (value: number) => new Tensor("i32", Int32Array.of(value), []);
    const { y } = s.runSync({ x, w, m: scale(2 ** 30), s: scale(31) });
    assert.equal(y?.shape, [1, 2, 3, 0]);
    s.dispose();
  });
}

test("an extension's module works on the session's memory", async () => {
  const s = await loadPlan({ target: "wasm-simd", module: demoPlan() }, wasm({ extend: [demo] }));
  assert.equal(numbers(s.runSync({ x: f32([4, 8, -2]) }).y), [1, 2, -0.5]);
  assert.equal(numbers(s.runSync({ x: f32([]) }).y), []);
  s.dispose();
});

test("an extension's codec reads the file's weights", async () => {
  const ramp = (length: number) => new Uint8Array(Float32Array.from({ length: length / 4 }, (_, i) => i).buffer);
  const decoder = { id: "demo/ramp", decode: ({ rawLength }: { readonly rawLength: number }) => ramp(rawLength) };
  const encoder = { id: decoder.id, decoder, encode: () => ({ bytes: Uint8Array.of(1), params: new Uint8Array(0) }) };
  const values = Array.from({ length: 64 }, (_, i) => `${i}.0`).join(", ");
  const source = `tersor 1.0\nmodule @m { func @main() -> (y: tensor<64xf32>) { return @k } const @k : tensor<64xf32> = [${values}] }`;
  const { target: name, module } = lowerTo(readModule(source, { registry }), target);
  const file = emitFile({ plans: [{ target: name, module }], build: { tersor: "0.1.0", pipeline: "" }, codecs: [encoder] });
  await rejects(load(file, { backends: [wasm()] }), "R0109", /demo\/ramp/);
  const s = await load(file, { backends: [wasm({ extend: [{ ...demo, codecs: [decoder] }] })] });
  assert.equal(
    numbers(s.runSync({}).y),
    Array.from({ length: 64 }, (_, i) => i),
  );
  s.dispose();
});

test("an extension that is missing or does not fit is named", async () => {
  await rejects(loadPlan({ target: "wasm-simd", module: demoPlan() }, wasm()), "R0403", /demo\/half@1.*npm install tersor-plugin-demo/);
  assert.throws(
    () => wasm({ extend: [{ ...demo, abi: wasmAbi + 1 }] }),
    isCode("R0409", /package tersor-plugin-demo: .*convention 2, this runtime has 1: update tersor/),
  );
  assert.throws(
    () => wasm({ extend: [{ ...demo, npmPackage: "@me/demo", abi: 0 }] }),
    isCode("R0409", /package @me\/demo: .*update the package/),
  );
  assert.throws(() => wasm({ extend: [{ ...demo, name: "other" }] }), isCode("R0409", /must be called other\/<kernel>@1/));
  assert.throws(() => wasm({ extend: [demo, demo] }), isCode("R0409", /given twice/));
  await rejects(wasm({ extend: [{ ...demo, wasm: Uint8Array.of(0) }] }).open(), "R0401", /extension demo could not be compiled/);
});

test.run();
