/** @file `tersor.config.ts`: what is refused and where it says so; found in the folder or by --config; flags win; its plugins reach the commands. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { check } from "../../compiler/cli/commands/check.ts";
import { compileModel } from "../../compiler/cli/commands/compile.ts";
import { loadConfig } from "../../compiler/cli/config.ts";
import { createOutput } from "../../compiler/cli/output.ts";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { checkConfig } from "../../compiler/config/config.ts";
import { defineConfig } from "../../compiler/index.ts";
import { TersorError } from "../../ir-spec/index.ts";
import { tersorIn } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "tersor-config-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function problems(value: unknown): readonly string[] {
  try {
    checkConfig(value, "f.ts");
  } catch (error) {
    if (error instanceof TersorError) return error.problems.map((p) => `${p.code} ${p.where}: ${p.message}${p.hint ? ` (${p.hint})` : ""}`);
    throw error;
  }
  return [];
}

test("every wrong field is reported at once, with file, field and what was expected; unknown keys with a suggestion", () => {
  assert.equal(problems({ plugin: [], seed: -1, targets: "wasm-simd", xyzzy: 1, preprocessing: [1] }), [
    'E0009 f.ts: unknown key "plugin" (did you mean "plugins"?)',
    "E0009 f.ts: seed: expected an integer from 0 to 4294967295; found -1",
    'E0009 f.ts: targets: expected a list; found "wasm-simd"',
    'E0009 f.ts: unknown key "xyzzy" (there are: plugins, extend, preset, passes, targets, fallback, data, seed, preprocessing, report, backend)',
    "E0009 f.ts: preprocessing: expected a record; found a list",
  ]);
  assert.match(problems({ plugins: [() => null] })[0] ?? "", /f\.ts: plugins: .*did you forget to call one/);
  assert.equal(problems({ preset: "default", passes: "dce" }), ["E0009 f.ts: preset: preset and passes exclude each other"]);
  assert.equal(problems([]), ["E0009 f.ts: the default export must be a record, found a list"]);
  assert.equal(problems(Object.assign(Object.create(null), { toString: 1 })).length, 1, "a key of every object is no key of ours");
});

test("falsy plugins are ignored, lists flattened, a plugin of a bundled name takes its place", async () => {
  const [prune] = bundledPlugins();
  const mine = { name: "mine", version: "1.0.0", apiVersion: 1 as const };
  assert.equal(problems(defineConfig({ plugins: [false, null, [mine, [undefined]], ...(prune ? [prune] : [])] })), []);
  const file = join(folder, "plain.mjs");
  writeFileSync(
    file,
    `import { prune } from "tersor/plugins/prune";
     export default { plugins: [false, [{ name: "mine", version: "1.0.0", apiVersion: 1 }], { ...prune(), version: "9.9.9" }] };`,
  );
  const { plugins } = await loadConfig({ config: file });
  assert.equal(plugins.map((p) => p.name).sort(), [...bundledPlugins().map((p) => p.name), "mine"].sort());
  assert.is(plugins.find((p) => p.name === prune?.name)?.version, "9.9.9");
});

async function code(config: string): Promise<string> {
  try {
    await loadConfig({ config });
  } catch (error) {
    if (error instanceof TersorError) return `${error.code} ${error.problems[0]?.where}`;
    throw error;
  }
  return "loaded";
}

test("a missing file is E0002, one that does not load E0008, each with its path", async () => {
  assert.is(await code(join(folder, "none.ts")), `E0002 ${join(folder, "none.ts")}`);
  const broken = join(folder, "broken.ts");
  writeFileSync(broken, "export default {");
  assert.is(await code(broken), `E0008 ${broken}`);
  const thrower = join(folder, "thrower.ts");
  writeFileSync(thrower, "throw new Error('no');");
  assert.is(await code(thrower), `E0008 ${thrower}`);
});

const model = `tersor 1.0

module @m {
  func @main(%x: tensor<4xf32>) -> (y: tensor<4xf32>) {
    %y = math.relu(%x)
    return %y
  }
}
`;

test("compile finds the file in its folder; its plugins, passes and targets are used", () => {
  writeFileSync(join(folder, "m.tir"), model);
  writeFileSync(
    join(folder, "tersor.config.ts"),
    `import { defineConfig, definePass, type Plugin } from "tersor/compiler";
const shout = definePass({ name: "shout", doc: "says so", stage: "any", options: {}, run: (module, ctx) => { ctx.warn("heard"); return module; } });
export default defineConfig({
  plugins: [{ name: "loud", version: "1.0.0", apiVersion: 1, passes: [shout], presets: { shouting: "shout" } } satisfies Plugin],
  passes: "shout",
  targets: ["reference"],
  seed: 7,
});
`,
  );
  const compiled = tersorIn(folder, "compile", "m.tir", "-o", "m.tsr", "--json");
  assert.is(compiled.status, 0, compiled.stdout + compiled.stderr);
  const report = compiled.json();
  assert.match(String(report.pipeline), /shout/);
  assert.equal(report.warnings, ["shout: heard"]);
  assert.is(report.target, "", "reference alone has no plan");
});

test("flags win over the file; two files in one folder are refused", async () => {
  const config = await loadConfig({ config: join(folder, "tersor.config.ts") });
  const flags = { output: "unused", passes: "", target: "wasm-simd" };
  const { result } = await compileModel(join(folder, "m.tir"), flags, config, createOutput(true));
  assert.not.match(result.pipeline, /shout/);
  assert.equal(
    result.plans.map((plan) => plan.target),
    ["wasm-simd"],
  );
  const checked = await check(join(folder, "m.tir"), config.targets ?? [], config, createOutput(true));
  assert.equal([checked.ok, checked.targets.map((t) => t.target)], [true, ["reference"]]);
  writeFileSync(join(folder, "tersor.config.mjs"), "export default {}");
  const home = process.cwd();
  process.chdir(folder);
  try {
    let thrown: unknown = null;
    await loadConfig({}).catch((error: unknown) => (thrown = error));
    assert.ok(thrown instanceof TersorError && thrown.code === "E0008", String(thrown));
  } finally {
    process.chdir(home);
  }
});

test.run();
