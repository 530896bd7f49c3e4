/** @file A compiled model for every row of the wasm manifest, from the kernel tests' own cases, on seeded inputs. */
import { emitFile } from "../../compiler/emit/emit.ts";
import type { Lowered } from "../../compiler/lower/lower.ts";
import { manifest } from "../../runtime/backends/wasm/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import { foundBodies, moduleOf } from "../kernels/wasm-found-cases.ts";
import { casesOf, type RowCase } from "../kernels/wasm-manifest-cases/index.ts";
import { inputsOf, lowerTo, type OperandCase, opModule, targetOf, toTensor } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";
import type { FileRun } from "./run-files.ts";

const BATCH = 3;
/** Of each row; the kernel tests run them all in Node. */
const CASES_PER_ROW = 2;

/** Rows that repack weights come with the rows that use them. */
export const testedRows: readonly KernelRow[] = manifest.kernels.filter(({ op }) => op !== "rt.pack");

export function kernelRuns(): readonly FileRun[] {
  return testedRows.flatMap((row, index) =>
    row.op.startsWith("dynamic.")
      ? foundRuns(row)
      : (casesOf[row.op]?.(row) ?? []).slice(0, CASES_PER_ROW).map((one, i) => runOf(row, one, 1000 * index + i)),
  );
}

/** Rows that find out sizes, on the first of each case's feeds. */
function foundRuns(row: KernelRow): readonly FileRun[] {
  const cases = foundBodies[row.op]?.(row.operands[0]?.dtypes[0] ?? "f32") ?? [];
  return cases.slice(0, CASES_PER_ROW).map(([body, [feed = {}]], i) => {
    const lowered = lowerTo(moduleOf(body), targetOf("wasm-simd", [row]));
    return fileRun(`${row.id} ${i}`, emit(lowered), Object.fromEntries(Object.entries(feed).map(([name, x]) => [name, toTensor(x)])));
  });
}

function runOf(row: KernelRow, one: RowCase, seed: number): FileRun {
  const operands = operandsOf(row, one, seed);
  const lowered = lowerTo(opModule({ op: row.op, attrs: one.attrs ?? {}, operands }), targetOf("wasm-simd", [row]));
  return fileRun(`${row.id} ${JSON.stringify(one.shapes)} ${JSON.stringify(one.attrs ?? {})}`, emit(lowered), inputsOf(operands));
}

function emit({ target, module }: Lowered): Uint8Array {
  return emitFile({ plans: [{ target, module }], build: { tersor: "0.1.0", pipeline: "" }, metadata: "plain" });
}

export function fileRun(name: string, file: Uint8Array, inputs: ReturnType<typeof inputsOf>): FileRun {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  return {
    name,
    file: base64(file),
    inputs: Object.entries(inputs).map(([input, tensor]) => ({
      name: input,
      dtype: tensor.dtype,
      shape: tensor.shape,
      bytes: base64(tensor.bytes()),
    })),
  };
}

function operandsOf(row: KernelRow, one: RowCase, seed: number): readonly (OperandCase | null)[] {
  const random = seeded(seed);
  return one.shapes.map((shape, i) => {
    if (!shape) return null;
    const rule = row.operands[Math.min(i, row.operands.length - 1)];
    const dtype = one.dtypes?.[i] ?? rule?.dtypes[0] ?? "f32";
    const sizes = shape.map((size) => (size === "N" ? BATCH : size));
    const tensor = one.values?.(i, dtype, sizes, random) ?? random.tensor(dtype, sizes);
    return { tensor, shape, constant: row.operands[i]?.source === "constant" };
  });
}
