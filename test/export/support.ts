/** @file Runs a module twice, exported by ONNX Runtime and by the interpreter, and compares whole tensors. */
import * as assert from "uvu/assert";
import { type ExportOptions, exportOnnx } from "../../compiler/export/index.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, type HostTensor, isFloat, type Module, TersorError } from "../../ir-spec/index.ts";
import { runOrt } from "../support/ort.ts";

export const registry = createCoreRegistry();

export type Tensors = Readonly<Record<string, HostTensor>>;
export type Options = Omit<ExportOptions, "registry">;

export const exported = (module: Module, options: Options = {}): Uint8Array => exportOnnx(module, { registry, ...options });

export const decoded = (model: Uint8Array) => onnx.ModelProto.decode(model);

/** Operators of the exported graph in order, `Constant` left out. */
export function operators(model: Uint8Array): readonly string[] {
  return (decoded(model).graph?.node ?? []).map((node) => node.opType).filter((op) => op !== "Constant");
}

/** A module around the body of `@main`; `rest` holds constants. */
export function moduleOf(main: string, rest = ""): Module {
  return readModule(`tersor 1.0\nmodule @m {\n${main}\n${rest}\n}\n`, { registry });
}

/** Floats within `tolerance` of the largest magnitude of the wanted tensor, integers exactly; NaN and infinities where they belong. */
export function assertClose(got: Tensors, want: Tensors, tolerance: number, what: string): void {
  assert.equal(Object.keys(got).sort(), Object.keys(want).sort(), what);
  for (const [name, wanted] of Object.entries(want)) {
    const tensor = got[name] as HostTensor;
    assert.equal([tensor.dtype, [...tensor.shape]], [wanted.dtype, [...wanted.shape]], `${what}: ${name}`);
    const error = relativeError(tensor, wanted);
    assert.ok(error <= (isFloat(wanted.dtype) ? tolerance : 0), `${what}: ${name} is off by ${error}`);
  }
}

function relativeError(got: HostTensor, want: HostTensor): number {
  let [difference, magnitude] = [0, 0];
  for (let i = 0; i < want.data.length; i++) {
    const [g, w] = [got.data[i], want.data[i]];
    if (typeof w === "bigint" ? g === w : Object.is(Number(g), Number(w)) || Number(g) === Number(w)) continue;
    const step = Math.abs(Number(g) - Number(w));
    if (!Number.isFinite(step) || typeof w === "bigint") return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, step);
  }
  for (const w of want.data) if (Number.isFinite(Number(w))) magnitude = Math.max(magnitude, Math.abs(Number(w)));
  return difference === 0 ? 0 : difference / (magnitude || 1);
}

export async function assertSameInOrt(
  module: Module,
  inputs: Tensors,
  what: string,
  options: Options = {},
  tolerance = 1e-5,
): Promise<Uint8Array> {
  const model = exported(module, options);
  assertClose(await runOrt(model, inputs), interpret(module, registry, inputs).outputs, tolerance, what);
  return model;
}

/** What the importer makes of the exported model computes the same. */
export function assertRoundTrip(module: Module, model: Uint8Array, inputs: Tensors, what: string, tolerance = 0): void {
  const back = importOnnx(model, { registry });
  assertClose(interpret(back, registry, inputs).outputs, interpret(module, registry, inputs).outputs, tolerance, `${what}, imported again`);
}

/** `code: message` of every problem. */
export function problemsOf(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof TersorError) return error.problems.map((p) => `${p.code} ${p.where ?? ""}: ${p.message}`);
    throw error;
  }
  return [];
}
