/** @file NumPy's .npy and .npz: round trip of every dtype, bytes as NumPy writes them, and broken files. */
import { zipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy, writeNpy } from "../../compiler/data/npy.ts";
import { npz } from "../../compiler/data/npz.ts";
import { type RuntimeDType, Tensor } from "../../runtime/index.ts";
import { dataFailure } from "./support.ts";

const dtypes: readonly [RuntimeDType, number][] = [
  ["f64", 8],
  ["f32", 4],
  ["f16", 2],
  ["i64", 8],
  ["i32", 4],
  ["i16", 2],
  ["i8", 1],
  ["u64", 8],
  ["u32", 4],
  ["u16", 2],
  ["u8", 1],
];

for (const [dtype, size] of dtypes) {
  for (const shape of [[], [5], [2, 3], [1, 0, 4]]) {
    test(`${dtype} [${shape.join(", ")}] comes back`, () => {
      const count = shape.reduce((n, d) => n * d, 1);
      const bytes = Uint8Array.from({ length: count * size }, (_, i) => (i * 37 + 11) % 120);
      const read = readNpy(writeNpy(Tensor.fromBytes(dtype, bytes, shape)));
      assert.is(read.dtype, dtype);
      assert.equal([...read.shape], shape);
      assert.equal([...read.bytes()], [...bytes]);
    });
  }
}

test("bool comes back", () => {
  const read = readNpy(writeNpy(Tensor.fromBytes("bool", Uint8Array.of(1, 0, 1), [3])));
  assert.is(read.dtype, "bool");
  assert.equal([...read.bytes()], [1, 0, 1]);
});

/** A file as NumPy writes it: header padded with spaces to 64 bytes, ended by a newline. */
function file(dictionary: string, body: readonly number[], version = 1): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const text = `${dictionary.padEnd(128 - start - 1)}\n`;
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.from([0x93, ...Buffer.from("NUMPY"), version, 0, ...length, ...Buffer.from(text), ...body]);
}

const dictionary = (descr: string, order: string, shape: string) => `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

test("files of versions 1, 2 and 3", () => {
  for (const version of [1, 2, 3]) {
    const tensor = readNpy(file(dictionary("<i2", "False", "(2,)"), [1, 0, 255, 255], version));
    assert.equal([...(tensor.data as Int16Array)], [1, -1]);
  }
});

test("written files are aligned to 64 bytes", () => {
  const bytes = writeNpy(Tensor.fromBytes("u8", new Uint8Array(3), [3]));
  assert.is((bytes.length - 3) % 64, 0);
  assert.match(Buffer.from(bytes).toString("latin1"), "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }");
});

const good = file(dictionary("<f4", "False", "(2,)"), [0, 0, 128, 63, 0, 0, 0, 64]);

const broken: readonly [string, Uint8Array, string][] = [
  ["empty", new Uint8Array(), "D0102"],
  ["another format", Uint8Array.of(0x50, 0x4b, 3, 4), "D0102"],
  ["cut in the magic's end", good.subarray(0, 8), "D0101"],
  ["cut in the header", good.subarray(0, 50), "D0101"],
  ["cut in the data", good.subarray(0, -1), "D0101"],
  ["bytes left over", Uint8Array.from([...good, 0]), "D0103"],
  ["no shape", file("{'descr': '<f4', 'fortran_order': False}", []), "D0106"],
  ["big-endian", file(dictionary(">f4", "False", "(2,)"), [0, 0, 0, 0, 0, 0, 0, 0]), "D0107"],
  ["complex", file(dictionary("<c8", "False", "(1,)"), [0, 0, 0, 0, 0, 0, 0, 0]), "D0107"],
  ["Fortran order", file(dictionary("<f4", "True", "(1, 1)"), [0, 0, 0, 0]), "D0108"],
];

for (const [what, bytes, code] of broken) {
  test(`broken: ${what}`, async () => {
    const error = await dataFailure(() => readNpy(bytes, "the-file"));
    assert.is(error.code, code);
    assert.is(error.where, "the-file");
  });
}

test("bf16 has no NumPy dtype", async () => {
  assert.is((await dataFailure(() => writeNpy(Tensor.fromBytes("bf16", new Uint8Array(2), [1])))).code, "D0107");
});

const array = (dtype: RuntimeDType, shape: readonly number[], bytes: readonly number[]) =>
  writeNpy(Tensor.fromBytes(dtype, Uint8Array.from(bytes), shape));

test("npz: inputs by name, labels beside them", () => {
  const zip = zipSync({ "x.npy": array("u8", [2, 3], [1, 2, 3, 4, 5, 6]), "y.npy": array("u8", [2], [1, 0]) });
  const data = npz(zip, "z");
  assert.equal([data.count, data.classes, data.inputs], [2, 2, { x: { dtype: "u8", shape: [3] } }]);
  assert.equal([...data.labels], [1, 0]);
  assert.equal([...(data.gather([1]).x ?? [])], [4, 5, 6]);
});

const archives: readonly [string, Uint8Array, string][] = [
  ["no zip", Uint8Array.of(1, 2, 3), "D0102"],
  ["cut", zipSync({ "x.npy": good }).subarray(0, 40), "D0101"],
  ["damaged", zipSync({ "x.npy": good }).map((byte, i) => (i === 60 ? byte ^ 255 : byte)), "D0104"],
  ["no labels", zipSync({ "x.npy": good }), "D0114"],
  ["counts differ", zipSync({ "x.npy": good, "y.npy": array("u8", [3], [0, 1, 2]) }), "D0114"],
  ["inputs of i32", zipSync({ "x.npy": array("i32", [1], [0, 0, 0, 0]), "y.npy": array("u8", [1], [0]) }), "D0115"],
  ["an entry that is no npy", zipSync({ "x.txt": Uint8Array.of(1), "y.npy": array("u8", [1], [0]) }), "D0102"],
  ["a negative label", zipSync({ "x.npy": array("u8", [1], [0]), "y.npy": array("i8", [1], [255]) }), "D0105"],
];

for (const [what, bytes, code] of archives)
  test(`npz: ${what}`, async () => assert.is((await dataFailure(() => npz(bytes, "z"))).code, code));

test.run();
