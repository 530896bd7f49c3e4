/** @file Cases of the ops that read and write single elements and slices by index. */
import type { AttrInput, HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { bool, f32, i8, i32, i64, spread } from "../tensors.ts";

const of = (op: string, note: string, attrs: AttrInput, inputs: readonly HostTensor[], ...expect: readonly HostTensor[]): OpCase => ({
  op,
  note,
  attrs,
  inputs,
  expect,
});

const six = f32([2, 3], [1, 2, 3, 4, 5, 6]);

const elements: readonly OpCase[] = [
  of("shape.gather_elements", "along rows", { axis: 1 }, [six, i64([2, 2], [2, 0, -3, -1])], f32([2, 2], [3, 1, 4, 6])),
  of(
    "shape.gather_elements",
    "along columns, longer than the axis",
    {},
    [six, i32([3, 3], [0, 1, 0, 1, 0, 1, 0, 0, 0])],
    f32([3, 3], [1, 5, 3, 4, 2, 6, 1, 2, 3]),
  ),
  of("shape.gather_elements", "fewer columns than x", { axis: 0 }, [six, i64([1, 2], [1, 1])], f32([1, 2], [4, 5])),
  of("shape.gather_elements", "64-bit integers", { axis: -1 }, [i64([3], [2n ** 60n, 2, 3]), i64([2], [0, -1])], i64([2], [2n ** 60n, 3])),
  of(
    "shape.scatter_elements",
    "replaces",
    { axis: 1 },
    [six, i64([2, 2], [0, -1, 1, 2]), f32([2, 2], [10, 20, 30, 40])],
    f32([2, 3], [10, 2, 20, 4, 30, 40]),
  ),
  of(
    "shape.scatter_elements",
    "the last of equal indices stays",
    {},
    [i8([2], [1, 2]), i32([3], [1, 1, -1]), i8([3], [5, 6, 7])],
    i8([2], [1, 7]),
  ),
  of(
    "shape.scatter_elements",
    "adds",
    { reduction: "add" },
    [six, i64([3, 1], [1, 1, 0]), f32([3, 1], [10, 20, 30])],
    f32([2, 3], [31, 2, 3, 34, 5, 6]),
  ),
  of("shape.scatter_elements", "i8 wraps", { reduction: "mul" }, [i8([1], [100]), i64([2], [0, 0]), i8([2], [2, 3])], i8([1], [88])),
  of(
    "shape.scatter_elements",
    "minimum of 64-bit integers",
    { reduction: "min" },
    [i64([2], [5, 5]), i64([2], [0, 1]), i64([2], [4, 6])],
    i64([2], [4, 5]),
  ),
  of(
    "shape.scatter_elements",
    "maximum; a NaN wins and stays",
    { reduction: "max" },
    [f32([3], [5, 5, Number.NaN]), i64([4], [0, 1, 1, 2]), f32([4], [4, Number.NaN, 9, 1])],
    f32([3], [5, Number.NaN, Number.NaN]),
  ),
  of("shape.scatter_elements", "truth", { reduction: "max" }, [bool([2], [0, 0]), i64([1], [1]), bool([1], [1])], bool([2], [0, 1])),
];

const slices: readonly OpCase[] = [
  of("shape.gather_nd", "elements", {}, [six, i64([3, 2], [0, 0, 1, -1, -2, 1])], f32([3], [1, 6, 2])),
  of("shape.gather_nd", "rows", {}, [six, i32([2, 1, 1], [1, 0])], f32([2, 1, 3], [4, 5, 6, 1, 2, 3])),
  of("shape.gather_nd", "a batch axis", { batch: 1 }, [six, i64([2, 2, 1], [2, 0, 1, 1])], f32([2, 2], [3, 1, 5, 5])),
  of(
    "shape.gather_nd",
    "a batch axis, slices",
    { batch: 1 },
    [f32([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), i64([2, 1], [1, 0])],
    f32([2, 2], [3, 4, 5, 6]),
  ),
  of("shape.scatter_nd", "elements", {}, [six, i64([2, 2], [0, 1, 1, -1]), f32([2], [10, 20])], f32([2, 3], [1, 10, 3, 4, 5, 20])),
  of(
    "shape.scatter_nd",
    "rows, one of them twice",
    { reduction: "add" },
    [six, i32([3, 1], [1, -1, 0]), f32([3, 3], [10, 20, 30, 1, 1, 1, 5, 6, 7])],
    f32([2, 3], [6, 8, 10, 15, 26, 37]),
  ),
  of(
    "shape.scatter_nd",
    "products of 64-bit integers",
    { reduction: "mul" },
    [i64([2, 2], [1, 2, 3, 4]), i64([2, 2, 1], [0, 1, 1, 1]), i64([2, 2, 2], [5, 5, 2n ** 40n, 1, 2, 2, 3, 3])],
    i64([2, 2], [5, 10, 18n * 2n ** 40n, 24]),
  ),
];

const ranked: readonly OpCase[] = [
  of("reduce.top_k", "of equals the first", { k: 3 }, [f32([5], [2, 7, 1, 7, 5])], f32([3], [7, 7, 5]), i64([3], [1, 3, 4])),
  of(
    "reduce.top_k",
    "smallest of columns",
    { k: 2, axis: 0, largest: false },
    [i32([3, 2], [3, -1, 1, -1, 2, 4])],
    i32([2, 2], [1, -1, 2, -1]),
    i64([2, 2], [1, 0, 2, 1]),
  ),
  of("reduce.top_k", "64-bit integers", { k: 1 }, [i64([2], [2n ** 60n, 2n ** 60n + 1n])], i64([1], [2n ** 60n + 1n]), i64([1], [1])),
  of("reduce.top_k", "NaN is the largest", { k: 2 }, [f32([3], [1, Number.NaN, 2])], f32([2], [Number.NaN, 2]), i64([2], [1, 2])),
  of("reduce.top_k", "nothing", { k: 0 }, [f32([2], [1, 2])], f32([0], []), i64([0], [])),
];

const nan = Number.NaN;

const found: readonly OpCase[] = [
  of("dynamic.nonzero", "coordinates", {}, [f32([2, 3], [0, 5, 0, nan, -0, -1])], i64([2, 3], [0, 1, 1, 1, 0, 2])),
  of("dynamic.nonzero", "nothing", {}, [bool([2], [0, 0])], i64([1, 0], [])),
  of("dynamic.nonzero", "a scalar", {}, [i64([], [2n ** 60n])], i64([1, 1], [0])),
  of("dynamic.range", "up", {}, [f32([], [1]), f32([], [2]), f32([], [0.25])], f32([4], [1, 1.25, 1.5, 1.75])),
  of("dynamic.range", "down", {}, [i32([], [10]), i32([], [3]), i32([], [-3])], i32([3], [10, 7, 4])),
  of("dynamic.range", "nothing", {}, [i64([1], [3]), i64([1], [3]), i64([1], [1])], i64([0], [])),
  of("dynamic.reshape", "0 copies, -1 takes the rest", {}, [six, i64([3], [0, -1, 1])], f32([2, 3, 1], [1, 2, 3, 4, 5, 6])),
  of("dynamic.reshape", "nothing", {}, [f32([2, 0], []), i64([2], [3, 0])], f32([3, 0], [])),
  of("dynamic.broadcast", "both ways", {}, [i64([2, 1], [1, 2]), i64([3], [2, 1, 2])], i64([2, 2, 2], [1, 1, 2, 2, 1, 1, 2, 2])),
  of(
    "dynamic.slice",
    "two axes, one backwards",
    { axes: [1, 0] },
    [six, i64([2], [-1, 1]), i64([2], [0, 9]), i64([2], [-1, 1])],
    f32([1, 2], [6, 5]),
  ),
  of("dynamic.slice", "to the end", { axes: [-1] }, [six, i64([1], [-2]), i64([1], [2n ** 63n - 1n])], f32([2, 2], [2, 3, 5, 6])),
  of(
    "dynamic.unique",
    "ascending",
    {},
    [f32([7], [2, nan, 1, 2, nan, 3, -1])],
    f32([5], [-1, 1, 2, 3, nan]),
    i64([5], [6, 2, 0, 5, 1]),
    i64([7], [2, 4, 1, 2, 4, 3, 0]),
    i64([5], [1, 1, 2, 1, 2]),
  ),
  of(
    "dynamic.unique",
    "as they come",
    { sorted: false },
    [i64([4], [2n ** 60n + 1n, 2n ** 60n, 5, 2n ** 60n])],
    i64([3], [2n ** 60n + 1n, 2n ** 60n, 5]),
    i64([3], [0, 1, 2]),
    i64([4], [0, 1, 2, 1]),
    i64([3], [1, 2, 1]),
  ),
  of(
    "dynamic.unique",
    "columns",
    { axis: 1 },
    [i32([2, 4], [3, 1, 3, 1, 0, 9, 0, 2])],
    i32([2, 3], [1, 1, 3, 2, 9, 0]),
    i64([3], [3, 1, 0]),
    i64([4], [2, 1, 2, 0]),
    i64([3], [1, 1, 2]),
  ),
];

const gradient = (op: string, note: string, attrs: AttrInput, ...inputs: readonly HostTensor[]): OpCase => ({
  op,
  note: `gradient: ${note}`,
  attrs,
  inputs,
  gradient: inputs.map((x) => x.dtype === "f64"),
});

const gradients: readonly OpCase[] = [
  gradient("shape.gather_elements", "repeated indices", { axis: 1 }, spread(2, 3), i64([2, 4], [0, 2, 2, -1, 1, 1, 1, 0])),
  gradient("shape.gather_elements", "fewer rows than x", { axis: 1 }, spread(3, 2), i64([2, 2], [0, 1, 1, 1])),
  gradient("shape.scatter_elements", "replaces", { axis: 0 }, spread(3, 2), i64([2, 2], [0, 1, 2, -1]), spread(2, 2)),
  gradient("reduce.top_k", "the best two of each column", { k: 2, axis: 0 }, spread(4, 2)),
  gradient("shape.gather_nd", "rows, one of them twice", {}, spread(3, 2), i64([3, 1], [0, 2, 0])),
  gradient("shape.scatter_nd", "replaces", {}, spread(3, 2), i64([2, 1], [0, -1]), spread(2, 2)),
  gradient("shape.scatter_nd", "adds", { reduction: "add" }, spread(3, 2), i64([3, 2], [0, 1, 2, 0, 0, 1]), spread(3)),
  gradient("shape.scatter_elements", "adds", { axis: 1, reduction: "add" }, spread(2, 3), i64([2, 2], [0, 0, 2, 1]), spread(2, 2)),
];

export const cases: readonly OpCase[] = [...elements, ...slices, ...ranked, ...found, ...gradients];
