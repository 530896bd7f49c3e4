/** @file Cost profiles: what is read, what is refused and why, and that a local one decides which kernels are chosen. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Net } from "../../compiler/cost/calibration/net.ts";
import { shippedProfile } from "../../compiler/cost/profiles/index.ts";
import { compile, costOf, costProfile, createHost, planFor, readProfile, targetNamed } from "../../compiler/index.ts";
import { definePlugin } from "../../compiler/plugin/plugin.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { TersorError } from "../../ir-spec/index.ts";
import { manifest } from "../../runtime/backends/wasm/manifest.ts";

const wasmProfile = shippedProfile("wasm-simd");
const good = JSON.stringify(wasmProfile);

function problemOf(text: string): string {
  try {
    readProfile(text, "p.json");
  } catch (error) {
    if (error instanceof TersorError) return error.message;
    throw error;
  }
  return "none";
}

test("what is written is read back", () => {
  assert.equal(readProfile(good, "p.json"), wasmProfile);
});

const changed = (change: (value: Record<string, unknown>) => void): string => {
  const value = JSON.parse(good) as Record<string, unknown>;
  change(value);
  return JSON.stringify(value);
};

for (const [what, text, expected] of [
  ["no JSON", "{", /E0810.*p\.json: it is no JSON/],
  ["a list", "[]", /it is no object/],
  [
    "another format",
    changed((v) => {
      v.format = 7;
    }),
    /format 7 is not 1; calibrate again/,
  ],
  [
    "no target",
    changed((v) => {
      delete v.target;
    }),
    /target must be a string/,
  ],
  [
    "no reference",
    changed((v) => {
      v.referenceMicroseconds = 0;
    }),
    /referenceMicroseconds must be a positive number/,
  ],
  [
    "a negative term",
    changed((v) => {
      v.kernels = { f32_conv: { launch: -1 } };
    }),
    /f32_conv: launch must be a number from 0, got -1/,
  ],
  [
    "a term that is none",
    changed((v) => {
      v.run = { launch: "1" };
    }),
    /run: launch must be a number from 0, got "1"/,
  ],
] as const) {
  test(`refused: ${what}`, () => assert.match(problemOf(text), expected));
}

test("every profile that is shipped is sound, says where it was measured, and belongs to its target", () => {
  const shipped = builtinTargets.flatMap(({ name }) => shippedProfile(name) ?? []);
  assert.ok(shipped.length >= 4, `${shipped.length} profiles`);
  for (const profile of shipped) {
    assert.equal(readProfile(JSON.stringify(profile), profile.target), profile);
    assert.ok(profile.measuredOn.cpu.length > 0 && profile.measuredOn.engine.length > 0, profile.target);
    assert.is(costOf(builtinTargets.find((t) => t.name === profile.target) ?? { name: "" }).profile, profile);
  }
});

/** A second kernel for relu, which the manifest calls dear. */
const rival = definePlugin({
  name: "rival",
  version: "1.0.0",
  apiVersion: 1,
  manifests: [
    {
      backend: "wasm",
      abi: manifest.abi,
      kernels: [
        {
          id: "rival/relu@1",
          op: "math.relu",
          operands: [{ dtypes: ["f32"] }],
          results: ["f32"],
          cost: { launch: 1000, macNs: 0, byteNs: 0, opNs: 0 },
        },
      ],
    },
  ],
});

function kernelOf(profiles: Parameters<typeof createHost>[0]): string {
  const host = createHost(profiles);
  const net = new Net("n", host.ops, [4, 8]);
  return planFor(net.finish(net.one("math.relu", [net.input])), targetNamed(host, "wasm-simd"), host.ops).steps[0]?.kernel ?? "";
}

test("a local profile decides which kernel is chosen", () => {
  assert.is(kernelOf([rival]), "f32_relu");
  assert.ok(wasmProfile);
  const local = { ...wasmProfile, kernels: { ...wasmProfile.kernels, "rival/relu@1": { launch: 0.001 } } };
  assert.is(kernelOf([rival, costProfile(local)]), "rival/relu@1");
});

test("a profile of a target that there is not is an error", () => {
  assert.ok(wasmProfile);
  assert.throws(() => createHost([costProfile({ ...wasmProfile, target: "toaster" })]), /E0714.*toaster.*wasm-simd/s);
});

test("the same input gives the same bytes; a local profile stands in the build record", async () => {
  assert.ok(wasmProfile);
  const { ops } = createHost();
  const net = new Net("n", ops, [4, 8]);
  const module = net.finish(net.linear(net.input, 8));
  const [a, b] = [await compile(module), await compile(module)];
  assert.equal(a.bytes, b.bytes);
  const local = await compile(module, { plugins: [costProfile(wasmProfile)] });
  assert.ok(new TextDecoder("latin1").decode(local.bytes).length > a.bytes.length);
  assert.ok(local.host.plugins.some(({ name, version }) => name === "cost-profile-wasm-simd" && /^[0-9a-f]{16}$/.test(version)));
});

test.run();
