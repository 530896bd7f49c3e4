/** @file IDX, CIFAR-10 records, .npy and .npz: what was written comes back, and each kind of broken file has its code. */
import * as fc from "fast-check";
import { zipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cifar10 } from "../../compiler/data/cifar10.ts";
import { mnist, parseIdx } from "../../compiler/data/mnist.ts";
import { readNpy, writeNpy } from "../../compiler/data/npy.ts";
import { npz } from "../../compiler/data/npz.ts";
import { Tensor } from "../../runtime/index.ts";
import { idx, ramp, records, throwsCode } from "./broken-files.ts";

test("IDX: shape and bytes, also of a view into a larger buffer", () => {
  const file = idx([2, 3], ramp(6));
  assert.equal(parseIdx(file, "f"), { shape: [2, 3], data: ramp(6) });
  const inside = new Uint8Array([9, 9, 9, ...file]).subarray(3);
  assert.equal(parseIdx(inside, "f"), { shape: [2, 3], data: ramp(6) });
});

test("broken IDX: magic, element type, short header, short and long body, sizes beyond any file", () => {
  const file = idx([2, 3], ramp(6));
  throwsCode(() => parseIdx(Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 0), "f.idx"), "D0102", "f.idx");
  throwsCode(() => parseIdx(Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 0), "f.idx"), "D0107", "f.idx");
  throwsCode(() => parseIdx(file.subarray(0, 3), "f.idx"), "D0101", "f.idx");
  throwsCode(() => parseIdx(file.subarray(0, 9), "f.idx"), "D0101", "f.idx");
  throwsCode(() => parseIdx(file.subarray(0, 17), "f.idx"), "D0101", "f.idx");
  throwsCode(() => parseIdx(new Uint8Array([...file, 0]), "f.idx"), "D0103", "f.idx");
  throwsCode(() => parseIdx(idx([0xffffffff, 0xffffffff], []), "f.idx"), "D0101", "f.idx");
});

test("MNIST: images and labels make [1, H, W] samples of raw pixels", () => {
  const data = mnist(idx([3, 2, 2], ramp(12)), idx([3], [9, 0, 4]), "m");
  assert.equal(data.inputs, { image: { dtype: "f32", shape: [1, 2, 2] } });
  assert.equal(data.batch(1, 1).image, Float32Array.of(4, 5, 6, 7));
  assert.equal([...data.labels], [9, 0, 4]);
});

test("MNIST: labels that do not fit are D0103, a label of 10 is D0105", () => {
  throwsCode(() => mnist(idx([3, 2, 2], ramp(12)), idx([2], [1, 2]), "m"), "D0103", "m");
  throwsCode(() => mnist(idx([3], ramp(3)), idx([3], [1, 2, 3]), "m"), "D0103", "m");
  throwsCode(() => mnist(idx([1, 2, 2], ramp(4)), idx([1], [10]), "m"), "D0105", "m");
});

test("CIFAR-10: planes of each record, label first", () => {
  const data = cifar10(records([3, 9]), "c");
  assert.equal([...data.labels], [3, 9]);
  assert.equal(data.inputs, { image: { dtype: "f32", shape: [3, 32, 32] } });
  const { image = [] } = data.batch(1, 1);
  assert.equal([image.length, image[0], image[1024], image[3071]], [3072, 1, 1, 0]);
});

test("CIFAR-10: partial records, nothing at all, and a wrong label", () => {
  throwsCode(() => cifar10(records([1, 2]).subarray(0, 6145), "c"), "D0101", "c");
  throwsCode(() => cifar10(new Uint8Array(0), "c"), "D0101", "c");
  throwsCode(() => cifar10(records([1, 10]), "c"), "D0105", "c");
});

/** An .npy file with this header text. */
function npy(header: string, body: ArrayLike<number>, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...length, ...text, ...Array.from(body)]);
}

const plain = (descr: string, shape: string, order = "False") => `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

test(".npy: every dtype and any shape comes back bit for bit, the data aligned to 64 bytes", () => {
  const sizes = { f64: 8, f32: 4, f16: 2, i64: 8, i32: 4, i16: 2, i8: 1, u64: 8, u32: 4, u16: 2, u8: 1, bool: 1 } as const;
  const dtypes = fc.constantFrom(...(Object.keys(sizes) as (keyof typeof sizes)[]));
  fc.assert(
    fc.property(dtypes, fc.array(fc.nat({ max: 4 }), { maxLength: 4 }), fc.nat({ max: 7 }), (dtype, shape, skew) => {
      const count = shape.reduce((n, d) => n * d, 1);
      const bytes = dtype === "bool" ? ramp(count).map((b) => b & 1) : ramp(count * sizes[dtype]);
      const file = writeNpy(Tensor.fromBytes(dtype, bytes, shape));
      assert.is((file.length - bytes.length) % 64, 0);
      const shifted = new Uint8Array(skew + file.length);
      shifted.set(file, skew);
      const back = readNpy(Buffer.from(shifted.buffer, skew), "f.npy");
      assert.equal([back.dtype, back.shape, [...back.bytes()]], [dtype, shape, [...bytes]]);
    }),
  );
});

test(".npy as NumPy 2 writes it: numpy.save(f, numpy.array([[1, -2]], dtype='<i2'))", () => {
  const header = "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }";
  const tensor = readNpy(npy(`${header.padEnd(117)}\n`, [1, 0, 0xfe, 0xff]), "f.npy");
  assert.equal([tensor.dtype, tensor.shape, [...tensor.data]], ["i16", [1, 2], [1, -2]]);
  assert.equal(writeNpy(tensor), npy(`${header.padEnd(117)}\n`, [1, 0, 0xfe, 0xff]));
});

test(".npy: version 2 headers, scalars, empty arrays", () => {
  assert.equal([...readNpy(npy(plain("|u1", "(2,)"), [7, 8], 2)).data], [7, 8]);
  assert.equal(readNpy(npy(plain("|u1", "()"), [7])).shape, []);
  assert.equal(readNpy(npy(plain("<f4", "(0, 3)"), [])).shape, [0, 3]);
});

test("broken .npy: magic, version, header, big-endian, objects, records, Fortran order, lengths, sub-byte writing", () => {
  const good = npy(plain("|u1", "(2,)"), [7, 8]);
  const code = (bytes: Uint8Array, expected: Parameters<typeof throwsCode>[1]) =>
    throwsCode(() => readNpy(bytes, "f.npy"), expected, "f.npy");
  code(ramp(100), "D0102");
  code(good.subarray(0, 11), "D0101");
  code(good.subarray(0, 40), "D0101");
  code(npy(plain("|u1", "(2,)"), [7, 8], 4), "D0106");
  code(npy("{'descr': '|u1', 'shape': (2,)}\n", [7, 8]), "D0106");
  code(npy(plain("|u1", "(-2,)"), [7, 8]), "D0106");
  for (const descr of [">f4", "|O", "<c8", "<U3", "constructor"]) code(npy(plain(descr, "(2,)"), [7, 8]), "D0107");
  code(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", []), "D0107");
  code(npy(plain("|u1", "(2,)", "True"), [7, 8]), "D0108");
  code(npy(plain("|u1", "(3,)"), [7, 8]), "D0101");
  code(npy(plain("|u1", "(1,)"), [7, 8]), "D0103");
  code(npy(plain("<f8", "(99999999, 99999999)"), []), "D0101");
  throwsCode(() => writeNpy(new Tensor("u4", Uint8Array.of(1), [2])), "D0107", "npy");
});

const f32 = (values: readonly number[], shape: readonly number[]) => writeNpy(new Tensor("f32", Float32Array.from(values), shape));
const i64 = (values: readonly bigint[]) => writeNpy(new Tensor("i64", BigInt64Array.from(values), [values.length]));

test(".npz: every array but the labels is an input, deflated or stored", () => {
  const pixels = writeNpy(new Tensor("u8", ramp(8), [2, 4]));
  const data = npz(zipSync({ "x.npy": f32([1, 2, 3, 4], [2, 1, 2]), "p.npy": [pixels, { level: 0 }], "labels.npy": i64([5n, 1n]) }), "n");
  assert.equal(data.inputs, { x: { dtype: "f32", shape: [1, 2] }, p: { dtype: "u8", shape: [4] } });
  assert.equal(data.batch(1, 1), { x: Float32Array.of(3, 4), p: Uint8Array.of(4, 5, 6, 7) });
  assert.equal([[...data.labels], data.classes], [[5, 1], 6]);
});

test("broken .npz: no labels, no inputs, counts that differ, labels that are no classes, an input of f64, a broken array", () => {
  const x = f32([1, 2], [2, 1]);
  const code = (files: Parameters<typeof zipSync>[0], expected: Parameters<typeof throwsCode>[1], where: string) =>
    throwsCode(() => npz(zipSync(files), "n"), expected, where);
  code({ "x.npy": x }, "D0114", "n");
  code({ "x.npy": x, "labels.npy": f32([1, 2], [2, 1]) }, "D0114", "n");
  code({ "labels.npy": i64([1n]) }, "D0114", "n");
  code({ "x.npy": x, "labels.npy": i64([1n]) }, "D0114", "n:x");
  for (const wrong of [-1n, 2n ** 40n]) code({ "x.npy": x, "y.npy": i64([0n, wrong]) }, "D0105", "n:y");
  for (const wrong of [0.5, Number.NaN]) code({ "x.npy": x, "y.npy": f32([0, wrong], [2]) }, "D0105", "n:y");
  code({ "x.npy": writeNpy(new Tensor("f64", Float64Array.of(1, 2), [2])), "y.npy": i64([0n, 1n]) }, "D0115", "n:x");
  code({ "x.npy": x.subarray(0, 130), "y.npy": i64([0n, 1n]) }, "D0101", "n:x.npy");
  throwsCode(() => npz(x, "n"), "D0102", "n");
});

test.run();
