/** @file The limits of `load` on a device: refused from shapes, by code, before anything is allocated or run; memory that is given back counts no more. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, globals } from "webgpu";
import { emitFile } from "../../compiler/emit/emit.ts";
import { lower } from "../../compiler/lower/lower.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { need } from "../support/skip.ts";

Object.assign(globalThis, globals);

const registry = createCoreRegistry();
const gpu = create([]);
const adapter = await gpu.requestAdapter().catch(() => null);

function compiled(body: string): Uint8Array {
  const target = builtinTargets.find((t) => t.name === "webgpu");
  if (!target) throw new Error("no target webgpu");
  const text = `tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<Nx16x4x4xf32>) -> (y: tensor<Nx16x4x4xf32>) {\n${body}\n    return %y\n  }\n\n  const @w : tensor<16x16x3x3xf32> = random(1)\n}\n`;
  return emitFile({ plans: [lower(readModule(text, { registry }), target, registry)], build: { tersor: "test", pipeline: "" } });
}

const conv = compiled("    %y = nn.conv(%x, @w, _) {pad = [1, 1, 1, 1]}");

async function outcome(work: () => Promise<unknown>): Promise<string> {
  return work().then(
    () => "it ran",
    (error: Error) => error.message,
  );
}

const batch = (n: number) => ({ x: new Tensor("f32", new Float32Array(n * 256), [n, 16, 4, 4]) });

test("multiplications count, not only elements", async () => {
  if (!need("webgpu", adapter !== null, "limit of work")) return;
  // 36,864 multiply-adds and about 3,000 elements a sample.
  const session = await load(conv, { backends: [webgpu({ gpu })], maxWork: 50_000 });
  await session.run(batch(1));
  assert.match(await outcome(() => session.run(batch(2))), /R0410.*a run with these shapes would take \d+ operations, the limit is 50000/);
  await session.run(batch(1));
  session.dispose();
  assert.match(await outcome(() => load(conv, { backends: [webgpu({ gpu })], maxWork: 1000 })), /R0410.*loading/);
});

test("memory of a run, and of several that are kept", async () => {
  if (!need("webgpu", adapter !== null, "limit of memory")) return;
  const session = await load(conv, { backends: [webgpu({ gpu })], maxMemory: 40_000 });
  assert.match(await outcome(() => session.run(batch(40))), /R0411.*webgpu.*the limit is 40000/);
  for (const n of [1, 2, 3, 1, 2, 3]) await session.run(batch(n));
  session.dispose();
});

test("a tiny file that asks for a huge pooling window", async () => {
  if (!need("webgpu", adapter !== null, "limit of a pool")) return;
  const pool = compiled("    %y = nn.max_pool(%x) {kernel = [2001, 2001], pad = [1000, 1000, 1000, 1000]}");
  const session = await load(pool, { backends: [webgpu({ gpu })], maxWork: 1e8 });
  assert.match(await outcome(() => session.run(batch(1))), /R0410/);
  session.dispose();
});

test.run();
