/**
 * @file The bundle test: what an app's bundler makes of the runtime holds nothing of the compiler and needs no Node. It looks at
 * every module that the bundler had to load, also those it then shook out.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundleRuntime, RUNTIME_ENTRIES } from "../../scripts/bundle-runtime.mjs";

/** Bytes at gzip level 9. "A runtime of tens of kilobytes": a change that passes this line should say why. */
const GZIP_BUDGET = 96_000;

const FOREIGN = /^(compiler|plugins|test|examples|bench|scripts)\/|^ir-spec\/(ops|index)|(^|\/)node_modules\/(?!flatbuffers\/)/;

const foreign = (modules: readonly string[]): string[] => modules.filter((module) => FOREIGN.test(module));

test("runtime and wasm backend bundle for the browser without compiler, plugins, op definitions, chevrotain or Node", async () => {
  const bundle = await bundleRuntime();
  process.stdout.write(`\nruntime + wasm: ${bundle.raw} bytes, ${bundle.gzip} bytes gzip, ${bundle.modules.length} modules\n`);
  for (const entry of RUNTIME_ENTRIES) assert.ok(bundle.modules.includes(entry), `${entry} is not in its own bundle`);
  assert.equal(foreign(bundle.modules), []);
  assert.equal(
    bundle.externals.filter((id) => id.startsWith("node:")),
    [],
  );
  assert.ok(bundle.gzip <= GZIP_BUDGET, `${bundle.gzip} bytes gzip, budget ${GZIP_BUDGET}`);
});

test("a runtime that reached for the compiler's parser or for Node would be seen", async () => {
  const { modules, externals } = await bundleRuntime(["test/architecture/fixtures/leak.ts"]);
  assert.ok(foreign(modules).some((module) => module.includes("node_modules/chevrotain/")));
  assert.ok(foreign(modules).includes("test/architecture/fixtures/leak.ts"));
  assert.equal(externals, ["node:fs"]);
});

test.run();
