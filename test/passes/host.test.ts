/** @file The plugin host: flattening, merging, and clashes that name both owners. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  arrangePasses,
  createHost,
  definePass,
  definePlugin,
  type Plugin,
  type PluginInput,
  parsePipeline,
  pluginApiVersion,
  presetText,
  resolvePipeline,
} from "../../compiler/index.ts";
import { generalPasses } from "../../compiler/passes/index.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { coreOps, type OpDef } from "../../ir-spec/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { prune } from "../../plugins/prune/index.ts";
import { quantize } from "../../plugins/quantize/index.ts";
import { share } from "../../plugins/share/index.ts";
import { failure } from "./support.ts";

const plugin = (name: string, rest: Partial<Plugin> = {}): Plugin =>
  definePlugin({ name, version: "1.2.3", apiVersion: pluginApiVersion, ...rest });
const pass = (name: string) => definePass({ name, doc: "", stage: "any", options: {}, run: (module) => module });
const relu = coreOps.find((op) => op.name === "math.relu") as OpDef;
const ownOp: OpDef = { ...relu, name: "mine.relu" };

test("falsy plugins are ignored, arrays flattened, order kept", () => {
  const inputs: readonly PluginInput[] = [null, plugin("a"), [false, [plugin("b"), undefined, []]], plugin("c")];
  assert.equal(
    createHost(inputs).plugins.map((p) => p.name),
    ["a", "b", "c"],
  );
  assert.equal(createHost().plugins, []);
});

test("the core is always there", () => {
  const host = createHost();
  for (const { name } of generalPasses) assert.is(host.passes.get(name)?.owner, "core");
  assert.equal(
    [...host.targets.keys()],
    builtinTargets.map((t) => t.name),
  );
  assert.is(presetText(host, "none"), "");
  assert.is(host.ops.ownerOf("math.relu"), "core");
});

test("a plugin's ops, passes, targets, codecs and presets are in the tables under its name", () => {
  const target = { name: "toaster", doc: "", backend: "toast", features: [], manifest: null };
  const codec = { id: "own/zip", encode: () => null };
  const host = createHost([
    plugin("own", { ops: [ownOp], passes: [pass("own-pass")], targets: [target], codecs: [codec], presets: { small: "own-pass" } }),
  ]);
  assert.is(host.ops.ownerOf("mine.relu"), "own");
  assert.is(host.passes.get("own-pass")?.owner, "own");
  assert.equal(host.targets.get("toaster"), target);
  assert.is(host.codecs.get("own/zip"), codec);
  assert.is(presetText(host, "small"), "own-pass");
});

const clashes: readonly [string, readonly Plugin[], string, string][] = [
  ["plugin", [plugin("a"), plugin("a")], "E0712", "plugin a is given twice"],
  [
    "op of two plugins",
    [plugin("a", { ops: [ownOp] }), plugin("b", { ops: [ownOp] })],
    "E0302",
    "op mine.relu is defined twice: by a and by b",
  ],
  ["op of the core", [plugin("a", { ops: [relu] })], "E0302", "op math.relu is defined twice: by core and by a"],
  [
    "pass",
    [plugin("a", { passes: [pass("p")] }), plugin("b", { passes: [pass("p")] })],
    "E0704",
    'pass "p" is registered twice: by a and by b',
  ],
  ["pass of the core", [plugin("a", { passes: [pass("dce")] })], "E0704", 'pass "dce" is registered twice: by core and by a'],
  ["preset", [plugin("a", { presets: { x: "" } }), plugin("b", { presets: { x: "dce" } })], "E0712", 'preset "x" is brought by a and by b'],
  ["preset of the core", [plugin("a", { presets: { default: "" } })], "E0712", 'preset "default" is brought by core and by a'],
  [
    "codec",
    [plugin("a", { codecs: [{ id: "z", encode: () => null }] }), plugin("b", { codecs: [{ id: "z", encode: () => null }] })],
    "E0712",
    'codec "z" is brought by a and by b',
  ],
  [
    "target",
    [plugin("a", { targets: [{ name: "reference", doc: "", backend: "r", features: [], manifest: null }] })],
    "E0712",
    'target "reference" is brought twice, the second time by a',
  ],
];

for (const [what, plugins, code, message] of clashes) {
  test(`clash: ${what}`, async () => {
    const error = await failure(() => createHost(plugins));
    assert.is(error.code, code);
    assert.match(error.message, message);
  });
}

test("E0711: a plugin of another API version, by name and version", async () => {
  const old = { ...plugin("old"), apiVersion: 0 } as unknown as Plugin;
  const error = await failure(() => createHost([old]));
  assert.is(error.code, "E0711");
  assert.match(error.message, `plugin old 1.2.3 is written for plugin API 0, this compiler has ${pluginApiVersion}`);
});

test("E0711: kernels of another abi", async () => {
  const wasm = builtinTargets.find((t) => t.name === "wasm-simd")?.manifest;
  if (!wasm) throw new Error("no wasm manifest");
  const error = await failure(() => createHost([plugin("kernels", { manifests: [{ ...wasm, abi: wasm.abi + 1, kernels: [] }] })]));
  assert.is(error.code, "E0711");
  assert.match(error.message, `plugin kernels: kernels for wasm have abi ${wasm.abi + 1}, this compiler has ${wasm.abi}`);
});

test("E0713: an unknown preset lists those there are", async () => {
  const error = await failure(() => presetText(createHost(), "huge"));
  assert.is(error.code, "E0713");
  assert.match(error.message, 'unknown preset "huge"; there are: none, default, safe, balanced, tiny, w8a8, w4a8, w4');
});

test("every core preset resolves with the plugins of the package", () => {
  const host = createHost([prune(), share(), quantize(), entropy()]);
  for (const name of host.presets.keys()) resolvePipeline(host, presetText(host, name));
});

test("a pipeline by hand is checked, a set of passes is arranged", async () => {
  const host = createHost([prune(), share(), quantize()]);
  const error = await failure(() => resolvePipeline(host, "quantize,prune-magnitude"));
  assert.is(error.code, "E0706");
  assert.match(error.message, "quantize (quantize) stands before prune-magnitude (prune)");
  const arranged = arrangePasses(host, parsePipeline("quantize,share-weights,prune-magnitude"));
  assert.equal(
    arranged.map((p) => p.pass.name),
    ["prune-magnitude", "share-weights", "quantize"],
  );
});

test("plugin names are lowercase with dashes", () => {
  for (const name of ["Prune", "a_b", "", "1a"]) assert.throws(() => plugin(name), /must be lowercase/);
});

test.run();
