/**
 * @file Every op in every dtype that it takes: the operands of a case that share the dtype of its first one, in each other dtype in turn, with small numbers. ONNX Runtime loads the export and
 * agrees, for which the exporter computes some ops in a wider dtype.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { allocateData, type DType, type HostTensor, isFloat, TersorError } from "../../ir-spec/index.ts";
import { caseName } from "../ops/case-check.ts";
import { caseFiles } from "../ops/cases/index.ts";
import type { OpCase } from "../ops/op-case.ts";
import { ort, runOrt } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { type CaseModule, caseModule, toleranceOf } from "./case-modules.ts";
import { excuseOf, noDoubles } from "./excused.ts";
import { assertClose, exported, registry, type Tensors } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);
const dtypes: readonly DType[] = ["f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "bool"];
const all = Object.values(caseFiles).flat();

/** ONNX has these forms; ONNX Runtime 1.30 has no kernels for them. */
const withoutKernel: Readonly<Record<string, readonly DType[]>> = {
  ...Object.fromEntries([...noDoubles, "math.det"].map((op) => [op, ["f64"]])),
  ...Object.fromEntries(["reduce.max", "reduce.min", "reduce.argmax", "reduce.top_k", "dynamic.unique"].map((op) => [op, ["u64"]])),
};

/** Ops of 4-bit and narrower integers alone, which `ops.test.ts` has. */
const narrowAlone: readonly string[] = ["type.unpack"];

/** Dtype of the first operand that holds data, or else of the first: what is varied. */
function primary({ op, inputs }: OpCase): DType | null {
  const { operands } = registry.require(op);
  const at = inputs.findIndex((x, i) => x && ["data", "weight"].includes(operands[i]?.role ?? operands.at(-1)?.role ?? ""));
  return inputs[Math.max(at, 0)]?.dtype ?? null;
}

/** Small numbers, none of them 0, NaN or infinite: what ONNX leaves open is not met. */
function converted(tensor: HostTensor, dtype: DType, op: string): HostTensor {
  const data = allocateData(dtype, tensor.data.length);
  for (let i = 0; i < data.length; i++) {
    // A cast may be to an unsigned integer.
    const value = numberFor(op === "type.cast" ? Math.abs(Number(tensor.data[i])) : Number(tensor.data[i]), dtype);
    data[i] = data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(value) : value;
  }
  return { dtype, shape: tensor.shape, data };
}

function numberFor(value: number, dtype: DType): number {
  if (!Number.isFinite(value)) return 1;
  if (isFloat(dtype)) return Math.max(-3, Math.min(3, value));
  const whole = Math.trunc(value);
  if (dtype === "bool") return whole === 0 ? 0 : 1;
  return Math.max(dtype.startsWith("u") ? 1 : -2, Math.min(2, whole)) || 1;
}

interface Variant extends CaseModule {
  readonly opCase: OpCase;
  readonly want: Tensors;
}

/** null where the op does not take the dtype, or not these operands in it. */
function variant(given: OpCase, dtype: DType): Variant | null {
  const from = primary(given);
  // Attributes stay as they are: a border of 9 is no truth value.
  if (from === null || (dtype === "bool" && Number(given.attrs?.value ?? 0) > 1)) return null;
  const opCase = { ...given, inputs: given.inputs.map((x) => (x && x.dtype === from ? converted(x, dtype, given.op) : x)) };
  try {
    const made = caseModule(opCase);
    return { ...made, opCase, want: interpret(made.module, registry, made.inputs).outputs };
  } catch (error) {
    if (error instanceof TersorError) return null;
    throw error;
  }
}

async function problemOf({ module, inputs, want, opCase }: Variant): Promise<string | null> {
  const model = exported(module);
  try {
    assertClose(await runOrt(model, inputs), want, toleranceOf(opCase), "");
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

for (const def of registry.list()) {
  const own = all.filter((c) => c.op === def.name && !excuseOf(c) && c.inputs.every((x) => !x?.shape.includes(0))).slice(0, 3);
  if (own.length === 0 || narrowAlone.includes(def.name)) continue;
  oracle(`${def.name} in each dtype`, async () => {
    const missing = new Set<DType>();
    let count = 0;
    for (const dtype of dtypes) {
      for (const given of own) {
        const made = variant(given, dtype);
        if (!made) continue;
        count++;
        const problem = await problemOf(made);
        if (problem && /Could not find an implementation|does not support double/.test(problem)) missing.add(dtype);
        else assert.is(problem, null, `${caseName(given)} in ${dtype}`);
      }
    }
    assert.ok(count > 0, `no case of ${def.name} can be varied`);
    assert.equal([...missing], withoutKernel[def.name] ?? []);
  });
}

test.run();
