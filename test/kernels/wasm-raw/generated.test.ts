/** @file The committed kernels are those of the committed sources, every kernel has a test, and the module owns no memory. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sourceHash as current } from "../../../runtime/backends/wasm/build.mjs";
import { kernelsBase64, sourceHash } from "../../../runtime/backends/wasm/gen/kernels.generated.ts";

const HERE = new URL(".", import.meta.url);
const wasm = new WebAssembly.Module(Buffer.from(kernelsBase64, "base64"));

test("gen/kernels.generated.ts was made from assembly/ as it stands (else: npm run gen)", () => {
  assert.is(sourceHash, current());
});

test("every exported kernel is called in a test of this folder", () => {
  const names = readdirSync(HERE).filter((name) => name.endsWith(".test.ts"));
  const text = names.map((name) => readFileSync(new URL(name, HERE), "utf8")).join("\n");
  const exported = WebAssembly.Module.exports(wasm).map(({ name }) => name);
  assert.ok(exported.length > 50);
  assert.equal(
    exported.filter((name) => !new RegExp(`\\bk\\.${name}\\b`).test(text)),
    [],
  );
});

test("the module imports the memory, and nothing else", () => {
  const imports = WebAssembly.Module.imports(wasm).map(({ module, name, kind }) => `${module}.${name}: ${kind}`);
  assert.equal(imports, ["env.memory: memory"]);
});

test.run();
