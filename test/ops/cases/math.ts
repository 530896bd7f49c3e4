/** @file Cases of element-wise ops of two and three operands. */
import type { HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { bf16, bool, f16, f32, f64, i8, i32, i64, positive, spread, u8, u32, u64 } from "../tensors.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const of = (op: string, inputs: readonly HostTensor[], expect: HostTensor, note?: string): OpCase => ({
  op,
  inputs,
  expect: [expect],
  ...(note ? { note } : {}),
});

const gradients = (op: string, ...pairs: readonly (readonly [HostTensor, HostTensor])[]): readonly OpCase[] =>
  pairs.map((inputs) => ({
    op,
    note: `gradient of [${inputs.map((x) => x.shape.join(", ")).join("] and [")}]`,
    inputs,
    gradient: [true, true],
  }));

const pairs: readonly (readonly [HostTensor, HostTensor])[] = [
  [spread(2, 3), f64([2, 3], [0.9, -0.4, 1.7, -2.2, 0.6, 3.1])],
  [spread(2, 3), f64([3], [0.7, -1.9, 2.3])],
  [f64([2, 1], [0.7, -1.9]), spread(4, 1, 3)],
  [f64([], [0.8]), spread(2, 2)],
];

const arithmetic: readonly OpCase[] = [
  of("math.add", [f32([2, 2], [1, 2, 3, 4]), f32([2], [10, 20])], f32([2, 2], [11, 22, 13, 24]), "a row to each row"),
  of("math.add", [f32([2, 1], [1, 2]), f32([1, 3], [10, 20, 30])], f32([2, 3], [11, 21, 31, 12, 22, 32]), "column and row"),
  of(
    "math.add",
    [f32([2, 1, 2], [1, 2, 3, 4]), f32([3, 1], [10, 20, 30])],
    f32([2, 3, 2], [11, 12, 21, 22, 31, 32, 13, 14, 23, 24, 33, 34]),
    "three axes",
  ),
  of("math.add", [f32([], [1]), f32([2, 2], [1, 2, 3, 4])], f32([2, 2], [2, 3, 4, 5]), "a scalar"),
  of("math.add", [f32([0, 2], []), f32([2], [1, 2])], f32([0, 2], []), "no elements"),
  of("math.add", [i8([2], [100, -100]), i8([2], [100, -100])], i8([2], [-56, 56]), "i8 wraps"),
  of("math.add", [i64([1], [2n ** 63n - 1n]), i64([1], [1])], i64([1], [-(2n ** 63n)]), "i64 wraps"),
  // 2048 + 1 lies between the f16 numbers 2048 and 2050, 2048 + 3 between 2050 and 2052: ties go to even.
  of("math.add", [f16([2], [2048, 2048]), f16([2], [1, 3])], f16([2], [2048, 2052]), "f16 rounds once, to even"),
  of("math.add", [bf16([2], [256, 256]), bf16([2], [1, 3])], bf16([2], [256, 260]), "bf16 rounds once, to even"),
  of("math.sub", [f32([3], [1, 2, 3]), f32([3], [5, 5, -5])], f32([3], [-4, -3, 8])),
  of("math.sub", [u8([2], [1, 200]), u8([2], [2, 1])], u8([2], [255, 199]), "u8 wraps"),
  of("math.mul", [f32([3], [1.5, -2, 3]), f32([1], [2])], f32([3], [3, -4, 6])),
  // 65537^2 = 2^32 + 2^17 + 1; 123456789 * 987654321 = 121932631112635269 = 28389652 * 2^32 - 67153019.
  of("math.mul", [i32([2], [65537, 123456789]), i32([2], [65537, 987654321])], i32([2], [131073, -67153019]), "i32 wraps beyond 2^53"),
  of("math.mul", [u32([1], [4294967295]), u32([1], [4294967295])], u32([1], [1]), "u32 wraps"),
  of("math.div", [f32([4], [1, -1, 0, 7]), f32([4], [0, 0, 0, 2])], f32([4], [inf, -inf, nan, 3.5])),
  of("math.div", [i32([4], [7, -7, 7, -7]), i32([4], [2, 2, -2, -2])], i32([4], [3, -3, -3, 3]), "integers truncate toward zero"),
  of("math.div", [i64([2], [-7, 2n ** 62n]), i64([2], [2, 3])], i64([2], [-3, 2n ** 62n / 3n]), "64-bit integers"),
  of("math.div", [i32([1], [7]), i32([1], [0])], i32([1], [0]), "an integer by zero gives 0"),
  of("math.min", [f32([4], [1, 5, nan, -0]), f32([4], [2, 3, 1, 0])], f32([4], [1, 3, nan, -0])),
  of("math.min", [u64([2], [5, 2n ** 64n - 1n]), u64([2], [7, 1])], u64([2], [5, 1]), "u64"),
  of("math.max", [f32([4], [1, 5, 1, -0]), f32([4], [2, 3, nan, 0])], f32([4], [2, 5, nan, 0])),
  of("math.max", [i64([2], [-5, 7]), i64([2], [-6, 8])], i64([2], [-5, 8]), "i64"),
  of("math.pow", [f64([6], [2, 9, 2, -2, 0, -8]), f64([6], [10, 0.5, -1, 3, 0, 1 / 3])], f64([6], [1024, 3, 0.5, -8, 1, nan])),
  // 3^40 = 12157665459056928801 is 689956897 modulo 2^32.
  of(
    "math.pow",
    [i32([6], [3, 2, 7, -1, 10, 3]), i32([6], [4, 31, 0, -3, -2, 40])],
    i32([6], [81, -(2 ** 31), 1, -1, 0, 689956897]),
    "i32: wraps, negative exponents truncate",
  ),
  // 3^41 = 36472996377170786403 = 2^64 + 18026252303461234787, which wraps to 18026252303461234787 - 2^64.
  of("math.pow", [i64([2], [3, 1]), i64([2], [41, -9])], i64([2], [18026252303461234787n - 2n ** 64n, 1]), "i64 wraps"),
  ...gradients("math.add", ...pairs),
  ...gradients("math.sub", ...pairs),
  ...gradients("math.mul", ...pairs),
  ...gradients("math.div", ...pairs.map(([x, y]) => [y, x] as const)),
  ...gradients("math.min", ...pairs),
  ...gradients("math.max", ...pairs),
  ...gradients("math.pow", [positive(2, 2), f64([2], [2, -1.5])], [f64([], [1.3]), spread(3)], [positive(2, 1), f64([2], [3, 0.5])]),
  {
    op: "math.pow",
    note: "gradient of the base alone, exponent 0 and negative bases",
    inputs: [f64([4], [-1.5, 0.5, -2, 3]), f64([4], [2, 0, 3, 1])],
    gradient: [true, false],
  },
];

const comparison: readonly OpCase[] = [
  of("math.equal", [f32([4], [1, 2, nan, -0]), f32([4], [1, 3, nan, 0])], bool([4], [1, 0, 0, 1])),
  of("math.equal", [i64([2], [2n ** 53n, 2n ** 53n + 1n]), i64([], [2n ** 53n])], bool([2], [1, 0]), "i64 beyond 2^53"),
  of("math.equal", [bool([2, 1], [0, 1]), bool([2], [0, 1])], bool([2, 2], [1, 0, 0, 1]), "bool"),
  of("math.less", [f32([4], [1, 2, nan, 3]), f32([4], [2, 2, 1, nan])], bool([4], [1, 0, 0, 0])),
  of("math.less", [i64([2], [2n ** 53n, 5]), i64([2], [2n ** 53n + 1n, 5])], bool([2], [1, 0]), "i64 beyond 2^53"),
  of("math.greater", [f32([4], [1, 3, nan, 3]), f32([4], [2, 2, 1, nan])], bool([4], [0, 1, 0, 0])),
  of("math.greater", [u8([2], [200, 1]), u8([1], [100])], bool([2], [1, 0]), "u8"),
];

const where: readonly OpCase[] = [
  of("math.where", [bool([2, 1], [1, 0]), f32([3], [1, 2, 3]), f32([1], [9])], f32([2, 3], [1, 2, 3, 9, 9, 9]), "all three broadcast"),
  of(
    "math.where",
    [bool([2], [0, 1]), i64([2], [1, 2n ** 60n]), i64([2], [-(2n ** 60n), 4])],
    i64([2], [-(2n ** 60n), 2n ** 60n]),
    "64-bit integers",
  ),
  { op: "math.where", note: "gradient", inputs: [bool([2, 2], [1, 0, 0, 1]), spread(2, 2), spread(2)], gradient: [false, true, true] },
  {
    op: "math.where",
    note: "gradient of a scalar",
    inputs: [bool([3], [1, 0, 1]), f64([], [2]), spread(2, 3)],
    gradient: [false, true, true],
  },
];

export const cases: readonly OpCase[] = [...arithmetic, ...comparison, ...where];
