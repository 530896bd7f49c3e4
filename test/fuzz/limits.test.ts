/** @file The limits of a session and of the interpreter: found from shapes, refused by code before anything runs, the same on both CPU backends; what they do not refuse still runs. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { emitFile } from "../../compiler/emit/emit.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { parseModule, readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, type Dim, dimMul, dimSymbol, hostTensor, isDimFault } from "../../ir-spec/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { builtinKernels } from "../../runtime/backends/wasm/kernels/index.ts";
import { type LoadOptions, load, openFile, RuntimeError, Tensor } from "../../runtime/index.ts";
import { anatomyOf } from "../../scripts/fuzz/flatbuffer.ts";
import { putTogether, takeApart } from "../../scripts/fuzz/tsr-file.ts";

const registry = createCoreRegistry();
const read = (text: string) => readModule(text, { registry });

const convolution = `tersor 1.0

module @m {
  func @main(%x: tensor<Nx4x16x16xf32>) -> (y: tensor<Nx8x1x1xf32>) {
    %1 = nn.conv(%x, @w, _) {pad = [1, 1, 1, 1]}
    %y = nn.max_pool(%1) {kernel = [16, 16]}
    return %y
  }

  const @w : tensor<8x4x3x3xf32> = codebook.lookup(@table, @codes)
    const @table : tensor<16xf32> = random(1)
    const @codes : tensor<8x4x3x3xu4> = random(2)
}
`;
const file = (await compile(read(convolution))).bytes;
const input = (n: number) => ({ x: new Tensor("f32", new Float32Array(n * 1024), [n, 4, 16, 16]) });
/** Multiply-adds of the convolution for one sample: the pool does less. */
const macs = 8 * 256 * 4 * 9;

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "";
  } catch (error) {
    assert.instance(error, RuntimeError);
    return (error as RuntimeError).code;
  }
}

async function run(options: Partial<LoadOptions> & Pick<LoadOptions, "backends">, n: number): Promise<string> {
  const session = await load(file, options);
  const code = await codeOf(() => session.run(input(n)));
  session.dispose();
  return code;
}

for (const backend of [wasm, reference]) {
  const { name } = backend();
  test(`${name}: work above maxWork is R0410, before it runs; the same session still runs what is below`, async () => {
    const session = await load(file, { backends: [backend()], maxWork: 4 * macs });
    assert.is(await codeOf(() => session.run(input(1))), "");
    assert.is(await codeOf(() => session.run(input(40))), "R0410");
    assert.is(await codeOf(() => session.run(input(1))), "");
    session.dispose();
    assert.is(await run({ backends: [backend()] }, 40), "");
  });

  test(`${name}: rebuilding the weights counts at load`, async () => {
    assert.is(await codeOf(() => load(file, { backends: [backend()], maxWork: 100 })), "R0410");
  });

  test(`${name}: memory above maxMemory is R0411`, async () => {
    assert.is(await run({ backends: [backend()], maxMemory: 1 << 20 }, 1), "");
    assert.is(await run({ backends: [backend()], maxMemory: 1 << 20 }, 200), "R0411");
    assert.is(await codeOf(() => load(file, { backends: [backend()], maxMemory: 1000 })), "R0411");
  });
}

test("an error names the option that allows more", async () => {
  const refused = load(file, { backends: [wasm()], maxWork: 10 });
  await refused.then(
    () => assert.unreachable(),
    (error: RuntimeError) => assert.match(error.message, /the limit is 10: load\(source, \{ maxWork \}\) allows more/),
  );
});

test("every kernel that does more than a few operations for each element says how many", () => {
  const heavy = builtinKernels.filter(({ id }) => /conv|linear|matmul|pool/.test(id) && !/pack/.test(id));
  assert.ok(heavy.length >= 6);
  for (const { id, work } of heavy) assert.ok(work, `${id} has no work`);
});

test("the interpreter stops with E0520, before the op that would exceed its budget", () => {
  const module = read(convolution);
  const x = hostTensor("f32", [1, 4, 16, 16]);
  assert.ok(interpret(module, registry, { x }, { maxWork: 10 * macs }).outputs.y);
  const fresh = read(convolution);
  assert.throws(() => interpret(fresh, registry, { x }, { maxWork: macs }), /E0520.*nn\.conv/s);
});

test("a few bytes of repetition decode to 32 MiB and 16 times the file, not more, unless the caller allows it", () => {
  const splat = (count: number) =>
    emitFile({
      source: read(
        `tersor 1.0\nmodule @m {\n  func @main() -> (y: tensor<u8>) {\n    return @y\n  }\n  const @y : tensor<u8> = 1\n  const @z : tensor<${count}xu8> = splat 0\n}\n`,
      ),
      plans: [],
      build: { tersor: "0", pipeline: "" },
    });
  openFile(splat(2 ** 25 - 100));
  assert.throws(() => openFile(splat(2 ** 25 + 100_000)), /R0111.*maxExpandedBytes/);
  openFile(splat(2 ** 25 + 100_000), { maxExpandedBytes: 2 ** 26 });
});

test("lists that share their items may not hold more together than the pool", () => {
  const text = `tersor 1.0\nmodule @m {\n  meta { a = [1, 2, 3, 4, 5, 6, 7, 8], b = [9, 10] }\n  func @main(%x: tensor<f32>) -> (y: tensor<f32>) {\n    return %x\n  }\n}\n`;
  const parts = takeApart(emitFile({ source: read(text), plans: [], build: { tersor: "0", pipeline: "" } }));
  const { vectors } = anatomyOf(parts.metadata);
  const attrs = vectors.find(({ field }) => field === "Program.attrs");
  assert.ok(attrs);
  const view = new DataView(parts.metadata.buffer, parts.metadata.byteOffset);
  const lists: number[] = [];
  for (let i = 0; i < attrs.count; i++)
    if (view.getInt32(attrs.at + 12 * i + 8, true) >= 2 && view.getUint32(attrs.at + 12 * i, true) >= 8) lists.push(attrs.at + 12 * i);
  assert.ok(lists.length >= 2);
  openFile(putTogether(parts));
  const [eight, two] = lists as [number, number];
  for (const at of [4, 8]) view.setInt32(two + at, view.getInt32(eight + at, true), true);
  assert.throws(() => openFile(putTogether(parts)), /R0204.*more items than there are/);
});

test("definitions nest 256 deep, not deeper, in text and in files", () => {
  const chain = (depth: number) => {
    const links = Array.from({ length: depth - 1 }, (_, i) => `  const @c${i} : tensor<f32> = math.neg(@c${i + 1})`).join("\n");
    return `tersor 1.0\nmodule @m {\n  func @main() -> (y: tensor<f32>) {\n    return @c0\n  }\n${links}\n  const @c${depth - 1} : tensor<f32> = 1.0\n}\n`;
  };
  assert.equal(parseModule(chain(256), { registry }).problems, []);
  assert.is(parseModule(chain(257), { registry }).problems[0]?.code, "E0221");
  const built = { tersor: "0", pipeline: "" };
  emitFile({ source: read(chain(256)), plans: [], build: built });
  const module = read(chain(256));
  const extra = new Map(module.constants).set("top", {
    kind: "derived",
    name: "top",
    type: { dtype: "f32", shape: [] },
    op: "math.neg",
    operands: ["c0"],
    attrs: new Map(),
    doc: null,
    loc: [],
  });
  assert.throws(() => emitFile({ source: { ...module, constants: extra }, plans: [], build: built }), /R0205.*deeper than 256/);
});

test("dim arithmetic stops before its result fills the memory", () => {
  const square = (times: number): Dim => Array.from({ length: times }).reduce<Dim>((dim) => dimMul(dim, dim), dimSymbol("N"));
  assert.is(typeof square(7), "object");
  assert.throws(() => square(30), isDimFault);
});

test.run();
