/** @file Models of one operator, and how their results are compared with ONNX Runtime's: for the tests of operator families. */
import * as assert from "uvu/assert";
import { type DType, type HostTensor, hostTensor, isFloat, toNumbers } from "../../ir-spec/index.ts";
import { type OnnxAttr, onnxModel } from "../support/onnx-writer.ts";
import { seeded } from "../support/seeded.ts";

export interface Case {
  readonly op: string;
  readonly inputs: readonly (HostTensor | null)[];
  readonly attrs?: Readonly<Record<string, OnnxAttr>>;
  readonly opset?: number;
  /** Inputs that are initializers. */
  readonly fixed?: readonly number[];
  /** Of each output; default one output of the first input's. */
  readonly outputs?: readonly (readonly [dtype: DType, rank: number])[];
  readonly note?: string;
}

export const of = (dtype: DType, values: readonly (number | bigint)[], shape: readonly number[] = [values.length]): HostTensor => {
  const tensor = hostTensor(dtype, shape);
  const wide = tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array;
  for (const [i, value] of values.entries()) tensor.data[i] = wide ? BigInt(value) : Number(value);
  return tensor;
};
export const random = (dtype: DType, shape: readonly number[], seed = 1, scale = 1) => seeded(seed).tensor(dtype, shape, scale);
export const int = (value: number): OnnxAttr => ({ int: value });
export const float = (value: number): OnnxAttr => ({ float: value });

export function modelOf({ op, inputs, attrs = {}, opset = 21, fixed = [], outputs }: Case): Uint8Array {
  const first = inputs[0] as HostTensor;
  const named = inputs.flatMap((tensor, i) => (tensor ? [[i, tensor] as const] : []));
  const results = outputs ?? [[first.dtype, first.shape.length] as const];
  return onnxModel({
    opset,
    nodes: [{ op, inputs: inputs.map((tensor, i) => (tensor ? `x${i}` : "")), outputs: results.map((_, i) => `y${i}`), attrs }],
    inputs: named.flatMap(([i, { dtype, shape }]) => (fixed.includes(i) ? [] : [{ name: `x${i}`, dtype, shape }])),
    outputs: results.map(([dtype, rank], i) => ({ name: `y${i}`, dtype, shape: Array.from({ length: rank }, (_, k) => `s${i}${k}`) })),
    initializers: Object.fromEntries(named.flatMap(([i, tensor]) => (fixed.includes(i) ? [[`x${i}`, tensor]] : []))),
  });
}

export const feedsOf = ({ inputs, fixed = [] }: Case) =>
  Object.fromEntries(inputs.flatMap((tensor, i) => (tensor && !fixed.includes(i) ? [[`x${i}`, tensor]] : [])));

export function assertSame(got: HostTensor, want: HostTensor, what: string): void {
  assert.equal([got.dtype, [...got.shape]], [want.dtype, [...want.shape]], what);
  const [a, b] = [toNumbers(got), toNumbers(want)];
  const unit = want.dtype === "f16" ? 1e-3 : 2e-6;
  b.forEach((value, i) => {
    const found = a[i] as number;
    const allowed = isFloat(want.dtype) ? unit * Math.max(1, Math.abs(value)) : 0;
    const same = found === value || (Number.isNaN(found) && Number.isNaN(value)) || Math.abs(found - value) <= allowed;
    if (!same) assert.unreachable(`${what}: [${i}] is ${found}, ONNX Runtime has ${value}`);
  });
}
