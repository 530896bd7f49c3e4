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
import { type RowRunner, testRow } from "../support/manifest-rows.ts";
import { inputsOf, loadPlan, lowerTo, type OperandCase, opModule, targetOf, toHost } from "../support/op-module.ts";
import { type Seeded, seeded } from "../support/seeded.ts";
import { casesOf, isExact } from "./wasm-manifest-cases/index.ts";

const rows: readonly KernelRow[] = manifest.kernels;
const tolerance = 1e-5;

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

const runner: RowRunner = { backend: () => wasm(), target: (row) => targetOf("wasm-simd", [row]), compare };

/** Packs are asked of by other rows only: their layout is written out here. */
function packed(id: string, weight: HostTensor): number[] {
  if (id === "i8_pack_linear") return packedPairs(weight, 8);
  if (id === "i8_pack_conv") return packedPairs(weight, 4);
  if (id === "f32_pack_gates") return packedGates(weight);
  const [rows = 0, columns = 0] = weight.shape;
  const [n, k] = id === "f32_pack_linear" ? [rows, columns] : [columns, rows];
  const at = (j: number, i: number) => (j >= n ? 0 : (weight.data[id === "f32_pack_linear" ? j * k + i : i * n + j] as number));
  return Array.from({ length: Math.ceil(n / 16) * k * 16 }, (_, e) => at(Math.floor(e / (16 * k)) * 16 + (e % 16), Math.floor(e / 16) % k));
}

/** Every gate as a linear layer's weight. */
function packedGates(weight: HostTensor): number[] {
  const [rows = 0, hidden = 1] = weight.shape;
  const size = hidden * hidden;
  const gates = Array.from({ length: rows / hidden }, (_, g) => (weight.data as Float32Array).slice(g * size, (g + 1) * size));
  return gates.flatMap((gate) => packed("f32_pack_linear", hostTensor("f32", [hidden, hidden], gate)));
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
  if (id === "f32_pack_gates") {
    const constant = (shape: readonly number[]) => operand(random.tensor("f32", shape), true);
    return [operand(random.tensor("f32", [2, 1, 19])), constant([21, 19]), constant([21, 21])];
  }
  return [operand(random.tensor("f32", [2, id === "f32_pack_linear" ? 21 : 19])), operand(random.tensor("f32", [19, 21]), true)];
}

rows.forEach((row, index) => {
  const name = `${row.op} by ${row.id} (${row.operands.map((rule) => rule.dtypes.join("|")).join(", ")} -> ${row.results?.join() ?? "same"})`;
  test(name, async () => {
    if (row.op === "rt.pack") return packTest(row);
    if (row.op.startsWith("dynamic.")) return; // wasm-found.test.ts, which runs all of them
    const cases = casesOf[row.op]?.(row) ?? [];
    assert.ok(cases.length > 0, `no cases for ${row.op}: add them under wasm-manifest-cases/`);
    await testRow(runner, row, cases, 1000 * index);
  });
});

async function packTest(row: KernelRow): Promise<void> {
  const user = rows.find((other) => other.operands.some((rule) => rule.pack?.kernel === row.id));
  const pack = user?.operands.find((rule) => rule.pack)?.pack;
  assert.ok(user && pack, `no row packs with ${row.id}`);
  const operands = packUse(row.id, user.operands[1]?.ranks?.[0] ?? 2, seeded(7));
  const weight = operands[user.operands.findIndex((rule) => rule.pack?.kernel === row.id)]?.tensor as HostTensor;
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
