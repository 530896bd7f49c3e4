/** @file Cases of the dialect `shape`. */
import type { AttrInput, HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { f32, f64, i8, i32, i64, spread, u2, u8 } from "../tensors.ts";

const of = (op: string, note: string, attrs: AttrInput, inputs: readonly HostTensor[], expect: HostTensor): OpCase => ({
  op,
  note,
  attrs,
  inputs,
  expect: [expect],
});

const six = [1, 2, 3, 4, 5, 6];
const ten = i32([10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
const far = Number.MAX_SAFE_INTEGER;

const moves: readonly OpCase[] = [
  of("shape.reshape", "sizes", { shape: [3, 2] }, [f32([2, 3], six)], f32([3, 2], six)),
  of("shape.reshape", "0 copies, -1 infers", { shape: [0, -1] }, [f32([2, 3, 1], six)], f32([2, 3], six)),
  of("shape.reshape", "to a scalar", { shape: [] }, [f32([1, 1], [7])], f32([], [7])),
  of("shape.reshape", "a sub-byte dtype", { shape: [-1] }, [u2([2, 2], [0, 1, 2, 3])], u2([4], [0, 1, 2, 3])),
  of("shape.transpose", "two axes", { perm: [1, 0] }, [f32([2, 3], six)], f32([3, 2], [1, 4, 2, 5, 3, 6])),
  of("shape.transpose", "a cycle of three", { perm: [2, 0, 1] }, [i64([1, 2, 3], six)], i64([3, 1, 2], [1, 4, 2, 5, 3, 6])),
  of("shape.transpose", "a scalar", { perm: [] }, [f32([], [3])], f32([], [3])),
  of(
    "shape.broadcast",
    "rows and columns",
    { shape: [2, 2, 3] },
    [f32([2, 1], [1, 2])],
    f32([2, 2, 3], [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]),
  ),
  of("shape.broadcast", "a scalar", { shape: [2] }, [i8([], [-3])], i8([2], [-3, -3])),
  of("shape.concat", "first axis", { axis: 0 }, [f32([1, 2], [1, 2]), f32([2, 2], [3, 4, 5, 6])], f32([3, 2], six)),
  of(
    "shape.concat",
    "last axis, three operands",
    { axis: -1 },
    [f32([2, 1], [1, 4]), f32([2, 0], []), f32([2, 2], [2, 3, 5, 6])],
    f32([2, 3], six),
  ),
  of("shape.concat", "one operand", { axis: 0 }, [u8([2], [1, 2])], u8([2], [1, 2])),
];

const slices: readonly OpCase[] = [
  of("shape.slice", "a range", { starts: [2], ends: [5] }, [ten], i32([3], [2, 3, 4])),
  of("shape.slice", "from the end", { starts: [-3], ends: [-1] }, [ten], i32([2], [7, 8])),
  of("shape.slice", "clamped", { starts: [-100], ends: [100] }, [ten], ten),
  of("shape.slice", "steps", { starts: [1], ends: [far], steps: [3] }, [ten], i32([3], [1, 4, 7])),
  of("shape.slice", "backwards", { starts: [-1], ends: [-far], steps: [-4] }, [ten], i32([3], [9, 5, 1])),
  of("shape.slice", "backwards, to before an element", { starts: [8], ends: [2], steps: [-3] }, [ten], i32([2], [8, 5])),
  of("shape.slice", "nothing", { starts: [5], ends: [3] }, [ten], i32([0], [])),
  of("shape.slice", "two axes", { starts: [1, 0], ends: [3, 1], axes: [1, 0] }, [f32([2, 3], six)], f32([1, 2], [2, 3])),
  of("shape.slice", "an axis from the end", { starts: [1], ends: [2], axes: [-1] }, [f32([2, 3], six)], f32([2, 1], [2, 5])),
];

const rest: readonly OpCase[] = [
  of("shape.pad", "both sides", { before: [1, 0], after: [0, 2], value: 9 }, [f32([1, 2], [1, 2])], f32([2, 4], [9, 9, 9, 9, 1, 2, 9, 9])),
  of("shape.pad", "one axis of two", { before: [0, 1], after: [0, 0] }, [f32([2, 1], [1, 2])], f32([2, 2], [0, 1, 0, 2])),
  of("shape.pad", "with 0 by default", { before: [1], after: [1] }, [i64([1], [5])], i64([3], [0, 5, 0])),
  of("shape.pad", "integers truncate the value", { before: [0], after: [1], value: -1.9 }, [i8([1], [5])], i8([2], [5, -1])),
  of("shape.gather", "first axis", {}, [f32([3, 2], six), i32([2], [2, 0])], f32([2, 2], [5, 6, 1, 2])),
  of(
    "shape.gather",
    "last axis, from the end, two index axes",
    { axis: -1 },
    [f32([2, 3], six), i64([2, 1], [-1, 0])],
    f32([2, 2, 1], [3, 1, 6, 4]),
  ),
  of("shape.gather", "a scalar index takes the axis away", { axis: 1 }, [f32([2, 3], six), i32([], [1])], f32([2], [2, 5])),
  of("shape.scatter_add", "repeated indices add up", { size: 3 }, [i32([4], [2, 0, 2, -1]), f32([4], [1, 2, 3, 4])], f32([3], [2, 0, 8])),
  of("shape.scatter_add", "axis 1", { size: 2, axis: 1 }, [i64([3], [1, 0, 1]), f32([2, 3], six)], f32([2, 2], [2, 4, 5, 10])),
  of(
    "shape.scatter_add",
    "two index axes",
    { size: 2 },
    [i32([2, 2], [0, 1, 1, 1]), i64([2, 2, 1], [1, 2, 3, 2n ** 60n])],
    i64([2, 1], [1, 2n ** 60n + 5n]),
  ),
  of("shape.scatter_add", "u8 wraps", { size: 1 }, [i32([2], [0, 0]), u8([2], [200, 100])], u8([1], [44])),
];

const gradient = (op: string, note: string, attrs: AttrInput, ...inputs: readonly HostTensor[]): OpCase => ({
  op,
  note: `gradient: ${note}`,
  attrs,
  inputs,
  gradient: inputs.map((x) => x.dtype === "f64"),
});

const gradients: readonly OpCase[] = [
  gradient("shape.reshape", "0 and -1", { shape: [0, -1] }, spread(2, 3, 2)),
  gradient("shape.transpose", "a cycle of three", { perm: [2, 0, 1] }, spread(2, 3, 4)),
  gradient("shape.broadcast", "rows and columns", { shape: [2, 2, 3] }, spread(2, 1)),
  gradient("shape.broadcast", "a scalar", { shape: [2, 2] }, f64([], [1])),
  gradient("shape.concat", "three operands", { axis: 1 }, spread(2, 1), spread(2, 3), spread(2, 2)),
  gradient("shape.slice", "a range", { starts: [1], ends: [3] }, spread(4, 2)),
  gradient("shape.slice", "two axes", { starts: [1, -2], ends: [far, -1], axes: [1, 0] }, spread(3, 4)),
  gradient("shape.slice", "steps that end inside", { starts: [1], ends: [8], steps: [3] }, spread(10)),
  gradient("shape.slice", "steps that end at the last element", { starts: [0], ends: [far], steps: [3] }, spread(10)),
  gradient("shape.slice", "backwards", { starts: [-1], ends: [-far], steps: [-1] }, spread(2, 3)),
  gradient("shape.slice", "backwards in steps", { starts: [8], ends: [1], steps: [-3] }, spread(10)),
  gradient(
    "shape.slice",
    "backwards in steps, from the last to the first",
    { starts: [-1], ends: [-far], steps: [-3], axes: [1] },
    spread(2, 7),
  ),
  gradient("shape.pad", "both sides", { before: [1, 0], after: [0, 2], value: 9 }, spread(2, 3)),
  gradient("shape.gather", "repeated indices", { axis: 1 }, spread(2, 3), i32([2, 2], [0, 2, 2, -1])),
  gradient("shape.scatter_add", "axis 1", { size: 4, axis: 1 }, i32([3], [1, 0, 1]), spread(2, 3, 2)),
];

export const cases: readonly OpCase[] = [...moves, ...slices, ...rest, ...gradients];
