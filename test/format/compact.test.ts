/** @file Size mode: what it costs per file and per section, that compact files answer as ordinary ones do, to the bit, and that a damaged one is refused by code, checksums right or wrong. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { describeFile } from "../../compiler/emit/describe-file.ts";
import { emitFile } from "../../compiler/emit/emit.ts";
import { detectFormat } from "../../compiler/import/index.ts";
import { readDigitsModel } from "../../examples/digits/files.ts";
import { decodeCompactHead, encodeCompactHead } from "../../ir-spec/format/compact.ts";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { pack, unpack } from "../../ir-spec/format/pack.ts";
import { compactPrimer } from "../../ir-spec/format/primer.ts";
import { attr, createCoreRegistry, dataConstant, emptyFunction, emptyModule, tensorType } from "../../ir-spec/index.ts";
import { contextEncoder, ransEncoder } from "../../plugins/entropy/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, openFile, RuntimeError, Tensor } from "../../runtime/index.ts";
import { twoLayers } from "../plugins/support.ts";
import { seeded } from "./corrupt.ts";

const lenet = async (pipeline: string, options: CompileOptions = {}): Promise<Uint8Array> =>
  (await compile(readDigitsModel(createCoreRegistry()), { plugins: bundledPlugins(), targets: ["wasm-simd"], pipeline, ...options })).bytes;

async function answers(bytes: Uint8Array): Promise<readonly number[]> {
  const session = await load(bytes, { backends: [wasm()] });
  const random = seeded(3);
  const image = new Tensor(
    "f32",
    Float32Array.from({ length: 2 * 784 }, () => random(256)),
    [2, 1, 28, 28],
  );
  const { probs } = await session.run({ image });
  session.dispose();
  return [...((probs?.data ?? []) as Float32Array)];
}

function headOf(bytes: Uint8Array) {
  const head = decodeCompactHead(bytes);
  if (!head) throw new Error("no compact file");
  return head;
}

/** DESIGN.md, section 5: the metadata of LeNet-5. */
const metadataBudget = 300;

const pipelines = ["", "quantize{bits=8},entropy", "prune-magnitude{sparsity=80%},share-weights{clusters=16},quantize,entropy"];

test("a compact file is smaller and gives the same answers to the bit", async () => {
  for (const pipeline of pipelines) {
    const [compact, ordinary] = [await lenet(pipeline, { size: true }), await lenet(pipeline)];
    assert.ok(compact.length < ordinary.length - 400, `${compact.length} of ${ordinary.length}`);
    assert.equal(await answers(compact), await answers(ordinary), pipeline);
    assert.equal(await lenet(pipeline, { size: true }), compact, "the same input gives the same bytes");
  }
});

test("the budget: 24 bytes a file beside the metadata, and the metadata of LeNet-5", async () => {
  const compact = await lenet("", { size: true });
  const { length, stored } = headOf(compact);
  process.stdout.write(`\nLeNet-5: ${length + stored} bytes of metadata, ${length} of them the head\n`);
  assert.ok(length <= 24);
  assert.ok(length + stored <= metadataBudget, `${length + stored} bytes`);
});

/** A plan of nothing but constants: `count` of them, each bytes that no codec shrinks. */
function constantsOnly(count: number): Uint8Array {
  const random = seeded(11);
  const noise = () => Uint8Array.from({ length: 300 }, () => random(256));
  const constants = Array.from({ length: count }, (_, i) => dataConstant(`c${i}`, tensorType("i8", [300]), noise()));
  const op = {
    name: "rt.kernel",
    operands: constants.map((c) => c.name),
    attrs: new Map([["kernel", attr.string("f32_add")]]),
    results: [0],
    doc: null,
    loc: [],
  };
  const type = tensorType("f32", [1]);
  const main = { ...emptyFunction("main", []), values: [{ name: "y", type }], ops: [op], returns: [0], results: [{ name: "y", type }] };
  const functions = new Map([
    ["init", emptyFunction("init", [])],
    ["main", main],
  ]);
  const module = { ...emptyModule("m"), constants: new Map(constants.map((c) => [c.name, c])), functions };
  return emitFile({
    plans: [{ target: "wasm-simd", module }],
    build: { tersor: "", pipeline: "" },
    codecs: [ransEncoder, contextEncoder],
    metadata: "compact",
  });
}

test("a section more of the same type costs at most 4 bytes, record and constant together", () => {
  const [few, many] = [constantsOnly(10), constantsOnly(40)];
  const cost = (many.length - few.length - 30 * 300) / 30;
  process.stdout.write(`\na section more: ${cost.toFixed(2)} bytes\n`);
  assert.ok(cost <= 4, `${cost} bytes`);
});

test("inputs and outputs keep their names, nothing else does; a source is refused", async () => {
  const { view } = openFile(await lenet("quantize{bits=8},entropy", { size: true }));
  assert.ok(["image", "probs"].every((name) => view.strings.includes(name)));
  assert.not.ok(view.strings.some((name) => /conv1|fc1|quantize\{|0\.1|nn\./.test(name)));
  try {
    await lenet("", { size: true, targets: ["wasm-simd", "reference"] });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /E0916/);
  }
});

/** The file with this metadata, checksum right. */
function rebuilt(bytes: Uint8Array, metadata: Uint8Array, raw = metadata.length): Uint8Array {
  const head = headOf(bytes);
  const packed = pack(metadata, compactPrimer());
  const fresh = encodeCompactHead({ stored: packed.length, raw });
  return sealed(Uint8Array.from([...fresh, ...packed, ...bytes.subarray(head.length + head.stored)]));
}

function sealed(bytes: Uint8Array): Uint8Array {
  const at = headOf(bytes).length - 4;
  const crc = crc32(bytes.subarray(at + 4), crc32(bytes.subarray(0, at)));
  new DataView(bytes.buffer).setUint32(at, crc, true);
  return bytes;
}

const metadataOf = (bytes: Uint8Array): Uint8Array => {
  const { length, stored, raw } = headOf(bytes);
  return unpack(bytes.subarray(length, length + stored), raw, compactPrimer());
};

function refusal(bytes: Uint8Array): string | null {
  const started = performance.now();
  try {
    const file = openFile(bytes);
    file.view.sections.forEach((_, i) => {
      file.sectionBytes(i);
    });
    return null;
  } catch (error) {
    assert.instance(error, RuntimeError, String(error));
    return (error as RuntimeError).code;
  } finally {
    assert.ok(performance.now() - started < 3000, "it took seconds");
  }
}

const small = async (pipeline: string): Promise<Uint8Array> =>
  (await compile(twoLayers(), { plugins: bundledPlugins(), pipeline, size: true })).bytes;

test("streams of a compact file load; one that never ends is given up; commands know the format and its sizes", async () => {
  const bytes = await small("quantize{bits=8},entropy");
  const streamOf = (chunks: Iterator<Uint8Array>) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const { done, value } = chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
  const session = await load(streamOf([bytes.subarray(0, 30), bytes.subarray(30)].values()), { backends: [wasm()] });
  session.dispose();
  function* endless() {
    yield bytes.slice();
    for (;;) yield new Uint8Array(1 << 20);
  }
  try {
    await load(streamOf(endless()), { backends: [wasm()] });
    assert.unreachable();
  } catch (error) {
    assert.is((error as RuntimeError).code, "R0104");
  }
  assert.is(detectFormat(bytes), "tsr");
  const { headerBytes, metadata, sections, paddingBytes } = describeFile(bytes);
  assert.is(paddingBytes, 0);
  assert.is(headerBytes + metadata.storedBytes + sections.reduce((n, s) => n + s.storedBytes, 0), bytes.length);
});

test("any changed byte is noticed; cut and other versions too", async () => {
  const bytes = await small("quantize{bits=8},entropy");
  const random = seeded(5);
  for (let i = 0; i < 300; i++) {
    const damaged = bytes.slice();
    const at = i < 40 ? i : random(bytes.length);
    damaged[at] = (damaged[at] as number) ^ (1 << random(8));
    assert.ok(refusal(damaged), `byte ${at}`);
  }
  for (const length of [4, 8, 12, 13, 50, bytes.length - 1]) assert.ok(refusal(bytes.subarray(0, length)), `${length} bytes`);
  const other = bytes.slice();
  other[4] = 2;
  assert.is(refusal(sealed(other)), "R0102");
});

test("damage behind a right checksum is refused by code, or is another valid file", async () => {
  const bytes = await small("quantize{bits=4},entropy");
  const metadata = metadataOf(bytes);
  assert.is(refusal(rebuilt(bytes, metadata)), null);
  assert.is(refusal(rebuilt(bytes, metadata, 2_000_000)), "R0106");
  const random = seeded(7);
  let refused = 0;
  for (let i = 0; i < 60; i++) {
    const damaged = metadata.slice();
    for (let k = 1 + random(3); k > 0; k--) damaged[random(damaged.length)] = random(2) ? random(256) : 255;
    refused += refusal(rebuilt(bytes, damaged)) === null ? 0 : 1;
  }
  assert.ok(refused > 30, `${refused}`);
  const short = sealed(bytes.slice(0, bytes.length - 100));
  assert.is(refusal(short), "R0108");
});

test.run();
