/** @file One row of a kernel manifest against its op's reference: as an op of `main` on several batches in one session, and as the definition of a constant, in `init`. */
import * as assert from "uvu/assert";
import type { TargetSpec } from "../../compiler/target/target.ts";
import type { DType, HostTensor } from "../../ir-spec/index.ts";
import type { Backend } from "../../runtime/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import type { RowCase } from "../kernels/wasm-manifest-cases/index.ts";
import { derivedModule, expected, inputsOf, loadPlan, lowerTo, type OperandCase, opModule, registry, toHost } from "./op-module.ts";
import { type Seeded, seeded } from "./seeded.ts";

export interface RowRunner {
  backend(): Backend;
  /** A target with this row, so that what is run is what is tested. */
  target(row: KernelRow): TargetSpec;
  compare(actual: HostTensor, wanted: HostTensor, row: KernelRow, floor: number, what: string): void;
  /** Instead of the dtype of the case and of the row. */
  readonly dtype?: (row: KernelRow) => DType | null;
}

const batches = [3, 1, 0, 8, 3];

export function operandsOf(
  { dtype: forced }: RowRunner,
  row: KernelRow,
  one: RowCase,
  n: number,
  constants: readonly boolean[],
  random: Seeded,
): readonly (OperandCase | null)[] {
  const fixed = forced?.(row) ?? null;
  return one.shapes.map((shape, i) => {
    if (!shape) return null;
    const rule = row.operands[Math.min(i, row.operands.length - 1)];
    const dtype = fixed ?? one.dtypes?.[i] ?? rule?.dtypes[0] ?? "f32";
    const sizes = shape.map((size) => (size === "N" ? n : size));
    const given = fixed ? null : one.values?.(i, dtype, sizes, random);
    return { tensor: given ?? random.tensor(dtype, sizes), shape, constant: constants[i] === true };
  });
}

/** Operands that are constants, for each way to run a case: all values, and what the row demands or commonly gets as constants. */
export function constantChoices(row: KernelRow, one: RowCase): readonly (readonly boolean[])[] {
  const demanded = one.shapes.map((_, i) => row.operands[i]?.source === "constant");
  if (demanded.some(Boolean)) return [demanded];
  const weights = one.shapes.map((shape, i) => i > 0 && shape?.includes("N") === false);
  return weights.some(Boolean) ? [demanded, weights] : [demanded];
}

export async function testRow(runner: RowRunner, row: KernelRow, cases: readonly RowCase[], seed: number): Promise<void> {
  for (const [c, one] of cases.entries()) {
    const random = seeded(seed + c);
    const what = `case ${c} ${JSON.stringify(one.shapes)} ${JSON.stringify(one.attrs ?? {})} ${one.dtypes?.join() ?? ""}`;
    for (const constants of constantChoices(row, one)) await inMain(runner, row, one, constants, random, what);
    await inInit(runner, row, one, random, `${what} as a constant`);
  }
}

async function inMain(
  runner: RowRunner,
  row: KernelRow,
  one: RowCase,
  constants: readonly boolean[],
  random: Seeded,
  what: string,
): Promise<void> {
  const attrs = one.attrs ?? {};
  const run = (n: number) => ({ op: row.op, attrs, operands: operandsOf(runner, row, one, n, constants, random) });
  const first = run(batches[0] as number);
  const lowered = lowerTo(opModule(first), runner.target(row));
  assert.ok(lowered.kernels.includes(row.id), `${what}: lowered to ${lowered.kernels.join(", ")}`);
  const session = await loadPlan(lowered, runner.backend());
  for (const n of one.shapes.some((shape) => shape?.includes("N")) ? batches : [0]) {
    const fresh = run(n);
    const operands = fresh.operands.map((operand, i) => (operand?.constant ? (first.operands[i] ?? null) : operand));
    const outputs = await session.run(inputsOf(operands));
    expected({ ...fresh, operands }).forEach((wanted, i) => {
      runner.compare(toHost(outputs[`out${i}`] as never), wanted, row, one.floor ?? 0, `${what}, N = ${n}`);
    });
  }
  session.dispose();
}

async function inInit(runner: RowRunner, row: KernelRow, one: RowCase, random: Seeded, what: string): Promise<void> {
  if (registry.require(row.op).results.length > 1) return; // a constant is defined by an op of one result
  const run = { op: row.op, attrs: one.attrs ?? {}, operands: operandsOf(runner, row, one, 2, [], random) };
  const lowered = lowerTo(derivedModule(run), runner.target(row));
  assert.equal(lowered.materialized, [], `${what}: evaluated at compile time`);
  const session = await loadPlan(lowered, runner.backend());
  const outputs = await session.run({});
  const [wanted] = expected(run);
  runner.compare(toHost(outputs.out0 as never), wanted as HostTensor, row, one.floor ?? 0, what);
  session.dispose();
}
