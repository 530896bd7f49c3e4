/** @file The pass manager: verification that names the guilty pass, records, hooks, stopping, and the blame in errors. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Analysis, definePass, type ManagerHooks, option, type Pass, PassRegistry } from "../../compiler/index.ts";
import { type Module, ModuleEditor, TersorError } from "../../ir-spec/index.ts";
import { failure, optimized, readBody, resolved, run } from "./support.ts";

const module = readBody(`  func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {
    %y = math.add(%x, @c)
    return %y
  }
  const @c : tensor<2xf32> = [1.0, 2.0]
  const @dead : tensor<4xf32> = [1.0, 2.0, 3.0, 4.0]`);

const make = (name: string, run: Pass["run"]) => definePass({ name, doc: "", stage: "any", options: {}, run });
const same = make("same", (m) => m);
const renamed = make("renamed", (m) => ({ ...m, name: `${m.name}.x` }));
const withoutConstant = make("break-it", (m) => ({ ...m, constants: new Map() }));

test("passes run in order, each on the module of the one before", async () => {
  const { module: result, records } = await run(module, resolved([renamed, same, renamed]));
  assert.is(result.name, "m.x.x");
  assert.equal(
    records.map((r) => [r.name, r.owner, r.changed]),
    [
      ["renamed", "test", true],
      ["same", "test", false],
      ["renamed", "test", true],
    ],
  );
});

test("an unchanged module is the very object, for the general passes too", async () => {
  const { module: clean } = await run(module, "dce");
  for (const name of [
    "infer-shapes",
    "fold-constants",
    "canonicalize",
    "cse",
    "fuse-activation",
    "dce",
    "materialize",
    "fold-batch-norm",
  ]) {
    const { module: result, records } = await run(clean, name);
    assert.is(result, clean, name);
    assert.is(records[0]?.changed, false, name);
  }
});

test("a broken module is an error that names the pass and its owner", async () => {
  const error = await failure(() => run(module, resolved([same, withoutConstant], "tersor-plugin-bad")));
  assert.is(error.code, "E0204");
  assert.match(error.problems[0]?.where ?? "", "after pass 2, break-it (tersor-plugin-bad)");
});

test("verifyEach: false leaves that to the end user", async () => {
  const { module: broken } = await run(module, resolved([withoutConstant]), { verifyEach: false });
  assert.is(broken.constants.size, 0);
});

test("a broken input is not blamed on the first pass", async () => {
  const error = await failure(() => run({ ...module, constants: new Map() }, resolved([same])));
  assert.match(error.problems[0]?.where ?? "", /^the input/);
});

test("time comes from the given clock, bytes are those that the module reaches", async () => {
  let time = 0;
  const drop = make("drop", (m, ctx) => {
    const editor = new ModuleEditor(m, ctx.registry);
    const body = editor.function("main");
    for (const op of body.ops()) {
      body.replaceAllUses(op.results[0] as number, op.operands[0] ?? null);
      body.erase(op);
    }
    return editor.freeze();
  });
  const { records } = await run(module, resolved([drop]), { now: () => (time += 5) });
  assert.is(records[0]?.ms, 5);
  assert.is(records[0]?.bytesBefore, 8);
  assert.is(records[0]?.bytesAfter, 0);
});

test("stopAfter ends after the first pass of that name", async () => {
  const { module: result, records } = await run(module, resolved([same, renamed, same, renamed]), { stopAfter: "renamed" });
  assert.is(records.length, 2);
  assert.is(result.name, "m.x");
});

test("hooks see every pass with its module, and progress", async () => {
  const seen: string[] = [];
  const working = make("working", (m, ctx) => {
    ctx.progress(0.25, "half of half");
    return { ...m, name: "w" };
  });
  const hooks: ManagerHooks = {
    beforePass: (pass, m, index) => seen.push(`before ${index} ${pass.pass.name} @${m.name}`),
    afterPass: (pass, m, record) => seen.push(`after ${pass.pass.name} @${m.name} ${record.changed}`),
    progress: (pass, index, count, fraction, note) => seen.push(`${pass.pass.name} ${index}/${count} ${fraction} ${note}`),
  };
  await run(module, resolved([working, same]), { hooks });
  assert.equal(seen, [
    "before 0 working @m",
    "working 0/2 0.25 half of half",
    "after working @w true",
    "before 1 same @w",
    "after same @w false",
  ]);
});

test("warnings and report rows carry the pass", async () => {
  const talking = make("talking", (m, ctx) => {
    ctx.warn("mind the gap");
    ctx.report({ subject: "w", note: "smaller", numbers: { kept: 3 } });
    return m;
  });
  const { warnings, records } = await run(module, resolved([same, talking]));
  assert.equal(warnings, ["talking: mind the gap"]);
  assert.equal(records[1]?.rows, [{ subject: "w", note: "smaller", numbers: { kept: 3 } }]);
});

test("abort: between passes, and inside one, the signal's own error", async () => {
  const before = new AbortController();
  before.abort();
  let ran = false;
  const never = make("never", (m) => {
    ran = true;
    return m;
  });
  const isAbort = (error: unknown) => error instanceof Error && error.name === "AbortError";
  await rejects(run(module, resolved([never]), { signal: before.signal }), isAbort);
  assert.not(ran);
  const inside = new AbortController();
  const stopping = make("stopping", (m, ctx) => {
    inside.abort();
    ctx.signal?.throwIfAborted();
    return m;
  });
  await rejects(run(module, resolved([stopping, never]), { signal: inside.signal }), isAbort);
  assert.not(ran);
  const reason = new RangeError("the user's own reason");
  const own = new AbortController();
  const stoppingWith = make("stopping-with", (m, ctx) => {
    own.abort(reason);
    ctx.signal?.throwIfAborted();
    return m;
  });
  await rejects(run(module, resolved([stoppingWith]), { signal: own.signal }), (error) => error === reason);
});

async function rejects(promise: Promise<unknown>, expected: (error: unknown) => boolean): Promise<void> {
  let caught: unknown = null;
  await promise.catch((error) => {
    caught = error;
  });
  assert.ok(expected(caught), `rejected with ${caught}`);
}

test("E0707: whatever a pass throws names the pass, its options and its owner, and keeps the cause", async () => {
  const cause = new TypeError("x is not a function");
  const failing = definePass({
    name: "failing",
    doc: "",
    stage: "any",
    options: { n: option.integer("", 1) },
    run() {
      throw cause;
    },
  });
  const [pass] = [new PassRegistry([{ owner: "p", passes: [failing] }]).resolve({ pass: "failing", options: { n: 3 } })];
  const error = await failure(() => run(module, [pass]));
  assert.is(error.code, "E0707");
  assert.is(error.problems[0]?.where, "pass 1, failing{n=3} (p)");
  assert.is(error.problems[0]?.message, "x is not a function");
  assert.is(error.cause, cause);
});

test("a TersorError of a pass keeps its code and its place", async () => {
  const failing = make("failing", () => {
    throw new TersorError({ code: "E0310", message: "no", where: "@main" });
  });
  const error = await failure(() => run(module, resolved([failing])));
  assert.is(error.code, "E0310");
  assert.is(error.problems[0]?.where, "pass 1, failing (test): @main");
});

test("analyses are computed once per module object", async () => {
  let computed = 0;
  const counting: Analysis<number> = {
    name: "counting",
    compute: (m: Module) => {
      computed += 1;
      return m.constants.size;
    },
  };
  const asking = make("asking", (m, ctx) => {
    assert.is(ctx.analysis(counting, m), m.constants.size);
    assert.is(ctx.analysis(counting, m), m.constants.size);
    return m;
  });
  await run(module, resolved([asking, asking, renamed, asking]));
  assert.is(computed, 2);
});

test("a pass's random source depends on seed and place alone", async () => {
  const draws: number[] = [];
  const drawing = make("drawing", (m, ctx) => {
    draws.push(ctx.random.float());
    return m;
  });
  await run(module, resolved([drawing, drawing]), { seed: 7 });
  await run(module, resolved([drawing, drawing]), { seed: 7 });
  await run(module, resolved([drawing]), { seed: 8 });
  assert.equal(draws.slice(0, 2), draws.slice(2, 4));
  assert.is(new Set(draws).size, 3);
});

test("the empty pipeline gives the module back", async () => {
  assert.is((await run(module, "")).module, module);
  assert.match(await optimized(module, ""), "@dead");
});

test.run();
