/** @file Tensor data in other files: the same module as with the data inside, read when it is needed and not before; names that leave the folder and regions that leave the file are refused. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openModel } from "../../compiler/cli/models.ts";
import { compile } from "../../compiler/compile.ts";
import type { ExternalData } from "../../compiler/import/index.ts";
import type { Input, TensorProto } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { BytesElsewhere, hostTensor, TersorError } from "../../ir-spec/index.ts";
import { encodeModel, FLOAT, node, value } from "./model.ts";
import { importModel, registry, runModule, runOrt } from "./oracle.ts";

const SIZE = 160; // 102,400 bytes: more than what is read at once
const weights = Float32Array.from({ length: 2 * SIZE * SIZE }, (_, i) => ((i * 37) % 101) / 50 - 1);
const file = new Uint8Array(weights.buffer);
const bytesEach = SIZE * SIZE * 4;

type Region = Readonly<Record<string, string>>;

const outside = (name: string, region: Region, dims = [SIZE, SIZE]): Input<TensorProto> => ({
  name,
  dataType: FLOAT,
  dims,
  dataLocation: 1,
  externalData: Object.entries(region).map(([key, text]) => ({ key, value: text })),
});
const inside = (name: string, offset: number): Input<TensorProto> => ({
  name,
  dataType: FLOAT,
  dims: [SIZE, SIZE],
  rawData: file.slice(offset, offset + bytesEach),
});

/** relu(x w1) w2: a pass turns the weight of the first layer. */
function model(first: Input<TensorProto>, second: Input<TensorProto>): Uint8Array {
  return encodeModel({
    inputs: [value("x", FLOAT, ["n", SIZE])],
    outputs: [value("y", FLOAT, ["n", SIZE])],
    nodes: [node("MatMul", "x w1", "a"), node("Relu", "a", "b"), node("Gemm", "b w2", "y", { transB: 1 })],
    initializers: [first, second],
  });
}

const region = (offset: number, more: Region = {}): Region => ({
  location: "weights.bin",
  offset: String(offset),
  length: String(bytesEach),
  ...more,
});
const apart = model(outside("w1", region(0)), outside("w2", region(bytesEach)));
const whole = model(inside("w1", 0), inside("w2", bytesEach));

test("the file is the same as with the data inside, on every target", async () => {
  const externalData: ExternalData = (location) => (location === "weights.bin" ? file : null);
  const options = { targets: ["wasm-simd", "reference"] };
  const [one, other] = [await compile(importModel(apart, { externalData }), options), await compile(importModel(whole), options)];
  assert.equal(one.bytes, other.bytes);
  const x = hostTensor("f32", [2, SIZE], weights.slice(7, 7 + 2 * SIZE));
  const [ours, theirs] = [await runModule(importModel(apart, { externalData }), { x }), await runOrt(whole, { x })];
  const expected = Array.from(theirs.y?.data ?? [], Number);
  const largest = Math.max(...expected.map(Math.abs));
  const worst = Math.max(...expected.map((v, i) => Math.abs(v - Number(ours.y?.data[i]))));
  assert.ok(worst < 1e-6 * largest, `${worst} of ${largest}`);
});

test("importing reads no large tensor, and nothing keeps one", () => {
  let read = 0;
  const externalData: ExternalData = () => ({
    size: file.length,
    read(offset, length) {
      read += length;
      return file.slice(offset, offset + length);
    },
  });
  const module = importModel(apart, { externalData });
  assert.is(read, 0);
  const constant = module.constants.get("w1");
  assert.ok(constant?.kind === "data" && constant.storage instanceof BytesElsewhere);
  assert.is.not((constant.storage as BytesElsewhere).bytes, (constant.storage as BytesElsewhere).bytes);
  assert.is(read, 2 * bytesEach);
});

test("small tensors, those of attributes among them, are read at once", async () => {
  const scale = outside("scale", { location: "small.bin" }, [1]);
  const constant = { ...node("Constant", "", "c"), attribute: [{ name: "value", t: { ...scale, name: "" }, type: 4 }] };
  const bytes = encodeModel({
    inputs: [value("x", FLOAT, [2])],
    outputs: [value("y", FLOAT, [2])],
    nodes: [constant, node("Mul", "x scale", "z"), node("Mul", "z c", "y")],
    initializers: [scale],
  });
  const externalData: ExternalData = () => new Uint8Array(Float32Array.of(3).buffer);
  const { y } = await runModule(importModel(bytes, { externalData }), { x: hostTensor("f32", [2], Float32Array.of(1, -2)) });
  assert.equal(Array.from(y?.data ?? [], Number), [9, -18]);
});

function refused(bytes: Uint8Array, externalData: ExternalData | null, message: RegExp): void {
  try {
    importModel(bytes, externalData ? { externalData } : {});
  } catch (error) {
    assert.instance(error, TersorError, String(error));
    const [problem] = (error as TersorError).problems;
    assert.is(problem?.code, "E0603");
    assert.is(problem?.where, 'initializer "w1"');
    assert.match(problem?.message ?? "", message);
    return;
  }
  throw new Error("it was accepted");
}

const with1 = (first: Region) => model(outside("w1", first), inside("w2", 0));

test("regions that are not what they say", () => {
  const given: ExternalData = () => file;
  refused(with1(region(0)), null, /which was not given/);
  refused(with1(region(0)), () => null, /there is no such file/);
  refused(with1(region(file.length - 4)), given, /bytes 204796 to 307196 of "weights.bin", which has 204800/);
  refused(with1(region(0, { length: "12" })), given, /takes 102400 bytes, its region of "weights.bin" has 12/);
  refused(with1(region(0, { offset: "-1" })), given, /offset = "-1"/);
  refused(with1(region(0, { offset: "1e300" })), given, /offset = "1e300"/);
  refused(with1(region(0, { offset: "99999999999999999999" })), given, /offset = "99999999999999999999"/);
  refused(with1({ offset: "0" }), given, /does not name it/);
});

test("names that leave the model's folder are not even asked for", () => {
  const never: ExternalData = (location) => {
    throw new Error(`asked for ${location}`);
  };
  for (const location of [
    "../weights.bin",
    "a/../../weights.bin",
    "/weights.bin",
    "C:\\weights.bin",
    "..\\weights.bin",
    "\\weights.bin",
    "a\0b",
  ])
    refused(with1(region(0, { location })), never, /not below the model's folder/);
});

test("the command line: files beside the model, in folders below, never through a link that leaves", async () => {
  const root = mkdtempSync(join(tmpdir(), "tersor-external-"));
  try {
    const folder = join(root, "model");
    mkdirSync(join(folder, "data"), { recursive: true });
    writeFileSync(join(folder, "data", "weights.bin"), file);
    writeFileSync(join(root, "secret.bin"), file);
    symlinkSync(join(root, "secret.bin"), join(folder, "link.bin"));
    symlinkSync(join(folder, "data", "weights.bin"), join(folder, "inner.bin"));
    const open = (location: string, name = "model.onnx") => {
      const path = join(folder, name);
      writeFileSync(path, with1(region(0, { location })));
      return openModel(path, { registry });
    };
    const opened = await open("./data/weights.bin");
    assert.is(opened.size, opened.bytes.length + file.length);
    assert.ok((await open("inner.bin")).module);
    await rejects(open("link.bin"), /leads out of the model's folder/);
    await rejects(open("data"), /no regular file/);
    await rejects(open("missing.bin"), /no such file beside the model/);
    const before = (await open("data/weights.bin")).sha256;
    writeFileSync(join(folder, "data", "weights.bin"), file.slice().reverse());
    assert.is.not((await open("data/weights.bin")).sha256, before, "the hash of the model covers its data");
  } finally {
    rmSync(root, { recursive: true });
  }
});

async function rejects(work: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await work.then(
    () => null,
    (thrown: Error) => thrown,
  );
  assert.match(error?.message ?? "nothing was thrown", message);
}

test.run();
