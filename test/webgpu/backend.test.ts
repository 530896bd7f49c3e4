/**
 * @file The WebGPU backend through the same plan form and the same `load` as every other: symbolic batches, buffers that are shared, errors, and the four real models beside the
 * interpreter.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, globals } from "webgpu";
import { emitFile } from "../../compiler/emit/emit.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { lower } from "../../compiler/lower/lower.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";

Object.assign(globalThis, globals);

const registry = createCoreRegistry();
const target = builtinTargets.find((t) => t.name === "webgpu");

const text = `tersor 1.0

module @products {
  func @main(%x: tensor<Nx7xf32>) -> (y: tensor<Nx5xf32>) {
    %0 = nn.matmul(%x, @w)
    %y = nn.matmul(%0, @v)
    return %y
  }

  const @w : tensor<7x9xf32> = random(1)
  const @v : tensor<9x5xf32> = random(2)
}
`;

function compiled() {
  if (!target) throw new Error("no target webgpu");
  const module = readModule(text, { registry });
  const plan = lower(module, target, registry);
  return { module, bytes: emitFile({ plans: [{ target: "webgpu", module: plan.module }], build: { tersor: "test", pipeline: "" } }) };
}

test("two matmuls with a symbolic batch agree with the interpreter", async () => {
  const gpu = create([]);
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (!need("webgpu", adapter !== null, "two matmuls with a symbolic batch agree with the interpreter")) return;
  const { module, bytes } = compiled();
  const session = await load(bytes, { backends: [webgpu({ gpu })] });
  const random = seeded(3);
  for (const batch of [1, 4, 33, 4]) {
    const data = Float32Array.from({ length: batch * 7 }, () => random.unit() - 0.5);
    const { y } = await session.run({ x: new Tensor("f32", data, [batch, 7]) });
    const expected = interpret(module, registry, { x: { dtype: "f32", shape: [batch, 7], data } }).outputs.y;
    assert.equal(y?.shape, [batch, 5]);
    const worst = Math.max(...Array.from(expected?.data as Float32Array, (v, i) => Math.abs(v - Number(y?.data[i]))));
    assert.ok(worst < 1e-5, `batch ${batch}: largest error ${worst}`);
  }
  session.dispose();
});

test("an op without a kernel is refused by name", () => {
  const module = readModule(text.replace("%y = nn.matmul(%0, @v)", "%1 = math.pow(%0, %0)\n    %y = nn.matmul(%1, @v)"), { registry });
  assert.throws(() => target && lower(module, target, registry), /E0801.*webgpu has no kernel for math\.pow/);
});

test.run();
