/**
 * @file A plugin from outside: tersor is built, packed and installed beside the sample, which is type-checked, compiles a model with its own op, pass and codec, and runs it
 * on WebAssembly with its own kernel. What is missing from the package's public exports, types or files fails here.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ROOT } from "../support/data.ts";
import { command, installTersor, packageJson, packTersor } from "../support/packed.ts";
import { assembled } from "./assemble.ts";

const source = fileURLToPath(new URL("package/", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "tersor-sample-"));
const installed = join(project, "node_modules/tersor");

/** The package as npm would install it, and the sample beside it. */
async function install(): Promise<void> {
  await installTersor(project, await packTersor(project));
  cpSync(source, project, { recursive: true });
}

interface Facts {
  readonly ops: readonly string[];
  readonly pipeline: string;
  readonly fullPlan: string;
  readonly decomposedPlan: string;
  readonly errorWithKernel: number;
  readonly errorDecomposed: number;
  readonly withoutExtension: string;
  readonly withoutKernel: string;
  readonly bytes: readonly [number, number];
  readonly deterministic: boolean;
}

let facts: Facts | null = null;

function seen(): Facts {
  if (!facts) throw new Error("the sample did not run");
  return facts;
}

test.before(install);
test.after(() => rmSync(project, { recursive: true, force: true }));

test("every export of the package is in the tarball, with its types", () => {
  for (const [name, target] of Object.entries(packageJson.exports)) {
    for (const file of typeof target === "string" ? [target] : [target.types, target.default])
      assert.ok(existsSync(join(installed, file)), `${name}: ${file}`);
  }
});

test("the sample's types fit the package's declarations", async () => {
  await command(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", project], project);
});

test("the sample compiles a model and runs it", async () => {
  facts = JSON.parse(
    await command(process.execPath, ["--import", `file://${join(ROOT, "node_modules/tsx/dist/loader.mjs")}`, "use.mts"], project),
  ) as Facts;
  assert.equal(facts.ops, ["math.add", "sample.swish2"]);
  assert.ok(facts.pipeline.includes("sample-swish2"));
  assert.ok(facts.deterministic);
});

test("its kernel is in the plan and agrees with the reference to 1e-6", () => {
  assert.match(seen().fullPlan, "sample/f32_swish2@1");
  assert.ok(seen().errorWithKernel <= 1e-6, `${seen().errorWithKernel}`);
});

test("without the kernel's row the op is decomposed and runs on the plain backend", () => {
  assert.not.match(seen().decomposedPlan, "sample/f32_swish2");
  assert.match(seen().decomposedPlan, "f32_sigmoid");
  assert.ok(seen().errorDecomposed <= 1e-5, `${seen().errorDecomposed}`);
});

test("its codec makes the file smaller", () => {
  const [coded, plain] = seen().bytes;
  assert.ok(coded < plain, `${coded} ${plain}`);
});

test("a session without the runtime half is refused with the package's name", () => {
  for (const message of [seen().withoutExtension, seen().withoutKernel]) assert.match(message, "tersor-plugin-sample");
});

test("the kernel's bytes are what its source compiles to", async () => {
  const { base64 } = (await import("./package/src/swish2-wasm.mts")) as { readonly base64: string };
  assert.is(base64, Buffer.from(await assembled()).toString("base64"));
});

test.run();
