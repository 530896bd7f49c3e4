/** @file The verifier on modules that no text could give: each rule by message and place, all of them collected, and its speed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kitOps } from "../../compiler/testing/index.ts";
import { readModule } from "../../compiler/text/index.ts";
import { assertValid, type VerifyOptions, verifyModule } from "../../compiler/verify/index.ts";
import { type Attr, attr } from "../../ir-spec/core/attr.ts";
import type { Constant, DataStorage } from "../../ir-spec/core/constant.ts";
import { dimAdd, dimSymbol } from "../../ir-spec/core/dim.ts";
import type { Func, Module, Op } from "../../ir-spec/core/graph.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { type TensorType, tensorType } from "../../ir-spec/core/type.ts";
import { defineOp } from "../../ir-spec/ops/define.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";

const kernel = defineOp({
  name: "rt.test_kernel",
  since: 1,
  doc: "A lowered op.",
  operands: [{ name: "x", role: "data" }],
  results: [{ name: "y" }],
  attrs: {},
  infer: (ctx) => [ctx.type(0)],
  reference: (ctx) => [ctx.input(0)],
  work: () => ({ macs: 0 }),
});
const registry = new OpRegistry([kitOps, { owner: "test", ops: [kernel] }]);

const base = readModule(
  `tersor 1.0
module @m {
  resource @r = "r.bin" { bytes = 16 }
  func @main(%x: tensor<Nx2xf32>, %s: tensor<2xf32>) -> (y: tensor<Nx2xf32>, t: tensor<2xf32>) carry (%s -> t) {
    %0 = kit.same(%x) {note.a = 1}
    %named, %2 = kit.split(%0)
    %3 = kit.same(@w) loc("m.onnx":"Node_3")
    return %named, %3
  }
  func @other(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {
    %0 = kit.call(%x) {body = @main, required = 1}
    return %0
  }
  const @w : tensor<2xf32> = kit.same(@w.d)
  const @w.d : tensor<2xf32> = [1, 2]
  const @slice : tensor<2xf32> = @r[8, 8]
}`,
  { registry },
);

const main = base.functions.get("main") as Func;

function withMain(changes: Partial<Func>): Module {
  return { ...base, functions: new Map([...base.functions, ["main", { ...main, ...changes }]]) };
}

function withOp(index: number, changes: Partial<Op>): Module {
  return withMain({ ops: main.ops.map((op, i) => (i === index ? { ...op, ...changes } : op)) });
}

function withValue(id: number, changes: { name?: string | null; type?: TensorType }): Module {
  return withMain({ values: main.values.map((value, i) => (i === id ? { ...value, ...changes } : value)) });
}

function withConstant(constant: Constant): Module {
  return { ...base, constants: new Map([...base.constants, [constant.name, constant]]) };
}

function data(storage: DataStorage, type = tensorType("f32", [2])): Module {
  return withConstant({ kind: "data", name: "c", type, storage, doc: null, loc: [] });
}

function derived(op: string, operands: readonly (string | null)[], attrs: readonly [string, Attr][] = []): Module {
  return withConstant({
    kind: "derived",
    name: "c",
    type: tensorType("f32", [2]),
    op,
    operands,
    attrs: new Map(attrs),
    doc: null,
    loc: [],
  });
}

function problems(module: Module, options: VerifyOptions = {}): string[] {
  return verifyModule(module, registry, options).map(
    (p) => `${p.code} ${p.where ?? "-"}${p.operand === undefined ? "" : ` [${p.operand}]`}: ${p.message}`,
  );
}

test("the base is sound", () => {
  assert.equal(problems(base), []);
  assertValid(base, registry);
});

const f32 = (...shape: TensorType["shape"]) => tensorType("f32", shape);
const N = dimSymbol("N");

/** values: 0 %x, 1 %s, 2 %0, 3 %named, 4 %2 (prints %1), 5 %3 (prints %2). */
const cases: readonly [string, Module, readonly string[]][] = [
  ["use before definition", withOp(0, { operands: [5] }), ["E0402 @main: %0 = kit.same [0]: %2 is used before its definition"]],
  ["its own result", withOp(0, { operands: [2] }), ["E0402 @main: %0 = kit.same [0]: %0 is used before its definition"]],
  ["no such value", withOp(0, { operands: [99] }), ["E0401 @main: %0 = kit.same [0]: there is no value 99"]],
  [
    "defined twice",
    withOp(1, { results: [3, 2] }),
    [
      "E0313 @main: %named, %0 = kit.split: declared tensor<Nx2xf32>, inferred tensor<[N + 1]x2xf32>",
      "E0401 @main: %named, %0 = kit.split: value 2 is defined twice",
    ],
  ],
  [
    "a parameter as result",
    withOp(2, { results: [1] }),
    ["E0401 @main: %s = kit.same: value 1 is defined twice", "E0402 function @main: %?5 is used before its definition"],
  ],
  [
    "result id out of range",
    withOp(2, { results: [77] }),
    ["E0401 @main: %?77 = kit.same: there is no value 77", "E0402 function @main: %?5 is used before its definition"],
  ],
  ["unknown constant", withOp(2, { operands: ["nope"] }), ["E0204 @main: %2 = kit.same [0]: no constant @nope"]],
  ["a function as operand", withOp(2, { operands: ["other"] }), ["E0204 @main: %2 = kit.same [0]: no constant @other"]],
  ["two values of one name", withValue(2, { name: "named" }), ["E0202 @main: %named, %0 = kit.split: %named is defined twice"]],
  ["an empty name", withValue(3, { name: "" }), ['E0108 @main: %"", %1 = kit.split: %"" is not a name']],
  [
    "a parameter without a name",
    withValue(0, { name: null }),
    ["E0216 function @main: a parameter needs a name, value 0 is only a number"],
  ],
  [
    "a stale type",
    withValue(2, { type: f32(N, 3) }),
    [
      "E0313 @main: %0 = kit.same: declared tensor<Nx3xf32>, inferred tensor<Nx2xf32>",
      "E0313 @main: %named, %1 = kit.split: declared tensor<Nx2xf32>, inferred tensor<Nx3xf32>",
      "E0313 @main: %named, %1 = kit.split: declared tensor<[N + 1]x2xf32>, inferred tensor<[N + 1]x3xf32>",
    ],
  ],
  ["unknown op", withOp(0, { name: "kit.nope" }), ["E0301 @main: %0 = kit.nope: unknown op kit.nope"]],
  [
    "wrong attribute",
    withOp(0, { attrs: new Map([["axis", attr.int(1)]]) }),
    ['E0303 @main: %0 = kit.same: kit.same: unknown attribute "axis"; it has none'],
  ],
  ["too many operands", withOp(0, { operands: [0, 0, 0] }), ["E0304 @main: %0 = kit.same: kit.same takes (x, like?), got 3 operands"]],
  ["one operand twice", withOp(0, { operands: [0, 0] }), []],
  [
    "a negative size of a result",
    withMain({
      ops: [...main.ops, { name: "kit.any", operands: [], attrs: new Map(), results: [6], doc: null, loc: [] }],
      values: [...main.values, { name: null, type: f32(-1) }],
    }),
    ["E0312 @main: %3 = kit.any: kit.any: a result would be tensor<-1xf32>"],
  ],
  [
    "a negative size of a parameter",
    withValue(1, { type: f32(-2) }),
    [
      "E0407 function @main: the type tensor<-2xf32> has no text form",
      "E0316 function @main: a carried value keeps its type: %s is tensor<-2xf32>, t is tensor<2xf32>",
    ],
  ],
  ["too few results", withOp(1, { results: [3] }), ["E0305 @main: %named = kit.split: kit.split has 2 results, 1 written"]],
  [
    "an op without results",
    withMain({ ops: [...main.ops, { name: "kit.any", operands: [], attrs: new Map(), results: [], doc: null, loc: [] }] }),
    ["E0407 @main:  = kit.any: an op without results has no text form"],
  ],
  [
    "an enum member of two words",
    withOp(0, { attrs: new Map([["note.a", attr.enum("two words")]]) }),
    ['E0407 @main: %0 = kit.same: the enum member "two words" has no text form'],
  ],
  [
    "an integer beyond 64 bits",
    withOp(0, { attrs: new Map([["note.a", attr.list([attr.int(2n ** 63n)])]]) }),
    ["E0407 @main: %0 = kit.same: the integer 9223372036854775808 has no text form"],
  ],
  [
    "an integer that is none",
    withOp(0, { attrs: new Map([["note.a", attr.int(0.5)]]) }),
    ["E0407 @main: %0 = kit.same: the integer 0.5 has no text form"],
  ],
  [
    "an unknown dim in an attribute",
    withOp(0, { attrs: new Map([["note.a", attr.dict({ b: attr.dim(dimSymbol("Q")) })]]) }),
    ["E0213 @main: %0 = kit.same: unknown dim symbol Q"],
  ],
  [
    "a known dim introduced",
    withOp(0, { attrs: new Map([["note.a", { kind: "dim", value: N, introduces: true }]]) }),
    ["E0214 @main: %0 = kit.same: dim symbol N is known already"],
  ],
  [
    "an expression introduced",
    withOp(0, { attrs: new Map([["note.a", { kind: "dim", value: dimAdd(N, 1), introduces: true }]]) }),
    ["E0407 @main: %0 = kit.same: dim[?N + 1] has no text form"],
  ],
  [
    "a dangling symbol",
    withOp(0, {
      name: "kit.call",
      attrs: new Map([
        ["body", attr.symbol("gone")],
        ["required", attr.int(0)],
      ]),
    }),
    ["E0204 @main: %0 = kit.call: no constant, function or resource @gone"],
  ],
  [
    "a doc with a carriage return",
    withOp(0, { doc: "a\rb" }),
    ["E0407 @main: %0 = kit.same: a doc with a carriage return has no text form"],
  ],
  ["wrong number of returns", withMain({ returns: [3] }), ["E0314 function @main: 1 value returned, 2 results declared"]],
  [
    "wrong type returned",
    withMain({ returns: [3, 0] }),
    ["E0315 function @main: result t is declared tensor<2xf32>, returned is tensor<Nx2xf32>"],
  ],
  ["an unknown constant returned", withMain({ returns: [3, "gone"] }), ["E0204 function @main: no constant @gone"]],
  [
    "two results of one name",
    withMain({
      results: [
        { name: "t", type: f32(N, 2) },
        { name: "t", type: f32(2) },
      ],
    }),
    [
      "E0217 function @main: two results are named t",
      "E0316 function @main: a carried value keeps its type: %s is tensor<2xf32>, t is tensor<Nx2xf32>",
    ],
  ],
  [
    "an unknown dim in a result",
    withMain({
      results: [
        { name: "y", type: f32(dimSymbol("M"), 2) },
        { name: "t", type: f32(2) },
      ],
    }),
    [
      "E0213 function @main: unknown dim symbol M",
      "E0315 function @main: result y is declared tensor<Mx2xf32>, returned is tensor<Nx2xf32>",
    ],
  ],
  [
    "a carry of no parameter",
    withMain({ carries: [{ param: 2, result: "t" }] }),
    [
      "E0316 function @main: %0 is no parameter of @main",
      "E0316 function @main: a carried value keeps its type: %0 is tensor<Nx2xf32>, t is tensor<2xf32>",
    ],
  ],
  ["a carry to no result", withMain({ carries: [{ param: 1, result: "gone" }] }), ["E0219 function @main: @main has no result gone"]],
  [
    "a carry of another type",
    withMain({ carries: [{ param: 0, result: "t" }] }),
    ["E0316 function @main: a carried value keeps its type: %x is tensor<Nx2xf32>, t is tensor<2xf32>"],
  ],
  [
    "a require that cannot hold",
    withMain({ requires: [{ left: N, right: dimAdd(N, 1) }] }),
    ["E0406 function @main: require [N] == [N + 1] cannot hold"],
  ],
  [
    "a require of an unknown symbol",
    withMain({ requires: [{ left: dimSymbol("Z"), right: 1 }] }),
    ["E0213 function @main: unknown dim symbol Z"],
  ],
  ["bytes too short", data({ kind: "bytes", bytes: new Uint8Array(7) }), ["E0206 constant @c: 7 bytes given, tensor<2xf32> takes 8"]],
  [
    "a symbolic constant",
    data({ kind: "bytes", bytes: new Uint8Array(7) }, f32(N)),
    ["E0207 constant @c: constant @c needs a static shape, tensor<Nxf32> is symbolic"],
  ],
  ["a splat too long", data({ kind: "splat", element: new Uint8Array(8) }), ["E0206 constant @c: a splat of 8 bytes given, f32 takes 4"]],
  [
    "a splat with stray bits",
    data({ kind: "splat", element: Uint8Array.of(0x12) }, tensorType("i4", [3])),
    ["E0408 constant @c: constant @c: the unused bits of the last byte are not zero"],
  ],
  [
    "a slice beyond the end",
    data({ kind: "resource", resource: "r", offset: 12, length: 8 }),
    ["E0209 constant @c: bytes up to 20 are used, resource @r has 16"],
  ],
  [
    "a slice of the wrong length",
    data({ kind: "resource", resource: "r", offset: 0, length: 4 }),
    ["E0206 constant @c: 4 bytes given, tensor<2xf32> takes 8"],
  ],
  [
    "a slice at a fraction",
    data({ kind: "resource", resource: "r", offset: 0.5, length: 8 }),
    ["E0109 constant @c: 0.5 is not an offset in bytes"],
  ],
  ["an unknown resource", data({ kind: "resource", resource: "gone", offset: 0, length: 8 }), ["E0204 constant @c: no resource @gone"]],
  [
    "elided bytes of the wrong length",
    data({ kind: "elided", sha256: "", length: 4 }),
    ["E0206 constant @c: 4 bytes given, tensor<2xf32> takes 8"],
  ],
  ["an unknown operand of a definition", derived("kit.same", ["gone"]), ["E0204 constant @c [0]: no constant @gone"]],
  ["a definition of another type", derived("kit.same", ["b"]), ["E0204 constant @c [0]: no constant @b"]],
  ["a definition by itself", derived("kit.same", ["c"]), ["E0205 constant @c: a constant is defined by itself: @c -> @c"]],
  [
    "a definition with two results",
    derived("kit.split", ["w"]),
    ["E0307 constant @c: kit.split has 2 results, a constant's definition has one"],
  ],
  [
    "a definition with a wrong attribute",
    derived("kit.same", ["w"], [["bogus", attr.int(1)]]),
    ['E0303 constant @c: kit.same: unknown attribute "bogus"; it has none'],
  ],
  [
    "a table with a wrong key",
    { ...base, constants: new Map([...base.constants, ["alias", base.constants.get("w") as Constant]]) },
    ['E0403 -: @w is filed under "alias"'],
  ],
  [
    "one name in two tables",
    { ...base, resources: new Map([...base.resources, ["w", { name: "w", path: "", attrs: new Map(), doc: null, bytes: null }]]) },
    ["E0201 -: @w is defined twice"],
  ],
  ["another version", { ...base, version: "2.0" }, ["E0105 -: this reads version 1 of the language, not 2.0"]],
  ["a module without a name", { ...base, name: "" }, ['E0108 -: @"" is not a name']],
  [
    "recursion",
    withOp(0, {
      name: "kit.call",
      attrs: new Map([
        ["body", attr.symbol("other")],
        ["required", attr.int(0)],
      ]),
    }),
    ["E0220 function @main: functions may not call themselves: @main -> @other -> @main"],
  ],
];

for (const [name, module, expected] of cases) {
  test(name, () => {
    assert.equal(problems(module), expected);
  });
}

test("a require that inference needs and the function lacks", () => {
  const text = `tersor 1.0
module @m {
  func @main(%x: tensor<Nxf32>, %y: tensor<Mxf32>) -> (z: tensor<Nxf32>) {
    %z = kit.same(%x, %y)
    return %z
  }
}`;
  const module = readModule(text, { registry });
  const func = module.functions.get("main") as Func;
  assert.is(func.requires.length, 1, "reading adds it");
  const without = { ...module, functions: new Map([["main", { ...func, requires: [] }]]) };
  assert.equal(problems(without), ['E0405 @main: %z = kit.same: the function lacks "require [N] == [M]", which this op needs']);
  const [require] = func.requires;
  const turned = {
    ...module,
    functions: new Map([["main", { ...func, requires: require ? [{ left: require.right, right: require.left }] : [] }]]),
  };
  assert.equal(problems(turned), [], "either way round");
});

test("every error is collected, with the op's location", () => {
  const ops = main.ops.map((op) => ({ ...op, name: `${op.name}x` }));
  const found = verifyModule(withMain({ ops, returns: [3] }), registry);
  assert.equal(
    found.map((p) => p.code),
    ["E0301", "E0301", "E0301", "E0314"],
  );
  assert.is(found[0]?.hint, "did you mean kit.same?");
  assert.equal(found[2]?.loc, [{ file: "m.onnx", parts: ["Node_3"] }]);
  assert.throws(
    () => assertValid(withMain({ ops }), registry),
    (error: unknown) => error instanceof TersorError && error.problems.length === 3,
  );
});

test("the profile of lowered modules admits rt.* only", () => {
  assert.equal(problems(base, { profile: "lowered" }), [
    "E0404 constant @w: kit.same in a lowered module, which admits rt.* only",
    "E0404 @main: %0 = kit.same: kit.same in a lowered module, which admits rt.* only",
    "E0404 @main: %named, %1 = kit.split: kit.split in a lowered module, which admits rt.* only",
    "E0404 @main: %2 = kit.same: kit.same in a lowered module, which admits rt.* only",
    "E0404 @other: %0 = kit.call: kit.call in a lowered module, which admits rt.* only",
  ]);
  const lowered = readModule(
    "tersor 1.0 module @m { func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>) { %y = rt.test_kernel(%x) return %y } }",
    { registry },
  );
  assert.equal(problems(lowered, { profile: "lowered" }), []);
});

test("a chain of 100,000 definitions neither overflows the stack nor takes long", () => {
  const constants = new Map<string, Constant>([
    ["c0", { kind: "data", name: "c0", type: f32(), storage: { kind: "splat", element: new Uint8Array(4) }, doc: null, loc: [] }],
  ]);
  for (let i = 1; i < 100_000; i++) {
    constants.set(`c${i}`, {
      kind: "derived",
      name: `c${i}`,
      type: f32(),
      op: "kit.same",
      operands: [`c${i - 1}`],
      attrs: new Map(),
      doc: null,
      loc: [],
    });
  }
  const found = problems({ ...base, functions: new Map(), constants });
  assert.is(found.length, 1, "one is told, not each that is deeper still");
  assert.match(String(found[0]), /E0221|more than 256 constants/);
});

test("100,000 ops", () => {
  const type = f32(N, 64);
  const ops: Op[] = Array.from({ length: 100_000 }, (_, i) => ({
    name: "kit.same",
    operands: [i, 0],
    attrs: new Map(),
    results: [i + 1],
    doc: null,
    loc: [],
  }));
  const values = Array.from({ length: 100_001 }, (_, i) => ({ name: i === 0 ? "x" : null, type }));
  const func: Func = {
    name: "main",
    values,
    params: [0],
    results: [{ name: "y", type }],
    returns: [100_000],
    carries: [],
    requires: [],
    ops,
    doc: null,
  };
  const module: Module = { ...base, functions: new Map([["main", func]]) };
  const start = performance.now();
  assert.equal(problems(module), []);
  const ms = performance.now() - start;
  console.log(`100,000 ops verified in ${Math.round(ms)} ms`);
  assert.ok(ms < 10_000);
});

test.run();
