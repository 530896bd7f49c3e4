/**
 * @file Every op that has kernels on wasm, in the same cases as the kernels' own test, as an ONNX graph on ONNX Runtime: compiled, stored, loaded and compared with the op's reference
 * function, with the batch bound to several sizes in one session.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { planFor } from "../../compiler/lower/plan.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import type { TargetSpec } from "../../compiler/target/target.ts";
import { type DType, dtypeInfo, type HostTensor, integerRange, isFloat, type Module, TersorError, toNumbers } from "../../ir-spec/index.ts";
import { ort as backend } from "../../runtime/backends/ort/index.ts";
import { manifest } from "../../runtime/backends/wasm/index.ts";
import { RuntimeError, type Session } from "../../runtime/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import { casesOf, isExact, type RowCase } from "../kernels/wasm-manifest-cases/index.ts";
import {
  derivedModule,
  expected,
  inputsOf,
  loadPlan,
  type OperandCase,
  type OpRun,
  opModule,
  registry,
  toHost,
} from "../support/op-module.ts";
import { ort } from "../support/ort.ts";
import { type Seeded, seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";

const ortTest = needing(test, "ort", ort !== null);
const target = builtinTargets.find(({ name }) => name === "ort-cpu") as TargetSpec;
const batches = [3, 1];
const tolerance = 1e-5;

function runOf(row: KernelRow, one: RowCase, n: number, random: Seeded): OpRun {
  const operands = one.shapes.map((shape, i): OperandCase | null => {
    if (!shape) return null;
    const rule = row.operands[Math.min(i, row.operands.length - 1)];
    const dtype = one.dtypes?.[i] ?? rule?.dtypes[0] ?? "f32";
    const sizes = shape.map((size) => (size === "N" ? n : size));
    const tensor = tamed(row.op, one.values?.(i, dtype, sizes, random) ?? random.tensor(dtype, sizes));
    return { tensor, shape, constant: rule?.source === "constant" || (i > 0 && !shape.includes("N")) };
  });
  return { op: row.op, attrs: one.attrs ?? {}, operands };
}

/** What ONNX or ONNX Runtime cannot do in cases that the ops allow: compiling, loading or running says so, in these words. */
const limits: readonly { readonly op: RegExp; readonly says: RegExp }[] = [
  { op: /^nn\.(max|avg)_pool(_index)?$/, says: /Pad should be smaller than kernel|pool_attributes/ },
  { op: /^nn\.roi_align$/, says: /RoiAlign/ },
  { op: /^shape\.pad$/, says: /Input tensor has no dimensions/ },
  { op: /^quant\.dequantize$/, says: /no scales for blocks of these types/ },
  // Types that its kernels of an operator leave out.
  { op: /^(math|reduce|shape)\./, says: /Could not find an implementation for/ },
  // It looks at constant divisors when it loads.
  { op: /^math\.(div|mod|fmod)$/, says: /Div<T>::Div|(modulo|division) by zero/ },
  { op: /^math\.pow$/, says: /ONNX has no Pow of/ },
  { op: /^reduce\.cumprod$/, says: /ONNX has CumProd since opset 26/ },
];

/** Integer results that leave the range wrap here; ONNX Runtime saturates, or goes through doubles. These ops get numbers that stay inside. */
const overflowing: ReadonlySet<string> = new Set(["reduce.sum", "reduce.prod", "math.pow", "reduce.cumprod"]);

function tamed(op: string, tensor: HostTensor): HostTensor {
  if (isFloat(tensor.dtype) || tensor.dtype === "bool" || !overflowing.has(op)) return tensor;
  const { data } = tensor;
  const small = Array.from(data as ArrayLike<number | bigint>, (value) =>
    typeof value === "bigint" ? (value < 0n ? -value : value) % 3n : Math.abs(value) % 3,
  );
  for (const [i, value] of small.entries()) (data as unknown as (number | bigint)[])[i] = value;
  return tensor;
}

/** Why ONNX Runtime answers otherwise than the op and ONNX's own reference; null where it does not. */
function otherwise({ op, attrs, operands }: OpRun): string | null {
  const [x] = operands;
  if (op === "reduce.mean" && x?.tensor.shape.includes(0)) return "the mean of nothing is 0 there";
  if (/^reduce\.(min|max)$/.test(op) && x?.tensor.shape.includes(0)) return "the least and the most of nothing are others there";
  if (op === "nn.max_pool_index" && x && isFloat(x.tensor.dtype) && toNumbers(x.tensor).some(Number.isNaN))
    return "a NaN is no maximum there";
  if (op === "reduce.top_k" && x && isFloat(x.tensor.dtype) && toNumbers(x.tensor).some(Number.isNaN))
    return "a NaN is not the largest there";
  if (op === "math.fmod" && x && /64$/.test(x.tensor.dtype)) return "64-bit remainders go through doubles there";
  if (op === "reduce.argmax" && attrs.last === true && x && toNumbers(x.tensor).some(Number.isNaN)) return "a NaN is no maximum there";
  return null;
}

/** Magnitude below which an op's errors count as absolute: ONNX Runtime's sigmoid is a rational approximation. */
const floors: Readonly<Record<string, number>> = { "math.sigmoid": 1 };

/** Elements for which the op's ONNX form is undefined: numbers outside the range of the integers they are cast to. */
function isUndefined(run: OpRun, i: number, wanted: HostTensor): boolean {
  const [source] = run.operands;
  if (run.op !== "type.cast" || !source || !isFloat(source.tensor.dtype) || isFloat(wanted.dtype) || wanted.dtype === "bool") return false;
  const { min, max } = integerRange(wanted.dtype);
  const value = Math.trunc(Number(source.tensor.data[i]));
  return !(value > Number(min) - 1 && value < Number(max) + 1);
}

function compare(actual: HostTensor, wanted: HostTensor, row: KernelRow, run: OpRun, floor: number, what: string): void {
  assert.is(`${actual.dtype} [${actual.shape}]`, `${wanted.dtype} [${wanted.shape}]`, what);
  const [a, e] = [toNumbers(actual), toNumbers(wanted)];
  if (otherwise(run) !== null) return;
  const exact = isExact(row, wanted.dtype);
  e.forEach((value, i) => {
    const found = a[i] as number;
    // Below 1e-35 f32 loses bits, and engines may flush to zero.
    const near = !exact && Math.abs(found - value) <= tolerance * Math.max(Math.abs(value), floor, floors[row.op] ?? 1e-35);
    const same = found === value || near || (Number.isNaN(found) && Number.isNaN(value));
    if (!same && !isUndefined(run, i, wanted)) assert.unreachable(`${what}: [${i}] is ${found}, expected ${value}`);
  });
}

/** What only operator sets newer than the plans' have. */
const unsaid = (op: string): boolean => op === "type.bitcast";

/** A public input or output that onnxruntime-node has no tensor for. */
function unspeakable(dtypes: readonly (DType | undefined)[]): boolean {
  return dtypes.some((dtype) => dtype === "bf16" || (dtype !== undefined && dtypeInfo(dtype).bits < 8));
}

function started(module: Module): Promise<Session> {
  return loadPlan(planFor(module, target, registry), backend({ threads: 1 }));
}

/** false: the op cannot stand in a graph for these dtypes, and the compiler says so. */
async function inMain(row: KernelRow, one: RowCase, random: Seeded, what: string): Promise<boolean> {
  const first = runOf(row, one, batches[0] as number, random);
  const ports = [...first.operands.map((o) => (o?.constant ? undefined : o?.tensor.dtype)), ...expected(first).map(({ dtype }) => dtype)];
  if (unspeakable(ports) || unsaid(row.op)) {
    assert.throws(() => planFor(opModule(first), target, registry), /E0806/, what);
    return false;
  }
  const session = await started(opModule(first));
  const symbolic = one.shapes.some((shape) => shape?.includes("N"));
  for (const n of symbolic ? batches : [0]) {
    const fresh = runOf(row, one, n, random);
    const run = { ...fresh, operands: fresh.operands.map((operand, i) => (operand?.constant ? (first.operands[i] ?? null) : operand)) };
    const outputs = await session.run(inputsOf(run.operands));
    expected(run).forEach((wanted, i) => {
      compare(toHost(outputs[`out${i}`] as never), wanted, row, run, one.floor ?? 0, `${what}, N = ${n}`);
    });
  }
  session.dispose();
  return true;
}

/** The op defines a constant, which is the model's output: wasm computes it, and it goes through ONNX Runtime as a weight. */
async function inInit(row: KernelRow, one: RowCase, random: Seeded, what: string): Promise<void> {
  const { op, attrs, operands } = runOf(row, one, 2, random);
  const run = { op, attrs, operands };
  const [wanted] = expected(run);
  if (!wanted || unspeakable([wanted.dtype])) return;
  const session = await started(derivedModule(run));
  const outputs = await session.run({});
  compare(toHost(outputs.out0 as never), wanted, row, run, one.floor ?? 0, `${what} as a constant`);
  session.dispose();
}

const rows: readonly KernelRow[] = manifest.kernels;
let [refused, tried] = [0, 0];

const refusal =
  (row: KernelRow) =>
  (error: unknown): boolean => {
    const coded = error instanceof RuntimeError || error instanceof TersorError;
    if (!coded || !limits.some(({ op, says }) => op.test(row.op) && says.test(error.message))) throw error;
    refused++;
    return false;
  };

rows.forEach((row, index) => {
  if (row.op === "rt.pack") return;
  ortTest(`${row.op} (${row.operands.map((rule) => rule.dtypes.join("|")).join(", ")})`, async () => {
    for (const [c, one] of (casesOf[row.op]?.(row) ?? []).entries()) {
      const what = `case ${c} ${JSON.stringify(one.shapes)} ${JSON.stringify(one.attrs ?? {})} ${one.dtypes?.join() ?? ""}`;
      tried++;
      const inGraph = await inMain(row, one, seeded(1000 * index + c), what).catch(refusal(row));
      // A definition is of one value.
      const single = registry.require(row.op).results.length === 1;
      if (single && (c === 0 || !inGraph)) await inInit(row, one, seeded(1000 * index + c), what).catch(refusal(row));
    }
  });
});

ortTest("the limits of ONNX Runtime are met in few cases", () => {
  assert.ok(refused > 0 && refused < 0.12 * tried, `${refused} of ${tried} cases were refused`);
});

test.run();
