/** @file Cases of the dialect `codebook`. */
import { type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";

const u2 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("u2", shape, Uint8Array.from(values));

export const cases: readonly OpCase[] = [
  {
    op: "codebook.lookup",
    note: "values in the codes' shape",
    inputs: [hostTensor("f32", [3], Float32Array.of(-0, 1.5, Number.NaN)), u2([2, 2], [0, 1, 2, 1])],
    expect: [hostTensor("f32", [2, 2], Float32Array.of(-0, 1.5, Number.NaN, 1.5))],
  },
  {
    op: "codebook.lookup",
    note: "a table of integers",
    inputs: [hostTensor("i8", [2], Int8Array.of(-7, 7)), hostTensor("u1", [3], Uint8Array.of(1, 0, 1))],
    expect: [hostTensor("i8", [3], Int8Array.of(7, -7, 7))],
  },
  {
    op: "codebook.lookup",
    note: "gradient: each entry gets the sum over its codes",
    inputs: [hostTensor("f64", [4], Float64Array.of(1, 2, 3, 4)), u2([3, 2], [0, 1, 3, 1, 1, 0])],
    gradient: [true, false],
  },
];
