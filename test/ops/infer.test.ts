/** @file Types of the core ops that move, reduce and combine: symbolic sizes, what is required of them, and errors by message. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readModule } from "../../compiler/text/index.ts";
import { printRequire } from "../../compiler/verify/requires.ts";
import {
  attr,
  createCoreRegistry,
  type Inferred,
  inferOp,
  mainFunction,
  printType,
  type TensorType,
  TersorError,
  writeAttrs,
} from "../../ir-spec/index.ts";

const registry = createCoreRegistry();

/** `tensor<...>` without the word: "Nx3xf32". */
function typeOf(text: string): TensorType {
  const source = `tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<${text}>) -> (x: tensor<${text}>) {\n    return %x\n  }\n}\n`;
  const main = mainFunction(readModule(source, { registry }));
  return (main.values[0] as { readonly type: TensorType }).type;
}

function infer(op: string, types: readonly (string | null)[], attrs: Readonly<Record<string, unknown>> = {}): Inferred {
  const def = registry.require(op);
  return inferOp(registry, def, { types: types.map((text) => (text === null ? null : typeOf(text))), attrs: writeAttrs(def.attrs, attrs) });
}

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof TersorError)) throw error;
    const [problem] = error.problems;
    return `${error.code} ${problem?.message}${problem?.operand === undefined ? "" : ` @${problem.operand}`}`;
  }
  return "no error";
}

type Row = readonly [
  op: string,
  types: readonly string[],
  attrs: Readonly<Record<string, unknown>>,
  result: string,
  ...requires: readonly string[],
];

const dim = (text: string) => typeOf(`[${text}]xf32`).shape[0];
const whole = Number.MAX_SAFE_INTEGER;

const inferred: readonly Row[] = [
  ["math.add", ["Nx3xf32", "3xf32"], {}, "Nx3xf32"],
  ["math.add", ["Nx1xf32", "1xMxf32"], {}, "NxMxf32"],
  ["math.add", ["Nxf32", "Mxf32"], {}, "Mxf32", "require [N] == [M]"],
  ["math.add", ["Nxf32", "4xf32"], {}, "4xf32", "require [N] == 4"],
  ["math.add", ["[2 * N]xf32", "[N + N]xf32"], {}, "[2 * N]xf32"],
  ["math.less", ["Nx3xi64", "i64"], {}, "Nx3xbool"],
  ["math.where", ["Nx1xbool", "3xf32", "f32"], {}, "Nx3xf32"],
  ["reduce.mean", ["NxCxHxWxf32"], { axes: [2, 3] }, "NxCxf32"],
  ["reduce.mean", ["NxCxHxWxf32"], { axes: [-1, 0], keepdims: true }, "1xCxHx1xf32"],
  ["reduce.argmax", ["Nx10xf32"], { axis: 1 }, "Nxi64"],
  ["shape.reshape", ["Nx4x7x7xf32"], { shape: [0, -1] }, "Nx196xf32"],
  ["shape.reshape", ["Nx4x7x7xf32"], { shape: [-1, 196] }, "Nx196xf32"],
  ["shape.reshape", ["NxMx6xf32"], { shape: [-1, 3] }, "[2 * M * N]x3xf32"],
  ["shape.reshape", ["Nx6xf32"], { shape: [dim("2 * N"), 3] }, "[2 * N]x3xf32"],
  ["shape.reshape", ["Nx3xf32"], { shape: [-1, 2] }, "[(3 * N) / 2]x2xf32", "require [(3 * N) % 2] == 0"],
  ["shape.reshape", ["NxMxf32"], { shape: [6] }, "6xf32", "require [M * N] == 6"],
  ["shape.reshape", ["NxCxHxf32"], { shape: [0, dim("G"), -1] }, "NxGx[(C * H * N) / (G * N)]xf32", "require [(C * H * N) % (G * N)] == 0"],
  ["shape.transpose", ["NxCxHxf32"], { perm: [0, 2, 1] }, "NxHxCxf32"],
  ["shape.broadcast", ["3x1xf32"], { shape: [dim("N"), 3, dim("M")] }, "Nx3xMxf32"],
  ["shape.broadcast", ["Nxf32"], { shape: [2, dim("M")] }, "2xMxf32", "require [N] == [M]"],
  ["shape.concat", ["NxMxf32", "Nx3xf32"], { axis: 1 }, "Nx[M + 3]xf32"],
  ["shape.concat", ["Nx2xf32", "Mx3xf32"], { axis: -1 }, "Nx5xf32", "require [M] == [N]"],
  ["shape.slice", ["NxTxf32"], { starts: [1], ends: [whole], axes: [1] }, "Nx[T - min(1, T)]xf32"],
  ["shape.slice", ["NxTxf32"], { starts: [0], ends: [5], axes: [-1] }, "Nx[min(5, T)]xf32"],
  ["shape.slice", ["NxTxf32"], { starts: [-1], ends: [-whole], axes: [1], steps: [-1] }, "NxTxf32"],
  ["shape.slice", ["NxTxf32"], { starts: [0], ends: [whole], axes: [1], steps: [2] }, "Nx[ceildiv(T, 2)]xf32"],
  ["shape.pad", ["NxTxf32"], { before: [0, 1], after: [0, dim("T")] }, "Nx[2 * T + 1]xf32"],
  ["shape.gather", ["VxDxf32", "NxTxi64"], {}, "NxTxDxf32"],
  ["shape.gather", ["VxDxf32", "i32"], { axis: -1 }, "Vxf32"],
  ["shape.scatter_add", ["NxTxi32", "NxTxDxf32"], { size: dim("V") }, "VxDxf32"],
  ["type.cast", ["Nx3xf32"], { to: "u4" }, "Nx3xu4"],
  ["type.unpack", ["Nxu1"], {}, "Nxu8"],
  ["type.unpack", ["Nxi4"], {}, "Nxi8"],
  ["tensor.one_hot", ["NxTxi64"], { depth: 7 }, "NxTx7xf32"],
  ["loss.softmax_cross_entropy", ["NxCxf32", "Nxi32"], {}, "Nxf32"],
  ["loss.softmax_cross_entropy", ["NxCxf32", "8xi32"], {}, "Nxf32", "require [N] == 8"],
];

for (const [op, types, attrs, result, ...requires] of inferred) {
  test(`${op} of ${types.join(", ")} is ${result}`, () => {
    const { types: made, requires: demanded } = infer(op, types, attrs);
    assert.equal(made.map(printType), [`tensor<${result}>`]);
    assert.equal(demanded.map(printRequire), requires);
  });
}

type Fault = readonly [op: string, types: readonly (string | null)[], attrs: Readonly<Record<string, unknown>>, message: string];

const faults: readonly Fault[] = [
  ["math.add", ["2x3xf32", "4xf32"], {}, "E0312 math.add: [2, 3] and [4] do not broadcast: axis 1 has 3 and 4 @1"],
  ["math.add", ["2xf32", "2xf16"], {}, "E0312 math.add: x is f32, y is f16 @1"],
  ["math.exp", ["2xi32"], {}, "E0304 math.exp: x must be f64 or f32 or f16 or bf16, got tensor<2xi32> @0"],
  ["math.softmax", ["2x3xf32"], { axis: 2 }, "E0312 math.softmax: axis 2 is outside rank 2 @0"],
  ["math.where", ["2xbool", "2xf32", "2xi32"], {}, "E0312 math.where: x is f32, y is i32 @2"],
  ["reduce.sum", ["2x3xf32"], { axes: [2] }, "E0312 reduce.sum: axes is 2, the operand has rank 2 @0"],
  ["reduce.sum", ["2x3xf32"], { axes: [1, -1] }, "E0312 reduce.sum: axes [1, -1] names an axis twice @0"],
  ["reduce.argmax", ["2x0xf32"], { axis: 1 }, "E0312 reduce.argmax: axis 1 is empty: there is no maximum @0"],
  ["reduce.sum", ["2xf32"], {}, 'E0303 reduce.sum: attribute "axes" (list of int) is missing'],
  ["shape.reshape", ["2x3xf32"], { shape: [4, 2] }, "E0312 shape.reshape: the element counts differ: 6 is not 8 @0"],
  ["shape.reshape", ["2x3xf32"], { shape: [-1, 4] }, "E0312 shape.reshape: 6 elements do not divide by 4 @0"],
  ["shape.reshape", ["2x3xf32"], { shape: [-1, -1] }, "E0312 shape.reshape: shape has more than one -1 @0"],
  ["shape.reshape", ["2x3xf32"], { shape: [6, 1, 0] }, "E0312 shape.reshape: shape copies axis 2, x has rank 2 @0"],
  ["shape.reshape", ["6xf32"], { shape: [-2, -3] }, "E0312 shape.reshape: a result would be tensor<-2x-3xf32>"],
  ["shape.transpose", ["2x3xf32"], { perm: [0] }, "E0312 shape.transpose: perm [0] is no order of the axes of rank 2 @0"],
  ["shape.transpose", ["2x3xf32"], { perm: [0, 0] }, "E0312 shape.transpose: perm [0, 0] is no order of the axes of rank 2 @0"],
  ["shape.broadcast", ["2xf32"], { shape: [3] }, "E0312 shape.broadcast: axis 0 of x (2) does not broadcast to 3: 2 is not 3 @0"],
  ["shape.broadcast", ["2x1xf32"], { shape: [2] }, "E0312 shape.broadcast: x has rank 2, shape has 1 @0"],
  ["shape.concat", ["2x3xf32", "2x3xf16"], { axis: 0 }, "E0312 shape.concat: operand 0 is f32, operand 1 is f16 @1"],
  ["shape.concat", ["2x3xf32", "2xf32"], { axis: 0 }, "E0312 shape.concat: operand 0 has rank 2, operand 1 has rank 1 @1"],
  [
    "shape.concat",
    ["2x3xf32", "2x4xf32"],
    { axis: 0 },
    "E0312 shape.concat: axis 1 of operand 1 has 4, that of operand 0 has 3: 4 is not 3 @1",
  ],
  ["shape.concat", ["2x3xf32"], { axis: 2 }, "E0312 shape.concat: axis is 2, the operand has rank 2 @0"],
  ["shape.slice", ["2x3xf32"], { starts: [0, 1], ends: [1] }, "E0312 shape.slice: starts has 2 positions, ends has 1 @0"],
  ["shape.slice", ["2x3xf32"], { starts: [0], ends: [1], steps: [0] }, "E0312 shape.slice: a step is 0 @0"],
  ["shape.slice", ["2xf32"], { starts: [0], ends: [1], axes: [1] }, "E0312 shape.slice: axes is 1, the operand has rank 1 @0"],
  ["shape.pad", ["2xf32"], { before: [1, 1], after: [0] }, "E0312 shape.pad: before [1, 1] has 2 axes, x has rank 1 @0"],
  ["shape.pad", ["2xf32"], { before: [0], after: [-1] }, "E0312 shape.pad: after [-1] has a negative size; slice the operand instead @0"],
  [
    "shape.gather",
    ["2xf32", "3xf32"],
    {},
    "E0304 shape.gather: indices must be i64 or i32 or i16 or i8 or u32 or u16 or u8, got tensor<3xf32> @1",
  ],
  ["shape.gather", ["f32", "3xi32"], {}, "E0312 shape.gather: axis is 0, the operand has rank 0 @0"],
  [
    "shape.scatter_add",
    ["3xi32", "2x4xf32"],
    { size: 2 },
    "E0312 shape.scatter_add: indices [3] do not stand at axis 0 of updates [2, 4]: 3 is not 2 @1",
  ],
  [
    "shape.scatter_add",
    ["3xi32", "2x3xf32"],
    { size: 2, axis: 2 },
    "E0312 shape.scatter_add: axis is 2; updates have rank 2, indices rank 1 @1",
  ],
  ["tensor.one_hot", ["3xi32"], { depth: -1 }, "E0312 tensor.one_hot: depth is -1"],
  ["type.unpack", ["3xu8"], {}, "E0304 type.unpack: x must be u1 or u2 or u4 or i2 or i4, got tensor<3xu8> @0"],
  ["loss.softmax_cross_entropy", ["3xf32", "3xi32"], {}, "E0312 loss.softmax_cross_entropy: logits are [batch, class], rank 2; got [3] @0"],
  [
    "loss.softmax_cross_entropy",
    ["3x4xf32", "2xi32"],
    {},
    "E0312 loss.softmax_cross_entropy: logits [3, 4] and labels [2] differ in the batch: 3 is not 2 @1",
  ],
  [
    "rt.kernel",
    ["3xf32"],
    { kernel: "f32_add" },
    "E0312 rt.kernel: its result types must be written: they do not follow from the operands",
  ],
];

for (const [op, types, attrs, message] of faults) {
  test(`${op} refuses ${types.join(", ")} ${JSON.stringify(attrs)}`, () => {
    assert.is(
      problemOf(() => infer(op, types, attrs)),
      message,
    );
  });
}

test("a slice reads the ends of 64-bit integers, which exporters write for 'as far as it goes'", () => {
  const def = registry.require("shape.slice");
  const ends = attr.list([attr.int(2n ** 63n - 1n)]);
  const attrs = new Map([
    ["starts", attr.ints([1])],
    ["ends", ends],
  ]);
  assert.equal(inferOp(registry, def, { types: [typeOf("5xf32")], attrs }).types.map(printType), ["tensor<4xf32>"]);
});

test.run();
