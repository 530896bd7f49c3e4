/**
 * @file Files made to hurt: structures that are small in the file and huge when followed. Each is well formed as far as checksums go, and is refused by code, soon.
 */
import { Builder } from "flatbuffers";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type MetadataParts, metadataBytes } from "../../compiler/emit/metadata.ts";
import { AttrKind, ExprOp } from "../../ir-spec/format/codes.ts";
import { tersor as fb } from "../../ir-spec/format/gen/module.ts";
import { unpack } from "../../ir-spec/format/pack.ts";
import { openFile, RuntimeError } from "../../runtime/index.ts";
import { fileOf } from "./corrupt.ts";

const func = {
  name: 0,
  doc: 0,
  params: 0,
  types: [],
  names: [],
  ops: [],
  operands: [],
  returns: [],
  results: [],
  carries: [],
  requires: [],
};
const tables = { strings: ["main"], symbols: [], exprs: [], types: [], attrs: [], listItems: [], dictItems: [] };
const parts = {
  tables,
  constants: { records: [], derived: [], derivedOperands: [] },
  sections: [],
  inputs: [],
  outputs: [],
  requires: [],
  plans: [{ target: 0, init: func, main: func }],
  source: null,
  requirements: [],
  preprocessing: 0,
  build: { tersor: 0, pipeline: 0, costProfile: 0, seed: 0, model: new Uint8Array(0), data: new Uint8Array(0), plugins: [] },
};

/** Opens a file of these parts. @returns the code that it is refused with, or null */
function outcome(changes: Record<string, unknown>): string | null {
  return refusal(metadataBytes({ ...parts, ...changes } as unknown as MetadataParts));
}

function refusal(metadata: Uint8Array): string | null {
  const started = performance.now();
  try {
    openFile(fileOf(metadata));
    return null;
  } catch (error) {
    assert.instance(error, RuntimeError, String(error));
    return (error as RuntimeError).code;
  } finally {
    assert.ok(performance.now() - started < 1000, "it took a second");
  }
}

const chain = <T>(length: number, link: (i: number) => T): T[] => Array.from({ length }, (_, i) => link(i));
const withTables = (changes: Record<string, unknown>) => outcome({ tables: { ...tables, ...changes } });

test("the parts are a file as they are", () => {
  assert.is(outcome({}), null);
});

test("a dim expression that doubles with each node", () => {
  const symbols = [{ name: 1, original: 0 }];
  const doubling = (op: number, length: number) => [{ op: ExprOp.symbol, a: 0, b: 0 }, ...chain(length, (i) => ({ op, a: i, b: i }))];
  for (const op of [ExprOp.add, ExprOp.mul, ExprOp.max]) {
    assert.is(withTables({ strings: ["main", "N"], symbols, exprs: doubling(op, 60) }), "R0203");
    assert.is(withTables({ strings: ["main", "N"], symbols, exprs: doubling(op, 3) }), null);
  }
});

test("expressions that name themselves or later ones", () => {
  assert.is(withTables({ exprs: [{ op: ExprOp.add, a: 0, b: 0 }] }), "R0202");
  assert.is(
    withTables({
      exprs: [
        { op: ExprOp.add, a: 1, b: 1 },
        { op: ExprOp.integer, a: 1, b: 0 },
      ],
    }),
    "R0202",
  );
  assert.is(withTables({ exprs: [{ op: 77, a: 0, b: 0 }] }), "R0203");
  assert.is(withTables({ exprs: [{ op: ExprOp.integer, a: 0, b: 2 ** 30 }] }), "R0203");
});

test("lists of lists that double, or lie deep", () => {
  const list = (a: number, b: number) => ({ kind: AttrKind.list, a, b });
  const doubling = [{ kind: AttrKind.bool, a: 1, b: 0 }, ...chain(40, (i) => list(2 * i, 2))];
  assert.is(withTables({ attrs: doubling, listItems: chain(80, (i) => i >> 1) }), "R0204");
  const deep = [{ kind: AttrKind.bool, a: 1, b: 0 }, ...chain(100, (i) => list(i, 1))];
  assert.is(withTables({ attrs: deep, listItems: chain(100, (i) => i) }), "R0204");
  assert.is(withTables({ attrs: [list(0, 1)], listItems: [0] }), "R0202");
  assert.is(withTables({ attrs: [list(0, 5)], listItems: [] }), "R0204");
});

test("definitions that need themselves", () => {
  const record = (storage: number) => ({ name: 0, type: 0, storage, flags: 0, doc: 0, loc: 0 });
  const derived = (operands: number) => ({ op: 0, attrs: 0, operands });
  const scalar = { ...tables, types: [{ dtype: 0, dims: [] }] };
  const constants = (derivedOperands: readonly number[]) => ({
    records: [record(-1), record(-2)],
    derived: [derived(1), derived(1)],
    derivedOperands,
  });
  assert.is(outcome({ tables: scalar, constants: constants([1, 0]) }), "R0205");
  assert.is(outcome({ tables: scalar, constants: constants([1, 1]) }), "R0205");
  assert.is(outcome({ tables: scalar, constants: constants([1, -1]) }), null);
});

test("one plan, or one string, that a thousand offsets share", () => {
  assert.is(refusal(sharing({ plans: 1000, strings: 1 })), "R0201");
  assert.is(refusal(sharing({ plans: 1, strings: 100_000 })), "R0201");
  assert.is(refusal(sharing({ plans: 1, strings: 1 })), null);
});

test("a table that is shorter than where its fields are said to be", () => {
  const metadata = metadataBytes(parts as unknown as MetadataParts);
  const view = new DataView(metadata.buffer);
  const root = view.getUint32(0, true);
  view.setUint16(root - view.getInt32(root, true) + 2, 8, true);
  assert.is(refusal(metadata), "R0201");
});

test("values used before they are defined, constants that are not there, pools that do not fit", () => {
  const types = [{ dtype: 0, dims: [] }];
  const opOf = (operands: number) => ({ name: 0, attrs: 0, operands, results: 1, loc: 0, doc: 0 });
  const planOf = (init: Record<string, unknown>) =>
    outcome({ tables: { ...tables, types }, plans: [{ target: 0, init: { ...func, ...init }, main: func }] });
  assert.is(planOf({ types: [0, 0], ops: [opOf(0), opOf(2)], operands: [0, -1] }), null);
  assert.is(planOf({ types: [0, 0], ops: [opOf(0), opOf(1)], operands: [1] }), "R0206");
  assert.is(planOf({ types: [0, 0], ops: [opOf(1), opOf(0)], operands: [1] }), "R0206");
  assert.is(planOf({ types: [0], ops: [opOf(1)], operands: [-2] }), "R0206");
  assert.is(planOf({ types: [0], ops: [opOf(0)], operands: [-1] }), "R0206");
  assert.is(planOf({ types: [0, 0], ops: [opOf(0)], operands: [] }), "R0206");
  assert.is(planOf({ params: 1, types: [0] }), "R0207");
});

/** Metadata whose vectors repeat one offset. */
function sharing(counts: { readonly plans: number; readonly strings: number }): Uint8Array {
  const b = new Builder(1024);
  const types = fb.Func.createTypesVector(b, new Uint32Array(0));
  const empty = () => fb.Func.createFunc(b, 0, 0, 0, types, 0, 0, 0, 0, 0, 0, 0);
  const [init, main] = [empty(), empty()];
  fb.Plan.startPlan(b);
  fb.Plan.addInit(b, init);
  fb.Plan.addMain(b, main);
  const plan = fb.Plan.endPlan(b);
  const plans = fb.Program.createPlansVector(
    b,
    chain(counts.plans, () => plan),
  );
  const text = b.createString("x".repeat(1000));
  const strings = fb.Program.createStringsVector(
    b,
    chain(counts.strings, () => text),
  );
  const build = fb.Build.createBuild(b, 0, 0, 0, 0n, 0, 0, 0);
  fb.Program.startProgram(b);
  fb.Program.addStrings(b, strings);
  fb.Program.addPlans(b, plans);
  fb.Program.addBuild(b, build);
  fb.Program.finishProgramBuffer(b, fb.Program.endProgram(b));
  return b.asUint8Array().slice();
}

test("packed bytes of any kind unpack to as many bytes as asked for", () => {
  for (const stored of [new Uint8Array(0), new Uint8Array(50).fill(255), Uint8Array.from({ length: 50 }, (_, i) => i * 37)]) {
    assert.is(unpack(stored, 5000).length, 5000);
  }
});

test.run();
