/** @file gzip and zip: what fflate writes comes back; damage, lies about sizes and strange features are coded errors. */
import * as fc from "fast-check";
import { gzipSync, zipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gunzipped, unzipped } from "../../compiler/data/archive.ts";
import { DataError } from "../../compiler/data/errors.ts";
import { ramp, throwsCode } from "./broken-files.ts";

const data = ramp(5000);
const gz = gzipSync(data, { mtime: 0 });
const zip = zipSync({ "a.npy": [data, { level: 9 }], "b.npy": [ramp(10), { level: 0 }] }, { mtime: "1990-01-01" });

function changed(bytes: Uint8Array, at: number, value: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(value, at < 0 ? copy.length + at : at);
  return copy;
}

test("gzip and plain bytes", () => {
  assert.equal(gunzipped(gz, "x"), data);
  assert.is(gunzipped(data, "x"), data);
});

test("damaged gzip is D0104, a stump D0101", () => {
  throwsCode(() => gunzipped(changed(gz, -8, [1, 2, 3, 4]), "f.gz"), "D0104", "f.gz");
  throwsCode(() => gunzipped(gz.subarray(0, gz.length - 20), "f.gz"), "D0104", "f.gz");
  throwsCode(() => gunzipped(gz.subarray(0, 10), "f.gz"), "D0101", "f.gz");
});

test("a gzip file that announces 4 GiB is refused before anything is allocated", () => {
  throwsCode(() => gunzipped(changed(gz, -4, [255, 255, 255, 255]), "bomb.gz"), "D0104", "bomb.gz");
  assert.throws(() => gunzipped(changed(gz, -4, [255, 255, 255, 255]), "bomb.gz"), /cannot unpack to 4294967295/);
});

test("zip entries, deflated and stored, in the directory's order", () => {
  assert.equal(
    [...unzipped(zip, "x")],
    [
      ["a.npy", data],
      ["b.npy", ramp(10)],
    ],
  );
  const behindComment = changed(new Uint8Array([...zip, 33, 33]), zip.length - 2, [2, 0]);
  assert.is(unzipped(behindComment, "x").size, 2);
});

test("broken zips are coded: no zip, no directory, wrong offsets, method, encryption, size, checksum, zip64", () => {
  const directory = zip.findIndex((_, i) => zip[i] === 0x50 && zip[i + 1] === 0x4b && zip[i + 2] === 1 && zip[i + 3] === 2);
  throwsCode(() => unzipped(data, "f.npz"), "D0102", "f.npz");
  throwsCode(() => unzipped(zip.subarray(0, zip.length - 30), "f.npz"), "D0101", "f.npz");
  throwsCode(() => unzipped(changed(zip, -6, [1, 0, 0, 0]), "f.npz"), "D0103", "f.npz");
  throwsCode(() => unzipped(changed(zip, -6, [255, 255, 255, 0]), "f.npz"), "D0101", "f.npz");
  throwsCode(() => unzipped(changed(zip, directory + 10, [12]), "f.npz"), "D0109", "f.npz:a.npy");
  throwsCode(() => unzipped(changed(zip, directory + 8, [1]), "f.npz"), "D0109", "f.npz:a.npy");
  throwsCode(() => unzipped(changed(zip, directory + 24, [255, 255, 255, 255]), "f.npz"), "D0109", "f.npz:a.npy");
  throwsCode(() => unzipped(changed(zip, directory + 24, [255, 255, 255, 127]), "f.npz"), "D0104", "f.npz:a.npy");
  throwsCode(() => unzipped(changed(zip, directory + 16, [0, 0, 0, 0]), "f.npz"), "D0104", "f.npz:a.npy");
  throwsCode(() => unzipped(changed(zip, directory + 42, [1]), "f.npz"), "D0103", "f.npz:a.npy");
});

test("no damage to one byte of a zip or gzip gives anything but the right bytes or a DataError", () => {
  const sound = (read: () => unknown, expected: unknown) => {
    try {
      assert.equal(read(), expected);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  };
  const damage = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(damage, ([place, flip]) => {
      const at = place % gz.length;
      if (at > 1) sound(() => gunzipped(changed(gz, at, [(gz[at] ?? 0) ^ flip]), "x"), data);
      const zipAt = place % zip.length;
      const values = () => [...unzipped(changed(zip, zipAt, [(zip[zipAt] ?? 0) ^ flip]), "x").values()];
      const whole = [...unzipped(zip, "x").values()];
      const count = zip.length - 12;
      // The number of entries is stored without a checksum: fewer entries is what such a file says.
      if (zipAt !== count && zipAt !== count + 1) sound(values, whole);
    }),
    { numRuns: 1000, seed: 1 },
  );
});

test.run();
