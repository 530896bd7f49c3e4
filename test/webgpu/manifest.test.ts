/**
 * @file Every row of the WebGPU manifest against its op's reference function, on whatever adapter there is: as an op of `main` with the batch bound to several sizes in one session, and
 * as the definition of a constant, run in `init`; and every shader that those rows make, validated on the null backend, which needs no driver.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, globals } from "webgpu";
import { type HostTensor, toNumbers } from "../../ir-spec/index.ts";
import { kernels, manifest, webgpu } from "../../runtime/backends/webgpu/index.ts";
import type { Backend } from "../../runtime/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import { casesOf, isExact, type RowCase } from "../kernels/wasm-manifest-cases/index.ts";
import { constantChoices, operandsOf, type RowRunner, testRow } from "../support/manifest-rows.ts";
import { loadPlan, lowerTo, opModule, targetOf } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";

Object.assign(globalThis, globals);

const rows: readonly KernelRow[] = manifest.kernels;
const gpu = create([]);
const adapter = await gpu.requestAdapter().catch(() => null);
const hasF16 = adapter?.features.has("shader-f16") ?? false;
/** One device for the whole file: it is kept open by this first user. */
const shared: Backend = webgpu({ gpu });
if (adapter) await shared.open();
const backend: Backend = {
  name: shared.name,
  targets: shared.targets,
  open: async () => {},
  hasKernel: (id) => shared.hasKernel(id),
  prepare: (plan) => shared.prepare(plan),
  dispose: () => {},
};

const tolerances: Readonly<Record<string, number>> = { f32: 2e-5, f16: 5e-3 };

const isF16 = (row: KernelRow): boolean => row.features?.includes("shader-f16") === true;
/** The same row for f32 has the cases: shapes and attributes do not depend on the dtype. */
const reach = (row: KernelRow): KernelRow =>
  isF16(row) ? { ...row, operands: row.operands.map((rule) => ({ ...rule, dtypes: ["f32"] as const })), results: ["f32"] } : row;

/** Infinities and NaN: WGSL leaves them to the implementation. */
const ordinary = (value: number): boolean => Number.isFinite(value) && Math.abs(value) < 1e30;

function compare(actual: HostTensor, wanted: HostTensor, row: KernelRow, floor: number, what: string): void {
  assert.is(actual.dtype, wanted.dtype, what);
  assert.equal(actual.shape, wanted.shape, what);
  const [a, e] = [toNumbers(actual), toNumbers(wanted)];
  const exact = isExact(row, wanted.dtype);
  const steps = row.op === "quant.quantize" ? 1 : 0;
  const tolerance = tolerances[wanted.dtype] ?? 0;
  e.forEach((value, i) => {
    const found = a[i] as number;
    if (!ordinary(value)) return;
    const near = exact ? Math.abs(found - value) <= steps : Math.abs(found - value) <= tolerance * Math.max(Math.abs(value), floor, 0.01);
    if (!near) assert.unreachable(`${what}: [${i}] is ${found}, expected ${value}`);
  });
}

/** Whether the row's rules admit the case: ranks and sizes that others serve are left to them. */
function admits(row: KernelRow, one: RowCase): boolean {
  return one.shapes.every((shape, i) => {
    const rule = row.operands[Math.min(i, row.operands.length - 1)];
    if (!shape || !rule) return true;
    const ranked = !rule.ranks || rule.ranks.includes(shape.length);
    return (
      ranked &&
      (!rule.sizes || (rule.sizes.length === shape.length && rule.sizes.every((size, axis) => size === null || size === shape[axis])))
    );
  });
}

/** Beside the cases that all backends share. */
const more: Readonly<Record<string, readonly RowCase[]>> = {
  pointwise: [
    { shapes: [["N", 5, 3, 7], [6, 5, 1, 1], [6]], attrs: { activation: "relu" }, floor: 1 },
    { shapes: [["N", 4, 9, 9], [8, 4, 1, 1], null], floor: 1 },
  ],
};

function attrsFit(row: KernelRow, one: RowCase): boolean {
  return (row.when ?? []).every(({ attr, oneOf }) => {
    const value = (one.attrs as Readonly<Record<string, unknown>> | undefined)?.[attr];
    return value === undefined || oneOf.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value));
  });
}

function targetFor(row: KernelRow) {
  const packs = row.operands.flatMap(({ pack }) =>
    pack ? rows.filter(({ id, results }) => id === pack.kernel && results?.[0] === pack.dtype) : [],
  );
  return { ...targetOf("webgpu", [row, ...packs]), features: ["shader-f16"] };
}

const runner: RowRunner = { backend: () => backend, target: targetFor, compare, dtype: (row) => (isF16(row) ? "f16" : null) };

/** Tested in in-place.test.ts. */
const readsInPlace = (row: KernelRow): boolean => row.operands.some(({ form }) => form !== undefined);

const casesFor = (row: KernelRow): readonly RowCase[] =>
  [...(casesOf[row.op]?.(reach(row)) ?? []), ...(more[row.id] ?? [])].filter((one) => admits(row, one) && attrsFit(row, one));

rows.forEach((row, index) => {
  if (row.op === "rt.pack" || readsInPlace(row)) return;
  const name = `${row.op} by ${row.id} (${row.operands.map((rule) => rule.dtypes.join("|")).join(", ")} -> ${row.results?.join() ?? "same"})`;
  test(name, async () => {
    if (!need("webgpu", adapter !== null && (hasF16 || !isF16(row)), name)) return;
    const cases = casesFor(row);
    assert.ok(cases.length > 0, `no cases for ${row.op}`);
    await testRow(runner, row, cases, 1000 * index);
  });
});

test("the rows and the kernels are the same list", () => {
  const ids = [...new Set(rows.map((row) => row.id))].sort();
  assert.equal(kernels.map((kernel) => kernel.id).sort(), ids);
  for (const row of rows) assert.is(kernels.find((kernel) => kernel.id === row.id)?.view, row.view, row.id);
});

test("every shader of every row is valid on the null backend", async () => {
  const nullGpu = webgpu({ gpu: create(["backend=null"]) });
  let shaders = 0;
  for (const [index, row] of rows.entries()) {
    if (row.op === "rt.pack" || readsInPlace(row)) continue;
    for (const one of casesFor(row)) {
      const [constants = []] = constantChoices(row, one);
      const run = { op: row.op, attrs: one.attrs ?? {}, operands: operandsOf(runner, row, one, 3, constants, seeded(index)) };
      const session = await loadPlan(lowerTo(opModule(run), targetFor(row)), nullGpu);
      session.dispose();
      shaders++;
    }
  }
  assert.ok(shaders > 200, `${shaders}`);
});

test("the null backend sees a wrong shader", async () => {
  const device = await (await create(["backend=null"]).requestAdapter())?.requestDevice();
  assert.ok(device);
  device.pushErrorScope("validation");
  const broken = device.createShaderModule({ code: "fn main() { let x: f32 = 1u; }" });
  assert.ok((await broken.getCompilationInfo()).messages.length > 0);
  await device.popErrorScope();
  device.destroy();
});

test("the device is given back", () => {
  shared.dispose();
});

test.run();
