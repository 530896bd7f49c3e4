/** @file Picture archives and folders as data, with a decoder that is passed in; tar archives, whole and broken. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeImage } from "../../compiler/cli/decode-image.ts";
import { imageFiles } from "../../compiler/data/images.ts";
import { type DataAccess, openDataSpec } from "../../compiler/data/spec.ts";
import { untarred } from "../../compiler/data/tar.ts";
import type { RgbaImage } from "../../runtime/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { needing } from "../support/skip.ts";
import { memory, records, rejectsCode, throwsCode } from "./broken-files.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One header and its body, padded to blocks. */
function entry(name: string, body: Uint8Array, kind = "0", prefix = ""): Uint8Array {
  const out = new Uint8Array(512 + 512 * Math.ceil(body.length / 512));
  out.set(ascii(name), 0);
  out.set(ascii(`${body.length.toString(8).padStart(11, "0")} `), 124);
  out.set(ascii(kind), 156);
  out.set(ascii("ustar\x0000"), 257);
  out.set(ascii(prefix), 345);
  out.fill(32, 148, 156);
  const sum = out.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  out.set(ascii(`${sum.toString(8).padStart(6, "0")}\x00 `), 148);
  out.set(body, 512);
  return out;
}

function tar(...entries: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([...entries, new Uint8Array(1024)]));
}

test("tar: names short, with a prefix, GNU-long and pax; folders and other kinds are passed over", () => {
  const long = `${"a/".repeat(90)}x.jpg`;
  const archive = tar(
    entry("d/", new Uint8Array(0), "5"),
    entry("one.jpg", ascii("1")),
    entry("two.jpg", ascii("22"), "0", "some/folder"),
    entry("././@LongLink", ascii(`${long}\0`), "L"),
    entry("cut.jpg", ascii("333")),
    entry("pax", ascii(`25 path=ünicode/four.jpg\n`), "x"),
    entry("cut.jpg", ascii("4444")),
    entry("link", new Uint8Array(0), "2"),
  );
  const found = untarred(archive, "t").map(({ name, bytes }) => [name, bytes.length]);
  assert.equal(found, [
    ["one.jpg", 1],
    ["some/folder/two.jpg", 2],
    [long, 3],
    ["ünicode/four.jpg", 4],
  ]);
});

test("tar: cut short is D0101, no tar D0102, a damaged header D0103", () => {
  const archive = tar(entry("a", ascii("x".repeat(600))), entry("b", ascii("y")));
  throwsCode(() => untarred(archive.subarray(0, 900), "t"), "D0101", "t");
  throwsCode(() => untarred(new Uint8Array(0), "t"), "D0102", "t");
  throwsCode(() => untarred(ascii("z".repeat(600)), "t"), "D0102", "t");
  const damaged = archive.slice();
  damaged[1536] = 0x7a;
  throwsCode(() => untarred(damaged, "t"), "D0103", "t");
});

test("pictures take turns by folder, whatever the order of the paths", () => {
  const paths = ["b/2.jpg", "a/1.jpg", "b/1.jpeg", "b/3.PNG", "readme.md", "a/thumbs.db"];
  const expected = ["a/1.jpg", "b/1.jpeg", "b/2.jpg", "b/3.PNG"];
  assert.equal(
    imageFiles(paths).map((file) => file.path),
    expected,
  );
  assert.equal(imageFiles([...paths].reverse()), imageFiles(paths));
});

/** A decoder of one byte: that grey level, 32 x 32. */
const flat = (bytes: Uint8Array): RgbaImage => ({ width: 32, height: 32, data: new Uint8Array(32 * 32 * 4).fill(bytes[0] ?? 0) });

test("cifar10: JPEG archives where there are such and a decoder, else the binary records; a file may be named", async () => {
  const jpegs = tar(
    entry("test/bird/0.jpg", Uint8Array.of(7)),
    entry("test/bird/1.jpg", Uint8Array.of(8)),
    entry("test/airplane/0.jpg", Uint8Array.of(9)),
  );
  const files = memory({ "c/x-test-jpeg.tar.gz": gzipSync(jpegs), "c/test_batch.bin": records([5]) });
  const decoding: DataAccess = { ...files, decodeImage: flat };
  const data = await openDataSpec("cifar10:c", decoding);
  assert.equal([data.count, data.classes, data.pixels, [...data.labels]], [3, 10, "image", [0, 2, 2]]);
  assert.equal(
    [...(data.batch(0, 3).image ?? [])].filter((_, i) => i % 3072 === 0),
    [9, 7, 8],
  );
  assert.equal([...(await openDataSpec("cifar10:c", files)).labels], [5], "without a decoder");
  assert.equal([...(await openDataSpec("cifar10:c/test_batch.bin", decoding)).labels], [5]);
  await rejectsCode(openDataSpec("cifar10:c/x-test-jpeg.tar.gz", files), "D0110", "cifar10:c/x-test-jpeg.tar.gz");
  const strange = memory({ "c/test.tar": tar(entry("test/unicorn/0.jpg", Uint8Array.of(1))) });
  await rejectsCode(openDataSpec("cifar10:c", { ...strange, decodeImage: flat }), "D0105", "cifar10:test");
  const small = { ...decoding, decodeImage: (): RgbaImage => ({ width: 1, height: 1, data: new Uint8Array(4) }) };
  const wrong = await openDataSpec("cifar10:c", small);
  throwsCode(() => wrong.batch(0, 1), "D0103", "cifar10:test:test/airplane/0.jpg");
});

needing(
  test,
  "data",
  hasData,
)("real CIFAR-10: all 10,000 test pictures, close to the 3,000 that another decoder made", async () => {
  const disk: DataAccess = { readFile: async (path) => readFile(path), listDir: (path) => readdir(path), decodeImage };
  const [jpeg, binary] = await Promise.all([
    openDataSpec(`cifar10:${join(DATA, "cifar-10")}`, disk),
    openDataSpec(`cifar10:${join(DATA, "cifar-10/cifar10-test-3000.bin.gz")}`, disk),
  ]);
  assert.equal([jpeg.count, binary.count], [10_000, 3_000]);
  for (let c = 0; c < 10; c++) assert.is(jpeg.labels.filter((label) => label === c).length, 1000);
  const [ours = [], theirs = []] = [jpeg.batch(0, 20).image, binary.batch(0, 20).image];
  let total = 0;
  for (let i = 0; i < ours.length; i++) total += Math.abs((ours[i] ?? 0) - (theirs[i] ?? 0));
  // Of 255; this decoder repeats each chroma sample, the other interpolates between them.
  assert.ok(total / ours.length < 3, `mean difference ${total / ours.length}`);
});

test.run();
