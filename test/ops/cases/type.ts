/** @file Cases of the dialects `type`, `tensor` and `loss`. */
import type { HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { bf16, bool, f16, f32, f64, i4, i8, i16, i32, i64, u2, u4, u8, u32, u64 } from "../tensors.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const cast = (x: HostTensor, expect: HostTensor, note: string): OpCase => ({
  op: "type.cast",
  note,
  attrs: { to: expect.dtype },
  inputs: [x],
  expect: [expect],
});

const casts: readonly OpCase[] = [
  cast(f32([6], [1.9, -1.9, 300, -300, nan, inf]), i8([6], [1, -1, 127, -128, 0, 127]), "float to i8 truncates and saturates"),
  cast(f32([3], [-1, 255.9, 1e9]), u8([3], [0, 255, 255]), "float to u8"),
  cast(f64([4], [2.5, 1e30, -1e30, nan]), i64([4], [2, 2n ** 63n - 1n, -(2n ** 63n), 0]), "float to i64"),
  cast(f64([2], [-5, 1e30]), u64([2], [0, 2n ** 64n - 1n]), "float to u64"),
  cast(f32([5], [-9, -1.5, 7, 8, nan]), i4([5], [7, -1, 7, -8, 0]), "float to i4 keeps the low bits"),
  cast(f32([4], [-1, 15, 16, inf]), u4([4], [15, 15, 0, 0]), "float to u4 keeps the low bits"),
  cast(i32([3], [300, -129, 5]), i8([3], [44, 127, 5]), "i32 to i8 wraps"),
  cast(i32([2], [-1, 7]), u32([2], [4294967295, 7]), "i32 to u32 wraps"),
  cast(i64([2], [2n ** 32n + 5n, -1]), i32([2], [5, -1]), "i64 to i32 wraps"),
  cast(i32([2], [-1, 9]), i64([2], [-1, 9]), "i32 to i64"),
  cast(i32([3], [-9, 8, 5]), i4([3], [7, -8, 5]), "i32 to i4 wraps"),
  cast(u4([2], [15, 3]), f32([2], [15, 3]), "u4 to f32"),
  cast(i16([2], [-7, 7]), f64([2], [-7, 7]), "i16 to f64"),
  cast(f32([5], [0, -0, 0.1, nan, -3]), bool([5], [0, 0, 1, 1, 1]), "to bool"),
  cast(i64([2], [0, 2n ** 60n]), bool([2], [0, 1]), "i64 to bool"),
  cast(bool([2], [0, 1]), f32([2], [0, 1]), "from bool"),
  // 1 + 2^-11 lies half way between two f16 numbers: to even. A little more: up, which a detour through f32 would lose.
  cast(f64([3], [1 + 2 ** -11, 1 + 2 ** -11 + 2 ** -40, 70000]), f16([3], [1, 1 + 2 ** -10, inf]), "f64 to f16 rounds once"),
  cast(f32([2], [1 + 2 ** -8, 1 + 3 * 2 ** -8]), bf16([2], [1, 1 + 2 ** -6]), "f32 to bf16 rounds to even"),
  // 2^60 + 2^36 lies half way between two f32 numbers; with one more it is beyond, which f64 cannot hold.
  cast(
    i64([3], [2n ** 60n + 2n ** 36n, 2n ** 60n + 2n ** 36n + 1n, -(2n ** 60n) - 2n ** 36n - 1n]),
    f32([3], [2 ** 60, 2 ** 60 + 2 ** 37, -(2 ** 60) - 2 ** 37]),
    "i64 to f32 rounds once",
  ),
  cast(i64([1], [2n ** 53n + 1n]), f64([1], [2 ** 53]), "i64 to f64 rounds to even"),
  { op: "type.cast", note: "gradient: it passes", attrs: { to: "f64" }, inputs: [f64([3], [1, 2, 3])], gradient: [true] },
];

const bitcast = (x: HostTensor, expect: HostTensor, note: string): OpCase => ({
  op: "type.bitcast",
  note,
  attrs: { to: expect.dtype },
  inputs: [x],
  expect: [expect],
});

const others: readonly OpCase[] = [
  bitcast(f32([3], [1, -0, -inf]), i32([3], [0x3f800000, -(2 ** 31), 0xff800000 | 0]), "f32 to i32"),
  bitcast(i64([1], [0x4000000000000000n]), f64([1], [2]), "i64 to f64"),
  bitcast(i4([2], [-1, 7]), u4([2], [15, 7]), "i4 to u4"),
  { op: "type.unpack", note: "u4", inputs: [u4([3], [0, 7, 15])], expect: [u8([3], [0, 7, 15])] },
  { op: "type.unpack", note: "u2", inputs: [u2([2, 2], [0, 1, 2, 3])], expect: [u8([2, 2], [0, 1, 2, 3])] },
  { op: "type.unpack", note: "i4", inputs: [i4([3], [-8, 7, -1])], expect: [i8([3], [-8, 7, -1])] },
  {
    op: "tensor.one_hot",
    note: "negative counts from the end, out of range gives zeros",
    attrs: { depth: 3 },
    inputs: [i64([2, 2], [1, -1, 3, 0])],
    expect: [f32([2, 2, 3], [0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0])],
  },
  { op: "tensor.one_hot", note: "to i64", attrs: { depth: 2, to: "i64" }, inputs: [i32([], [1])], expect: [i64([2], [0, 1])] },
  {
    op: "loss.softmax_cross_entropy",
    note: "equal scores give the logarithm of their number; a sure answer nothing",
    inputs: [f64([3, 4], [5, 5, 5, 5, 0, 1000, 0, 0, Math.log(3), 0, -inf, -inf]), i32([3], [2, 1, 1])],
    expect: [f64([3], [Math.log(4), 0, Math.log(4)])],
    tolerance: 1e-15,
  },
  {
    op: "loss.softmax_cross_entropy",
    note: "f32 and i64 labels",
    inputs: [f32([1, 2], [0, 0]), i64([1], [1])],
    expect: [f32([1], [Math.LN2])],
  },
  {
    op: "loss.softmax_cross_entropy",
    note: "gradient",
    inputs: [f64([2, 3], [0.3, -1.2, 0.8, 2, 0.1, -0.4]), i64([2], [2, 0])],
    gradient: [true, false],
  },
];

export const cases: readonly OpCase[] = [...casts, ...others];
