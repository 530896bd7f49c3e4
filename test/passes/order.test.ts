/** @file The order of passes: stages, after/before, ties, and the errors that name both owners. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkOrder, definePass, orderPasses, type Pass, PassRegistry, type ResolvedPass, type Stage } from "../../compiler/index.ts";
import { failure } from "./support.ts";

type Wish = Pick<Pass, "after" | "before">;

function pass(name: string, stage: Stage | "any", wish: Wish = {}, owner = `plugin-${name}`): ResolvedPass {
  const made = definePass({ name, doc: "", stage, options: {}, ...wish, run: (module) => module });
  return { pass: made, owner, item: { pass: name, options: {} }, values: {} };
}

const names = (passes: readonly ResolvedPass[]) => passes.map((p) => p.pass.name).join(" ");

test("stages come in their order, whatever order is given", () => {
  const given = [pass("e", "lower"), pass("c", "compress"), pass("a", "import"), pass("d", "legalize"), pass("b", "canonicalize")];
  assert.is(names(orderPasses(given)), "a b c d e");
});

test("ties keep the given order", () => {
  const given = [pass("z", "compress"), pass("a", "compress"), pass("m", "compress"), pass("b", "import")];
  assert.is(names(orderPasses(given)), "b z a m");
});

test("after and before", () => {
  assert.is(names(orderPasses([pass("x", "compress", { after: ["y"] }), pass("y", "compress")])), "y x");
  assert.is(names(orderPasses([pass("x", "compress"), pass("y", "compress", { before: ["x"] })])), "y x");
  assert.is(names(orderPasses([pass("a", "any", { after: ["c"] }), pass("b", "any", { after: ["a"] }), pass("c", "any")])), "c a b");
});

test("wishes about absent passes do not matter", () => {
  assert.is(names(orderPasses([pass("x", "compress", { after: ["gone"], before: ["absent"] }), pass("y", "compress")])), "x y");
});

test("a wish cannot pull a stage apart", () => {
  assert.is(names(orderPasses([pass("late", "lower", { before: ["early"] }), pass("early", "import")])), "early late");
});

test("E0705: a cycle names every pass and owner in it", async () => {
  const error = await failure(() => orderPasses([pass("x", "compress", { after: ["y"] }), pass("y", "compress", { after: ["x"] })]));
  assert.is(error.code, "E0705");
  for (const part of ["x (plugin-x) before y (plugin-y)", "y (plugin-y) before x (plugin-x)"])
    assert.ok(error.message.includes(part), error.message);
});

test("E0705: a cycle of three, one free pass before it", async () => {
  const cycle = [pass("a", "any", { before: ["b"] }), pass("b", "any", { before: ["c"] }), pass("c", "any", { before: ["a"] })];
  const error = await failure(() => orderPasses([pass("free", "any"), ...cycle]));
  for (const part of ["a (plugin-a) before b", "b (plugin-b) before c", "c (plugin-c) before a"])
    assert.ok(error.message.includes(part), error.message);
  assert.not.ok(error.message.includes("free"));
});

test("E0706: a pipeline by hand against a stage or a wish names both", async () => {
  const byStage = await failure(() => checkOrder([pass("late", "lower"), pass("early", "import")]));
  assert.is(byStage.code, "E0706");
  assert.match(byStage.message, "late (plugin-late) stands before early (plugin-early), but stage import comes before stage lower");
  assert.match(byStage.message, "pipeline late,early");
  const byBefore = await failure(() => checkOrder([pass("q", "compress"), pass("p", "compress", { before: ["q"] })]));
  assert.match(byBefore.message, "q (plugin-q) stands before p (plugin-p), but plugin-p declares p before q");
  const byAfter = await failure(() => checkOrder([pass("q", "compress", { after: ["p"] }), pass("p", "compress")]));
  assert.match(byAfter.message, "q (plugin-q) stands before p (plugin-p), but plugin-q declares q after p");
});

test("a clean-up may stand anywhere, and the same pass twice is no clash", () => {
  checkOrder([
    pass("clean", "any"),
    pass("c", "compress"),
    pass("clean", "any"),
    pass("c", "compress"),
    pass("l", "lower"),
    pass("clean", "any"),
  ]);
});

test("E0704: two owners of one pass name", async () => {
  const { pass: made } = pass("x", "any");
  const error = await failure(
    () =>
      new PassRegistry([
        { owner: "core", passes: [made] },
        { owner: "mine", passes: [made] },
      ]),
  );
  assert.is(error.code, "E0704");
  assert.match(error.message, 'pass "x" is registered twice: by core and by mine');
});

test("E0702: an unknown pass, with the nearest name", async () => {
  const error = await failure(() =>
    new PassRegistry([{ owner: "core", passes: [pass("prune", "any").pass] }]).resolve({ pass: "prnue", options: {} }),
  );
  assert.is(error.code, "E0702");
  assert.is(error.problems[0]?.hint, "did you mean prune?");
});

test("names are kebab-case", () => {
  for (const name of ["Prune", "a_b", "", "a--b", "-a"]) assert.throws(() => pass(name, "any"), /kebab-case/);
});

test.run();
