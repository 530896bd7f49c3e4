/**
 * @file Golden files. `released-*.tsr` were written by earlier versions: they must keep opening and are never written again. `emitted.tsr` is what emission gives today, byte for byte,
 * on any machine; TERSOR_UPDATE=1 blesses a change of it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emitFile } from "../../compiler/emit/emit.ts";
import { readSource } from "../../compiler/emit/read-source.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { FakeBackend } from "../runtime/fake-backend.ts";
import { ROOT } from "../support/data.ts";
import { everythingModule, smallModule, smallPlan } from "./fixtures.ts";
import { moduleText } from "./module-text.ts";

const FOLDER = join(ROOT, "test/format/golden");
const released = readdirSync(FOLDER).filter((name) => /^released-.*\.tsr$/.test(name));
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name)));

function emitted(): Uint8Array {
  const build = {
    tersor: "0.1.0",
    pipeline: "share{clusters=4}",
    plugins: [{ name: "share", version: "0.1.0" }],
    modelSha256: "00ff",
    seed: 7,
  };
  return emitFile({
    source: smallModule(),
    plans: [{ target: "fake", module: smallPlan() }],
    build,
    preprocessing: { mean: [0.5], scale: 2 },
  });
}

test("emission gives the golden bytes", () => {
  if (process.env.TERSOR_UPDATE === "1") writeFileSync(join(FOLDER, "emitted.tsr"), emitted());
  assert.equal(
    Buffer.from(emitted()).toString("hex"),
    Buffer.from(read("emitted.tsr")).toString("hex"),
    "run npm run test:update if this is meant",
  );
});

test("small files of every released version open, read back and run", async () => {
  const small = released.filter((name) => name.endsWith("-small.tsr"));
  assert.ok(small.length > 0);
  for (const name of small) {
    assert.is(moduleText(readSource(read(name))), moduleText(smallModule()), name);
    const session = await load(read(name), { backends: [new FakeBackend()] });
    const { y } = await session.run({ x: new Tensor("f32", Float32Array.of(-2, -1, 0, 1, 2, 3), [2, 3]) });
    assert.equal(y?.data, Float32Array.of(2, 0, 3.5, 6.5), name);
    assert.equal(session.info.preprocessing, { mean: [0.5], scale: 2 });
    session.dispose();
  }
});

test("files with every feature, of every released version, read back", () => {
  const all = released.filter((name) => name.endsWith("-everything.tsr"));
  assert.ok(all.length > 0);
  for (const name of all) assert.is(moduleText(readSource(read(name))), moduleText(everythingModule()), name);
});

test.run();
