/** @file What a case of `op-case.ts` claims, checked: results by the reference function, by `decompose`, and gradients. */
import * as assert from "uvu/assert";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { checkGradient } from "../../compiler/testing/gradient-check.ts";
import {
  emptyFunction,
  emptyModule,
  evaluateOp,
  type HostTensor,
  isFloat,
  ModuleEditor,
  type Operand,
  type OpRegistry,
  tensorType,
  writeAttrs,
} from "../../ir-spec/index.ts";
import type { OpCase } from "./op-case.ts";

export function caseName({ op, note }: OpCase): string {
  return note ? `${op}: ${note}` : op;
}

export function checkResults(registry: OpRegistry, opCase: OpCase): void {
  if (!opCase.expect) return;
  const results = evaluateOp(registry, opCase.op, opCase.inputs, writeAttrs(registry.require(opCase.op).attrs, opCase.attrs ?? {}));
  assert.is(results.length, opCase.expect.length, "number of results");
  for (const [i, result] of results.entries()) assertTensor(result, opCase.expect[i] as HostTensor, opCase.tolerance ?? null);
}

/** What the op decomposes into gives the same, up to rounding. */
export function checkDecomposition(registry: OpRegistry, opCase: OpCase): void {
  const { op, inputs, attrs = {} } = opCase;
  const def = registry.require(op);
  if (!def.decompose) return;
  const stored = writeAttrs(def.attrs, attrs);
  const params = inputs.flatMap((input, i) => (input ? [{ name: `x${i}`, type: tensorType(input.dtype, input.shape) }] : []));
  const body = new ModuleEditor(
    { ...emptyModule("m"), functions: new Map([["main", emptyFunction("main", params)]]) },
    registry,
  ).function();
  let next = 0;
  const operands: readonly Operand[] = inputs.map((input) => (input ? next++ : null));
  const made = def.decompose({ builder: body, operands, attrs: registry.attrs(def, stored) });
  body.setResults(made.map((operand, i) => ({ name: `y${i}`, operand: operand as number | string })));
  const named = Object.fromEntries(inputs.flatMap((input, i) => (input ? [[`x${i}`, input]] : [])));
  const outputs = Object.values(interpret(body.module.freeze(), registry, named).outputs);
  const expected = evaluateOp(registry, op, inputs, stored);
  for (const [i, tensor] of expected.entries()) assertTensor(outputs[i] as HostTensor, tensor, roundingOf(tensor));
}

/** Every op of a decomposition rounds: a few units of the dtype. */
function roundingOf({ dtype, data }: HostTensor): number {
  const unit = dtype === "f64" ? 2 ** -52 : dtype === "f32" ? 2 ** -23 : dtype === "f16" ? 2 ** -10 : 2 ** -7;
  const largest = Array.from(data as ArrayLike<number | bigint>, (v) => Math.abs(Number(v))).filter(Number.isFinite);
  return 8 * unit * Math.max(1, ...largest);
}

export function checkGradients(registry: OpRegistry, opCase: OpCase): void {
  const { op, inputs, attrs = {}, gradient, gradientTolerance = 1e-6 } = opCase;
  if (!gradient) return;
  inputs.forEach((input, i) => {
    if (gradient[i]) assert.ok(input && isFloat(input.dtype), `operand ${i} is no float: its gradient would not be checked`);
  });
  const error = checkGradient(registry, op, inputs, attrs, { wanted: gradient });
  assert.ok(error <= gradientTolerance, `gradient is off by ${error}`);
}

export function assertTensor(actual: HostTensor, expected: HostTensor, tolerance: number | null): void {
  assert.is(`${actual.dtype} [${actual.shape}]`, `${expected.dtype} [${expected.shape}]`);
  assert.is(actual.data.constructor, expected.data.constructor, "kind of array");
  assert.is(actual.data.length, expected.data.length, "number of elements");
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i], expected.data[i]];
    const near = tolerance !== null && Math.abs(Number(a) - Number(e)) <= tolerance;
    assert.ok(near || Object.is(a, e), `element ${i} is ${a}, expected ${e}`);
  }
}
