/**
 * @file Axis maps and `select` by their meaning: cutting an operand's axis, and every operand axis that the maps tie to the same result axis, must give the
 * cut of the result, with the attributes that `select` returns.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AxisMap,
  createCoreRegistry,
  dimSymbol,
  evaluateOp,
  type HostTensor,
  inferOp,
  type SelectContext,
  type Selection,
  tensorType,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { assertTensor, caseName } from "./case-check.ts";
import { caseFiles } from "./cases/index.ts";
import type { OpCase } from "./op-case.ts";
import { f32, i32 } from "./tensors.ts";

const registry = createCoreRegistry();

/** The tensor with only these indices of an axis, by `shape.gather`, whose cases are worked by hand. */
function cut(x: HostTensor, axis: number, indices: readonly number[]): HostTensor {
  const [y] = evaluateOp(
    registry,
    "shape.gather",
    [x, i32([indices.length], indices)],
    writeAttrs(registry.require("shape.gather").attrs, { axis }),
  );
  return y as HostTensor;
}

interface Tie {
  readonly resultAxis: number;
  /** Axes of operands that are the result's axis. */
  readonly operands: readonly { readonly operand: number; readonly axis: number }[];
}

/** Result axes that are whole axes of operands, without merges and offsets. */
function tiesOf(maps: readonly AxisMap[]): readonly Tie[] {
  const simple = maps.filter(
    (map) => map.result === 0 && map.operandAxes.length === 1 && map.resultAxes.length === 1 && map.offset === undefined,
  );
  const axes = [...new Set(simple.map((map) => map.resultAxes[0] as number))];
  return axes.map((resultAxis) => ({
    resultAxis,
    operands: simple
      .filter((map) => map.resultAxes[0] === resultAxis)
      .map((map) => ({ operand: map.operand, axis: map.operandAxes[0] as number })),
  }));
}

/** How many cuts were compared; the others were refused. */
function checkCase({ op, inputs, attrs = {} }: OpCase): number {
  const def = registry.require(op);
  const stored = writeAttrs(def.attrs, attrs);
  const types = inputs.map((input) => input && tensorType(input.dtype, input.shape));
  const [result] = evaluateOp(registry, op, inputs, stored);
  const values = registry.attrs(def, stored);
  const maps =
    def.maps?.({ types, attrs: values, outputs: [tensorType((result as HostTensor).dtype, (result as HostTensor).shape)] }) ?? [];
  let compared = 0;
  for (const { resultAxis, operands } of tiesOf(maps)) {
    const size = (result as HostTensor).shape[resultAxis] as number;
    const sizes = operands.map(({ operand, axis }) => inputs[operand]?.shape[axis]);
    assert.equal(
      sizes,
      sizes.map(() => size),
      `sizes tied to axis ${resultAxis} of the result`,
    );
    if (size < 2) continue;
    const indices = Array.from({ length: size - 1 }, (_, k) => k + 1);
    const first = operands[0] as Tie["operands"][number];
    const selection: Selection = def.select?.({
      types,
      attrs: values,
      side: "operand",
      index: first.operand,
      axis: first.axis,
      indices,
    }) ?? { attrs: values };
    if ("refuse" in selection) continue;
    const less = inputs.map((input, i) =>
      operands.filter((tied) => tied.operand === i).reduce((x, { axis }) => x && cut(x, axis, indices), input),
    );
    const [after] = evaluateOp(registry, op, less, writeAttrs(def.attrs, selection.attrs));
    assertTensor(after as HostTensor, cut(result as HostTensor, resultAxis, indices), null);
    compared++;
  }
  return compared;
}

const cutsOf = new Map<string, number>();

for (const [file, cases] of Object.entries(caseFiles)) {
  for (const opCase of cases) {
    test(`${file}: ${caseName(opCase)}`, () => {
      cutsOf.set(opCase.op, (cutsOf.get(opCase.op) ?? 0) + checkCase(opCase));
    });
  }
}

/** Ops whose cases never tie a whole operand axis to a result axis: they have no such axes, or refuse every cut. */
const untied = ["nn.max_pool_index", "nn.rnn", "nn.gru", "nn.lstm", "sparse.expand", "sparse.compress"];

test("cuts of every other op were compared", () => {
  assert.equal(
    registry
      .list()
      .map((def) => def.name)
      .filter((name) => !/^(rt|control|dynamic)\./.test(name) && (cutsOf.get(name) ?? 0) === 0),
    untied,
  );
});

const select = (
  op: string,
  context: Partial<Omit<SelectContext<unknown>, "attrs" | "types">> & { readonly x: readonly (number | string)[] },
  attrs: object,
): Selection => {
  const def = registry.require(op);
  const shape = context.x.map((dim) => (typeof dim === "string" ? dimSymbol(dim) : dim));
  const given = registry.attrs(def, writeAttrs(def.attrs, attrs as Record<string, unknown>));
  return (
    def.select?.({ types: [tensorType("f32", shape)], attrs: given, side: "operand", index: 0, axis: 0, indices: [], ...context }) ?? {
      attrs: given,
    }
  );
};

test("a reshape that merges keeps whole indices and refuses others", () => {
  const attrs = { shape: [0, 12] };
  assert.equal(select("shape.reshape", { x: ["N", 3, 4], axis: 1, indices: [0, 2] }, attrs), { attrs: { shape: [0, 8] } });
  assert.equal(select("shape.reshape", { x: ["N", 3, 4], axis: 1, indices: [0, 2] }, { shape: [0, -1] }), { attrs: { shape: [0, -1] } });
  assert.equal(select("shape.reshape", { x: ["N", 3, 4], axis: 1, side: "result", indices: [0, 1, 2, 3, 8, 9, 10, 11] }, attrs), {
    attrs: { shape: [0, 8] },
  });
  const refused = select("shape.reshape", { x: ["N", 3, 4], axis: 1, side: "result", indices: [0, 1, 2, 3, 4] }, attrs);
  assert.match("refuse" in refused ? refused.refuse : "", "do not fall on whole indices");
});

test("a reshape that splits keeps boxes", () => {
  const attrs = { shape: [2, 3] };
  assert.equal(select("shape.reshape", { x: [6], indices: [3, 4, 5] }, attrs), { attrs: { shape: [1, 3] } });
  assert.equal(select("shape.reshape", { x: [6], indices: [0, 2, 3, 5] }, attrs), { attrs: { shape: [2, 2] } });
  assert.ok("refuse" in select("shape.reshape", { x: [6], indices: [0, 1, 2, 3] }, attrs));
});

test("maps of a reshape are its smallest groups, symbols included", () => {
  const groups = (from: readonly (number | string)[], shape: readonly number[]) => {
    const types = [
      tensorType(
        "f32",
        from.map((dim) => (typeof dim === "string" ? dimSymbol(dim) : dim)),
      ),
    ];
    const def = registry.require("shape.reshape");
    const stored = writeAttrs(def.attrs, { shape });
    const outputs = inferOp(registry, def, { types, attrs: stored }).types;
    return def.maps?.({ types, attrs: registry.attrs(def, stored), outputs }).map((map) => `${map.operandAxes}:${map.resultAxes}`);
  };
  assert.equal(groups(["N", 4, 7, 7], [0, -1]), ["0:0", "1,2,3:1"]);
  assert.equal(groups(["N", 12, 5], [0, 3, 4, 5]), ["0:0", "1:1,2", "2:3"]);
  assert.equal(groups(["N", 1, 5], [0, 5, 1]), ["0:0", "2:1"]);
  assert.equal(groups([2, 3, 4], [4, 3, 2]), ["0,1,2:0,1,2"]);
  assert.equal(groups(["N", 6], [-1]), ["0,1:0"]);
});

test("a slice whose operand is cut takes what is left of its positions", () => {
  const whole = Number.MAX_SAFE_INTEGER;
  assert.equal(select("shape.slice", { x: [8], indices: [0, 2, 3, 5, 6] }, { starts: [2], ends: [6] }), {
    attrs: { starts: [1], ends: [4], axes: [], steps: [] },
  });
  assert.equal(select("shape.slice", { x: [8], indices: [0, 2, 4, 6] }, { starts: [0], ends: [whole], steps: [2] }), {
    attrs: { starts: [0], ends: [4], axes: [], steps: [1] },
  });
  assert.equal(select("shape.slice", { x: [4], indices: [0, 2, 3] }, { starts: [-1], ends: [-whole], steps: [-1] }), {
    attrs: { starts: [2], ends: [-whole], axes: [], steps: [-1] },
  });
  assert.ok("refuse" in select("shape.slice", { x: [8], indices: [0, 1, 3, 4] }, { starts: [0], ends: [8], steps: [1] }) === false);
  assert.ok("refuse" in select("shape.slice", { x: [8], indices: [0, 1, 4, 6, 7] }, { starts: [1], ends: [whole], steps: [3] }));
  assert.ok("refuse" in select("shape.slice", { x: [8], side: "result", indices: [0] }, { starts: [0], ends: [2] }));
});

for (const [op, context, attrs, reason] of [
  ["math.softmax", { x: [2, 3], axis: 1 }, {}, "sums to 1"],
  ["math.log_softmax", { x: [2, 3], axis: 0 }, { axis: -2 }, "sums to 1"],
  ["reduce.mean", { x: [2, 3], axis: 1 }, { axes: [-1] }, "axis 1 is reduced: the mean would be over fewer"],
  ["reduce.max", { x: [2, 3], axis: 0 }, { axes: [0] }, "a maximum may be lost"],
  ["reduce.argmax", { x: [2, 3], axis: 0 }, { axis: 0 }, "numbered anew"],
  ["shape.pad", { x: [2], side: "result" }, { before: [1], after: [0] }, "axis 0 is padded"],
  ["shape.gather", { x: [2] }, { axis: 0 }, "axis 0 is indexed"],
  ["shape.scatter_add", { x: [2], side: "result" }, { size: 3 }, "axis 0 is indexed"],
  ["tensor.one_hot", { x: [2], side: "result", axis: 1 }, { depth: 3 }, "numbered anew"],
  ["loss.softmax_cross_entropy", { x: [2, 3], axis: 1 }, {}, "the labels name classes"],
] as const) {
  test(`${op} refuses a cut: ${reason}`, () => {
    const selection = select(op, context, attrs);
    assert.match("refuse" in selection ? selection.refuse : "allowed", reason);
  });
}

test("the operands of a concatenation lie behind each other", () => {
  const def = registry.require("shape.concat");
  const types = [f32([2, 1], [1, 2]), f32([2, 3], [1, 2, 3, 4, 5, 6])].map((x) => tensorType(x.dtype, x.shape));
  const stored = writeAttrs(def.attrs, { axis: -1 });
  const maps = def.maps?.({ types, attrs: registry.attrs(def, stored), outputs: inferOp(registry, def, { types, attrs: stored }).types });
  assert.equal(
    maps?.filter((map) => map.resultAxes[0] === 1).map(({ operand, offset }) => [operand, offset]),
    [
      [0, 0],
      [1, 1],
    ],
  );
});

test.run();
