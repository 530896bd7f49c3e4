/** @file i64 at the interface of a model on a device without it: ids in, an index out, checked where they enter; on the device alone and beside wasm. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, globals } from "webgpu";
import { emitFile } from "../../compiler/emit/emit.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { planFor } from "../../compiler/lower/plan.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import type { TargetSpec } from "../../compiler/target/target.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { type DeviceTensor, load, type Session, Tensor } from "../../runtime/index.ts";
import { need } from "../support/skip.ts";

Object.assign(globalThis, globals);

const registry = createCoreRegistry();
const targetNamed = (name: string): TargetSpec => {
  const target = builtinTargets.find((t) => t.name === name);
  if (!target) throw new Error(`no target ${name}`);
  return target;
};

/** Which token has the largest sum, whether that is its last, and how far it is from the end. */
const text = `tersor 1.0

module @tokens {
  func @main(%ids: tensor<NxTxi64>) -> (best: tensor<Nx1xi64>, end: tensor<Nx1xbool>, left: tensor<Nx1xi64>) {
    %0 = shape.gather(@table, %ids) {axis = 0}
    %1 = reduce.sum(%0) {axes = [2]}
    %best = reduce.argmax(%1) {axis = 1, keepdims = true}
    %left = math.sub(@five, %best)
    %end = math.equal(%left, @zero)
    return %best, %end, %left
  }

  const @table : tensor<9x3xf32> = [${Array.from({ length: 27 }, (_, i) => `${((i * 31) % 17) - 8}.0`).join(", ")}]
  const @five : tensor<i64> = 5
  const @zero : tensor<i64> = 0
}
`;
const module = readModule(text, { registry });
const gpu = create([]);
const adapter = await gpu.requestAdapter().catch(() => null);

const ids = (values: readonly number[], shape: readonly number[]) => new Tensor("i64", BigInt64Array.from(values, BigInt), shape);
const sample = ids([0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -9, 4], [2, 6]);

async function agrees(session: Session): Promise<void> {
  const wanted = interpret(module, registry, { ids: { dtype: "i64", shape: sample.shape, data: sample.data } }).outputs;
  const outputs = await session.run({ ids: sample });
  for (const [name, tensor] of Object.entries(wanted)) {
    assert.is(outputs[name]?.dtype, tensor?.dtype, name);
    assert.equal([...(outputs[name]?.data ?? [])], [...(tensor?.data ?? [])], name);
  }
}

async function refuses(session: Session, tensor: Tensor | DeviceTensor, message: RegExp): Promise<void> {
  const error = await session.run({ ids: tensor }).then(
    () => null,
    (e: Error) => e,
  );
  assert.match(error?.message ?? "", message);
}

const fileOf = (target: TargetSpec, fallback?: TargetSpec) =>
  emitFile({ plans: [planFor(module, target, registry, fallback ? { fallback } : {})], build: { tersor: "test", pipeline: "" } });

test("ids of i64 in, indices of i64 out", async () => {
  if (!need("webgpu", adapter !== null, "i64 on webgpu")) return;
  const session = await load(fileOf(targetNamed("webgpu")), { backends: [webgpu({ gpu })] });
  assert.is(session.inputs.ids?.dtype, "i64");
  await agrees(session);
  await refuses(session, ids([0, 9], [1, 2]), /R0316.*input "ids".*element 1 is 9; on this device it may hold -9 to 8/);
  const wide = new Tensor("i64", BigInt64Array.of(2n ** 32n), [1, 1]);
  await refuses(session, wide, /R0316.*element 0 is 4294967296/);
  await agrees(session);
  const made = await session.run({ ids: ids([8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 4], [1, 18]) }, { outputs: "device" });
  assert.equal((await made.left?.read())?.data, BigInt64Array.of(-12n), "made on the device");
  await refuses(session, made.left as DeviceTensor, /R0316.*input "ids".*element 0 is -12/);
  for (const tensor of Object.values(made)) tensor.dispose();
  session.dispose();
});

test("beside wasm the same, the check included", async () => {
  if (!need("webgpu", adapter !== null, "i64 in a mixed plan")) return;
  const target = targetNamed("webgpu");
  const manifest = target.manifest;
  if (!manifest) throw new Error("no manifest");
  const free = { launch: 0, byteNs: 0 };
  const kernels = manifest.kernels.filter(({ op }) => op !== "shape.gather" && op !== "math.equal");
  const session = await load(
    fileOf({ ...target, manifest: { ...manifest, kernels, copies: { upload: free, readBack: free } } }, targetNamed("wasm-simd")),
    {
      backends: [webgpu({ gpu }), wasm()],
    },
  );
  await agrees(session);
  await refuses(session, ids([0, 9], [1, 2]), /R0316.*input "ids".*element 1 is 9/);
  session.dispose();
});

test.run();
