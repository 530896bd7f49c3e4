/**
 * @file Every row of the wasm manifest against its op's reference function: as an op of `main` on inputs and constants, with the batch bound to several sizes in one session, and
 * as the definition of a constant, run in `init`. A row whose op has no cases fails.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type HostTensor, hostTensor, toNumbers } from "../../ir-spec/index.ts";
import { manifest, wasm } from "../../runtime/backends/wasm/index.ts";
import { builtinKernels } from "../../runtime/backends/wasm/kernels/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import {
  derivedModule,
  expected,
  inputsOf,
  loadPlan,
  lowerTo,
  type OperandCase,
  opModule,
  targetOf,
  toHost,
} from "../support/op-module.ts";
import { type Seeded, seeded } from "../support/seeded.ts";
import { casesOf, isExact, type RowCase } from "./wasm-manifest-cases/index.ts";

const rows: readonly KernelRow[] = manifest.kernels;
const batches = [3, 1, 0, 8, 3];
const tolerance = 1e-5;

function operandsOf(
  row: KernelRow,
  one: RowCase,
  n: number,
  constants: readonly boolean[],
  random: Seeded,
): readonly (OperandCase | null)[] {
  return one.shapes.map((shape, i) => {
    if (!shape) return null;
    const rule = row.operands[Math.min(i, row.operands.length - 1)];
    const dtype = one.dtypes?.[i] ?? rule?.dtypes[0] ?? "f32";
    const sizes = shape.map((size) => (size === "N" ? n : size));
    const tensor = one.values?.(i, dtype, sizes, random) ?? random.tensor(dtype, sizes);
    return { tensor, shape, constant: constants[i] === true };
  });
}

function compare(actual: HostTensor, wanted: HostTensor, row: KernelRow, floor: number, what: string): void {
  assert.is(actual.dtype, wanted.dtype, what);
  assert.equal(actual.shape, wanted.shape, what);
  const [a, e] = [toNumbers(actual), toNumbers(wanted)];
  const exact = isExact(row, wanted.dtype);
  e.forEach((value, i) => {
    const found = a[i] as number;
    const near = !exact && Math.abs(found - value) <= tolerance * Math.max(Math.abs(value), floor);
    if (!(found === value || near || (Number.isNaN(found) && Number.isNaN(value))))
      assert.unreachable(`${what}: [${i}] is ${found}, expected ${value}`);
  });
}

const isSymbolic = (one: RowCase): boolean => one.shapes.some((shape) => shape?.includes("N"));

async function inMain(row: KernelRow, one: RowCase, constants: readonly boolean[], random: Seeded, what: string): Promise<void> {
  const attrs = one.attrs ?? {};
  const run = (n: number) => ({ op: row.op, attrs, operands: operandsOf(row, one, n, constants, random) });
  const first = run(batches[0] as number);
  const lowered = lowerTo(opModule(first), targetOf("wasm-simd", [row]));
  assert.ok(lowered.kernels.includes(row.id), `${what}: lowered to ${lowered.kernels.join(", ")}`);
  const session = await loadPlan(lowered, wasm());
  for (const n of isSymbolic(one) ? batches : [0]) {
    const fresh = run(n);
    const operands = fresh.operands.map((operand, i) => (operand?.constant ? (first.operands[i] ?? null) : operand));
    const outputs = await session.run(inputsOf(operands));
    expected({ ...fresh, operands }).forEach((wanted, i) => {
      compare(toHost(outputs[`out${i}`] as never), wanted, row, one.floor ?? 0, `${what}, N = ${n}`);
    });
  }
  session.dispose();
}

async function inInit(row: KernelRow, one: RowCase, random: Seeded, what: string): Promise<void> {
  const run = { op: row.op, attrs: one.attrs ?? {}, operands: operandsOf(row, one, 2, [], random) };
  const lowered = lowerTo(derivedModule(run), targetOf("wasm-simd", [row]));
  assert.equal(lowered.materialized, [], `${what}: evaluated at compile time`);
  const session = await loadPlan(lowered, wasm());
  const outputs = session.runSync({});
  const [wanted] = expected(run);
  compare(toHost(outputs.out0 as never), wanted as HostTensor, row, one.floor ?? 0, what);
  session.dispose();
}

/** Operands that are constants, for each way to run a case: all values, and what the row demands or commonly gets as constants. */
function constantChoices(row: KernelRow, one: RowCase): readonly (readonly boolean[])[] {
  const demanded = one.shapes.map((_, i) => row.operands[i]?.source === "constant");
  if (demanded.some(Boolean)) return [demanded];
  const weights = one.shapes.map((shape, i) => i > 0 && shape?.includes("N") === false);
  return weights.some(Boolean) ? [demanded, weights] : [demanded];
}

/** Packs are asked of by other rows only: their layout is written out here. */
function packed(id: string, weight: HostTensor): number[] {
  if (id === "i8_pack_linear") return packedPairs(weight, 8);
  if (id === "i8_pack_conv") return packedPairs(weight, 4);
  const [rows = 0, columns = 0] = weight.shape;
  const [n, k] = id === "f32_pack_linear" ? [rows, columns] : [columns, rows];
  const at = (j: number, i: number) => (j >= n ? 0 : (weight.data[id === "f32_pack_linear" ? j * k + i : i * n + j] as number));
  return Array.from({ length: Math.ceil(n / 16) * k * 16 }, (_, e) => at(Math.floor(e / (16 * k)) * 16 + (e % 16), Math.floor(e / 16) % k));
}

/** [out tiles, pairs of inputs, taps, channel of the tile, 2]; zeros where a tile or a pair is not full. */
function packedPairs(weight: HostTensor, tile: number): number[] {
  const [outs = 0, ins = 0, ...kernel] = weight.shape;
  const taps = kernel.reduce((n, size) => n * size, 1);
  const at = (o: number, c: number, tap: number) => (o < outs && c < ins ? (weight.data[(o * ins + c) * taps + tap] as number) : 0);
  const pairs = Math.ceil(ins / 2);
  return Array.from({ length: Math.ceil(outs / tile) * tile * pairs * taps * 2 }, (_, e) => {
    const [second, lane, step] = [e % 2, Math.floor(e / 2) % tile, Math.floor(e / (2 * tile))];
    const [tap, pair] = [step % taps, Math.floor(step / taps) % pairs];
    return at(Math.floor(step / (taps * pairs)) * tile + lane, 2 * pair + second, tap);
  });
}

/** x, weight and what else the user of a pack takes, for a weight of its rank. */
function packUse(id: string, rank: number, random: Seeded): readonly (OperandCase | null)[] {
  const operand = (tensor: HostTensor, constant = false): OperandCase => ({ tensor, shape: tensor.shape, constant });
  const integer = (value: number) => operand(hostTensor("i32", [], Int32Array.of(value)), true);
  const scale = [null, integer(2 ** 30), integer(40)];
  if (id === "i8_pack_linear") return [operand(random.tensor("i8", [2, 21])), operand(random.tensor("i8", [19, 21]), true), ...scale];
  const kernel = [3, 2].slice(4 - rank);
  if (id === "i8_pack_conv")
    return [operand(random.tensor("i8", [1, 5, 6, 6].slice(0, rank))), operand(random.tensor("i8", [6, 5, ...kernel]), true), ...scale];
  return [operand(random.tensor("f32", [2, id === "f32_pack_linear" ? 21 : 19])), operand(random.tensor("f32", [19, 21]), true)];
}

rows.forEach((row, index) => {
  const name = `${row.op} by ${row.id} (${row.operands.map((rule) => rule.dtypes.join("|")).join(", ")} -> ${row.results?.join() ?? "same"})`;
  test(name, async () => {
    if (row.op === "rt.pack") return packTest(row);
    const cases = casesOf[row.op]?.(row) ?? [];
    assert.ok(cases.length > 0, `no cases for ${row.op}: add them under wasm-manifest-cases/`);
    for (const [c, one] of cases.entries()) {
      const random = seeded(1000 * index + c);
      const what = `case ${c} ${JSON.stringify(one.shapes)} ${JSON.stringify(one.attrs ?? {})} ${one.dtypes?.join() ?? ""}`;
      for (const constants of constantChoices(row, one)) await inMain(row, one, constants, random, what);
      await inInit(row, one, random, `${what} as a constant`);
    }
  });
});

async function packTest(row: KernelRow): Promise<void> {
  const user = rows.find((other) => other.operands.some((rule) => rule.pack?.kernel === row.id));
  const pack = user?.operands.find((rule) => rule.pack)?.pack;
  assert.ok(user && pack, `no row packs with ${row.id}`);
  const operands = packUse(row.id, user.operands[1]?.ranks?.[0] ?? 2, seeded(7));
  const weight = operands[1]?.tensor as HostTensor;
  const lowered = lowerTo(opModule({ op: user.op, attrs: {}, operands }), targetOf("wasm-simd", [user]));
  const { functions } = lowered.module;
  const [init, main] = [functions.get("init"), functions.get("main")];
  assert.ok(init && main);
  const result = main.params.at(-1) as number;
  const only = {
    ...main,
    ops: [],
    results: [{ name: "out0", type: (main.values[result] as (typeof main.values)[number]).type }],
    returns: [result],
  };
  const session = await loadPlan(
    {
      ...lowered,
      module: {
        ...lowered.module,
        functions: new Map([
          ["init", init],
          ["main", only],
        ]),
      },
    },
    wasm(),
  );
  const outputs = await session.run(inputsOf(operands));
  assert.equal(toNumbers(toHost(outputs.out0 as never)), packed(row.id, weight));
  session.dispose();
}

test("the rows and the kernels are the same list", () => {
  const ids = [...new Set(rows.map((row) => row.id))].sort();
  assert.equal(builtinKernels.map((kernel) => kernel.id).sort(), ids);
  for (const row of rows) assert.is(builtinKernels.find((kernel) => kernel.id === row.id)?.view, row.view, row.id);
});

test("no row repeats another", () => {
  const keys = rows
    .filter(({ op }) => op !== "rt.pack")
    .map(({ op, operands, results, when }) => JSON.stringify({ op, operands, results, when }));
  assert.is(new Set(keys).size, keys.length);
});

test.run();
