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
    note: "entries that are vectors: their axis comes last",
    inputs: [hostTensor("f32", [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6)), u2([2, 2], [0, 2, 1, 1])],
    expect: [hostTensor("f32", [2, 2, 2], Float32Array.of(1, 2, 5, 6, 3, 4, 3, 4))],
  },
  {
    op: "codebook.lookup",
    note: "entries that are matrices of 4-bit integers",
    inputs: [hostTensor("i4", [2, 1, 3], Int8Array.of(-7, 0, 7, 1, 2, 3)), hostTensor("u1", [2], Uint8Array.of(1, 0))],
    expect: [hostTensor("i4", [2, 1, 3], Int8Array.of(1, 2, 3, -7, 0, 7))],
  },
  {
    op: "codebook.lookup",
    note: "gradient: vectors get the sums over their codes",
    inputs: [hostTensor("f64", [3, 2], Float64Array.of(1, 2, 3, 4, 5, 6)), u2([2, 2], [0, 2, 2, 2])],
    gradient: [true, false],
  },
  {
    op: "codebook.lookup",
    note: "gradient: each entry gets the sum over its codes",
    inputs: [hostTensor("f64", [4], Float64Array.of(1, 2, 3, 4)), u2([3, 2], [0, 1, 3, 1, 1, 0])],
    gradient: [true, false],
  },
];
