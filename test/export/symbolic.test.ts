/** @file Sizes that are expressions over dim symbols: computed by nodes from the inputs' shapes, for every size. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HostTensor } from "../../ir-spec/index.ts";
import { ort } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";
import { assertRoundTrip, assertSameInOrt, decoded, exported, moduleOf, operators, problemsOf } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);
const random = seeded(7);
const f32 = (...shape: number[]): HostTensor => random.tensor("f32", shape);

interface Case {
  readonly what: string;
  readonly main: string;
  readonly inputs: readonly Readonly<Record<string, HostTensor>>[];
  /** Older sets have no `start` and `end` in `Shape`. */
  readonly opset?: number;
  /** Code with which the importer, or a run of what it makes on the first inputs, refuses the export: it does not know these sizes. */
  readonly oneWay?: string;
}

const cases: readonly Case[] = [
  {
    what: "two computed sizes in a reshape",
    main: `func @main(%x: tensor<NxHx4xf32>) -> (y: tensor<[2 * N]x2xHxf32>) {
      %y = shape.reshape(%x) {shape = [dim[2 * N], 2, dim[H]]} : tensor<[2 * N]x2xHxf32>
      return %y
    }`,
    inputs: [{ x: f32(3, 5, 4) }, { x: f32(1, 2, 4) }],
  },
  {
    what: "the same in opset 13",
    main: `func @main(%x: tensor<NxHx4xf32>) -> (y: tensor<[2 * N]x2xHxf32>) {
      %y = shape.reshape(%x) {shape = [dim[2 * N], 2, dim[H]]} : tensor<[2 * N]x2xHxf32>
      return %y
    }`,
    inputs: [{ x: f32(3, 5, 4) }],
    opset: 13,
  },
  {
    what: "floor division, remainder, minimum, maximum, rounding up",
    main: `func @main(%x: tensor<NxMxf32>) -> (y: tensor<[N / 2 + 1]x[N % 3 + 1]x[min(M, N)]x[max(M, N)]x[ceildiv(M, 2)]xf32>) {
      %s = reduce.sum(%x) {axes = [0, 1]}
      %y = shape.broadcast(%s) {shape = [dim[N / 2 + 1], dim[N % 3 + 1], dim[min(M, N)], dim[max(M, N)], dim[ceildiv(M, 2)]]}
      return %y
    }`,
    inputs: [{ x: f32(5, 3) }, { x: f32(4, 7) }, { x: f32(1, 1) }],
  },
  {
    what: "floor division of what is below zero for small sizes",
    main: `func @main(%x: tensor<NxMxf32>) -> (y: tensor<[(N - 4) / 3 + 4]xf32>) {
      %s = reduce.sum(%x) {axes = [0, 1]}
      %y = shape.broadcast(%s) {shape = [dim[(N - 4) / 3 + 4]]}
      return %y
    }`,
    inputs: [{ x: f32(1, 1) }, { x: f32(2, 1) }, { x: f32(9, 1) }],
    oneWay: "E0312",
  },
  {
    what: "slices and pads by symbolic amounts",
    main: `func @main(%x: tensor<NxMxf32>) -> (y: tensor<[2 * N - min(1, N)]xMxf32>) {
      %a = shape.slice(%x) {starts = [1], ends = [dim[N]], axes = [0]}
      %y = shape.pad(%a) {before = [dim[N], 0], after = [0, 0], value = 2.5}
      return %y
    }`,
    inputs: [{ x: f32(4, 2) }],
    oneWay: "E0608",
  },
  {
    what: "scatter into a symbolic size",
    main: `func @main(%i: tensor<Nxi64>, %u: tensor<Nx2xf32>, %like: tensor<Mxf32>) -> (y: tensor<Mx2xf32>) {
      %y = shape.scatter_add(%i, %u) {size = dim[M]}
      return %y
    }`,
    inputs: [{ i: { dtype: "i64", shape: [3], data: BigInt64Array.of(1n, 0n, 1n) }, u: f32(3, 2), like: f32(4) }],
  },
  {
    what: "a transposed convolution to a symbolic size",
    main: `func @main(%x: tensor<Nx1xHxf32>, %d: tensor<Nx2x[(H - 1) / 2 + 1]xf32>, %w: tensor<2x1x3xf32>) -> (y: tensor<Nx1xHxf32>) {
      %g = nn.conv_input_grad(%d, %w) {spatial = [dim[H]], stride = [2], pad = [1, 1]}
      %y = math.add(%g, %x)
      return %y
    }`,
    inputs: [
      { x: f32(2, 1, 8), d: f32(2, 2, 4), w: f32(2, 1, 3) },
      { x: f32(1, 1, 5), d: f32(1, 2, 3), w: f32(2, 1, 3) },
    ],
    oneWay: "E0608",
  },
];

for (const { what, main, inputs, opset, oneWay } of cases) {
  oracle(what, async () => {
    const module = moduleOf(main);
    for (const input of inputs) {
      const model = await assertSameInOrt(module, input, what, opset ? { opset } : {});
      if (!oneWay) assertRoundTrip(module, model, input, what);
      else if (input === inputs[0]) assert.throws(() => assertRoundTrip(module, model, input, what), new RegExp(`error\\[${oneWay}\\]`));
    }
  });
}

test("a single unknown size is -1, one in its place 0: no nodes for sizes", () => {
  const model = exported(
    moduleOf(`func @main(%x: tensor<NxHx4xf32>) -> (y: tensor<Nx[4 * H]xf32>) {
      %y = shape.reshape(%x) {shape = [0, dim[4 * H]]} : tensor<Nx[4 * H]xf32>
      return %y
    }`),
  );
  assert.equal(operators(model), ["Reshape"]);
});

test("a symbol is read once, however often it is used", () => {
  const model = exported(
    moduleOf(`func @main(%x: tensor<NxMxf32>) -> (y: tensor<NxMxMxf32>, z: tensor<MxNxNxf32>) {
      %s = reduce.sum(%x) {axes = [0, 1]}
      %y = shape.broadcast(%s) {shape = [dim[N], dim[M], dim[M]]}
      %z = shape.broadcast(%s) {shape = [dim[M], dim[N], dim[N]]}
      return %y, %z
    }`),
  );
  assert.is(operators(model).filter((op) => op === "Shape").length, 2);
});

test("dim_param is the symbol's original name, its own name, or the expression", () => {
  const module = moduleOf(
    `func @main(%x: tensor<NxDx[2 * D]xf32>) -> (y: tensor<NxDx[2 * D]xf32>) {
      %y = math.relu(%x)
      return %y
    }`,
    `meta { dims = {N = "batch_size", D = ""} }`,
  );
  const port = decoded(exported(module)).graph?.input[0]?.type?.tensorType?.shape?.dim.map((dim) => dim.dimParam);
  assert.equal(port, ["batch_size", "D", "2 * D"]);
});

test("a size that no shape gives is E1005", () => {
  const module = moduleOf(`func @main(%x: tensor<[N * M]xf32>) -> (y: tensor<Nx[M + 1]xf32>) {
    %s = reduce.sum(%x) {axes = [0]}
    %y = shape.broadcast(%s) {shape = [dim[N], dim[M + 1]]}
    return %y
  }`);
  assert.equal(
    problemsOf(() => exported(module)),
    ["E1005 @main, %y = shape.broadcast: no value before this has the size N alone"],
  );
});

test.run();
