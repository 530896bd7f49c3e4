/**
 * @file Kernels that find out sizes, and plans cut in stages around them, against the interpreter: every row of dialect `dynamic` with each of its dtypes, and networks in which found sizes
 * meet prepared weights, later findings, inputs and constants that are returned as they came, and findings of nothing.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { hostTensor, type Module } from "../../ir-spec/index.ts";
import { manifest, wasm } from "../../runtime/backends/wasm/index.ts";
import { RuntimeError, type Session } from "../../runtime/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import { loadPlan, lowerTo, registry, toHost, toTensor } from "../support/op-module.ts";
import { type Feeds, foundBodies, moduleOf } from "./wasm-found-cases.ts";

const target = builtinTargets.find(({ name }) => name === "wasm-simd");
const rows: readonly KernelRow[] = manifest.kernels.filter(({ op }) => op.startsWith("dynamic."));
async function sessionOf(module: Module): Promise<Session> {
  assert.ok(target);
  return loadPlan(lowerTo(module, target), wasm());
}

/** Every output on every feed, in one session, equal to the interpreter's. */
async function check(module: Module, feeds: readonly Feeds[]): Promise<void> {
  const session = await sessionOf(module);
  for (const [i, feed] of feeds.entries()) {
    const wanted = interpret(module, registry, feed).outputs;
    const actual = await session.run(Object.fromEntries(Object.entries(feed).map(([name, x]) => [name, toTensor(x)])));
    for (const [name, { dtype, shape, data }] of Object.entries(wanted)) {
      const found = toHost(actual[name] as never);
      assert.is(found.dtype, dtype, name);
      assert.equal(found.shape, shape, `${name} of feed ${i}`);
      assert.equal([...found.data].map(String), [...data].map(String), `${name} of feed ${i}`);
    }
  }
  session.dispose();
}

for (const row of rows) {
  for (const dtype of row.operands[0]?.dtypes ?? []) {
    test(`${row.op} of ${dtype}`, async () => {
      const cases = foundBodies[row.op]?.(dtype) ?? [];
      assert.ok(cases.length > 0, `no cases for ${row.op}`);
      for (const [body, feeds] of cases) await check(moduleOf(body), feeds);
    });
  }
}

const floats = (shape: readonly number[], values: readonly number[]) => hostTensor("f32", shape, Float32Array.from(values));

test("found sizes meet prepared weights, later findings, and what is returned as it came", async () => {
  const module = moduleOf(`
    func @main(%x: tensor<Nx3xf32>, %keep: tensor<Nxbool>) -> (y: tensor<Kx2xf32>, far: tensor<2xLxi64>, same: tensor<Nxbool>, w: tensor<2x3xf32>, twice: tensor<Nx3xf32>) {
      %0 = math.add(%x, %x) : tensor<Nx3xf32>
      %1 = dynamic.nonzero(%keep) : tensor<1x?Kxi64>
      %2 = shape.reshape(%1) {shape = [-1]} : tensor<Kxi64>
      %3 = shape.gather(%0, %2) : tensor<Kx3xf32>
      %4 = nn.linear(%3, @w, _) : tensor<Kx2xf32>
      %5 = math.relu(%4) : tensor<Kx2xf32>
      %6 = dynamic.nonzero(%5) : tensor<2x?Lxi64>
      return %5, %6, %keep, @w, %0
    }
    const @w : tensor<2x3xf32> = [1.0, -1.0, 0.5, -2.0, 1.0, 1.0]`);
  const feed = (n: number, kept: readonly number[]) => ({
    x: floats(
      [n, 3],
      Array.from({ length: 3 * n }, (_, i) => ((i * 5) % 7) - 3),
    ),
    keep: hostTensor("bool", [n], Uint8Array.from(kept)),
  });
  await check(module, [feed(4, [1, 0, 1, 1]), feed(2, [0, 0]), feed(4, [0, 1, 0, 0]), feed(5, [1, 1, 1, 1, 1])]);
});

test("a plan that claims to know a size that only a run tells is refused", async () => {
  const wrong = moduleOf(`func @main(%x: tensor<4xf32>) -> (y: tensor<1xKxi64>) { %y = dynamic.nonzero(%x) : tensor<1x?Kxi64> return %y }`);
  assert.ok(target);
  const lowered = lowerTo(wrong, target);
  const main = lowered.module.functions.get("main");
  assert.ok(main);
  const fixed = { dtype: "i64" as const, shape: [1, 2] };
  const values = main.values.map((value, id) => (id === main.returns[0] ? { ...value, type: fixed } : value));
  const results = main.results.map((result) => ({ ...result, type: fixed }));
  const functions = new Map([...lowered.module.functions, ["main", { ...main, values, results }] as const]);
  const session = await loadPlan({ ...lowered, module: { ...lowered.module, functions } }, wasm());
  const error = await session.run({ x: toTensor(floats([4], [1, 1, 1, 0])) }).catch((e: unknown) => e);
  assert.instance(error, RuntimeError);
  assert.is((error as RuntimeError).code, "R0407");
  session.dispose();
});

test("steps between which sizes are found are not timed", async () => {
  const session = await sessionOf(
    moduleOf(`func @main(%x: tensor<Nxf32>) -> (y: tensor<1xKxi64>) { %y = dynamic.nonzero(%x) : tensor<1x?Kxi64> return %y }`),
  );
  assert.throws(
    () => session.profile({ x: toTensor(floats([1], [1])) }),
    (error: unknown) => error instanceof RuntimeError && error.code === "R0315",
  );
  session.dispose();
});

test.run();
