/**
 * @file Every core op, in all the cases of `test/ops/cases`: exported alone, run by ONNX Runtime against the interpreter, and imported again, which computes the same, by the same op or those
 * of `otherForm`, and stays as it is when it goes out and in once more.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exportedOps } from "../../compiler/export/index.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { preparePipeline } from "../../compiler/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { type Module, mainFunction } from "../../ir-spec/index.ts";
import { caseName } from "../ops/case-check.ts";
import { caseFiles } from "../ops/cases/index.ts";
import type { OpCase } from "../ops/op-case.ts";
import { run } from "../passes/support.ts";
import { ort, runOrt } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { type CaseModule, caseModule, inSingles, toleranceOf } from "./case-modules.ts";
import { excusedNotes, excuseOf, noDoubles, otherForm } from "./excused.ts";
import { normalText, withPlainConstants } from "./normal-text.ts";
import { assertClose, exported, moduleOf, problemsOf, registry } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);
const all = Object.values(caseFiles).flat();
const byOp = grouped(all);

function grouped(cases: readonly OpCase[]): ReadonlyMap<string, readonly OpCase[]> {
  return new Map([...new Set(cases.map((c) => c.op))].map((op) => [op, cases.filter((c) => c.op === op)]));
}

const isDouble = (opCase: OpCase): boolean => opCase.inputs.some((x) => x?.dtype === "f64");

/** What ONNX Runtime makes of the case differs from what the interpreter does, or fails, by its own words. */
async function differenceIn(opCase: OpCase, opset?: number): Promise<string | null> {
  const { module, inputs } = caseModule(opCase);
  const want = interpret(module, registry, inputs).outputs;
  const model = exported(module, opset ? { opset } : {});
  try {
    assertClose(await runOrt(model, inputs), want, toleranceOf(opCase), caseName(opCase));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

for (const [op, cases] of byOp) {
  oracle(`${op} in ONNX Runtime`, async () => {
    for (const given of cases) {
      const difference = await differenceIn(given);
      if (excuseOf(given)) assert.ok(difference, `${caseName(given)}: agrees now, it needs no excuse`);
      else if (noDoubles.has(op) && isDouble(given)) {
        assert.match(difference ?? "", /Could not find an implementation|does not support double/, `${caseName(given)}: f64 is there now`);
        assert.is(await differenceIn(inSingles(given)), null, `${caseName(given)} in f32`);
      } else assert.is(difference, null, caseName(given));
    }
  });
}

/** What ONNX Runtime has not in newer operator sets. */
const notYet: ReadonlyMap<string, number> = new Map([["nn.roi_align", 22]]);

for (const opset of [13, 14, 16, 18, 22, 26]) {
  oracle(`operator set ${opset}: a case agrees, or is refused with the set that it takes`, async () => {
    for (const given of all) {
      if (excuseOf(given) || (notYet.get(given.op) ?? 99) <= opset) continue;
      const opCase = noDoubles.has(given.op) ? inSingles(given) : given;
      const refused = problemsOf(() => exported(caseModule(opCase).module, { opset }));
      for (const problem of refused) assert.match(problem, /^E1002 .*since opset \d+$/, caseName(given));
      if (refused.length === 0) assert.is(await differenceIn(opCase, opset), null, `${caseName(given)} in opset ${opset}`);
    }
  });
}

test("what is excused is a case, and no case is excused twice", () => {
  const known = new Set(all.map((c) => `${c.op}: ${c.note ?? ""}`));
  assert.equal(
    excusedNotes.map(([op, note]) => `${op}: ${note}`).filter((name) => !known.has(name)),
    [],
  );
  assert.is(new Set(excusedNotes.map((pair) => pair.join())).size, excusedNotes.length);
  assert.equal(
    [...noDoubles].filter((op) => !all.some((c) => c.op === op && isDouble(c))),
    [],
  );
});

const canonical = async (module: Module): Promise<Module> => (await run(module, preparePipeline)).module;

/** What the importer makes of the export, canonical. */
const goneAndBack = async (module: Module): Promise<Module> =>
  canonical(importOnnx(exported(module, { weights: "qdq-signed" }), { registry }));

async function cameBackAs({ module, inputs }: CaseModule, opCase: OpCase): Promise<"itself" | "another form"> {
  const what = `${caseName(opCase)}, imported again`;
  const back = await goneAndBack(module);
  assertClose(interpret(back, registry, inputs).outputs, interpret(module, registry, inputs).outputs, toleranceOf(opCase), what);
  const [before, after] = [normalText(await canonical(module)), normalText(back)];
  if (before === after) return "itself";
  if (!otherForm[opCase.op]) assert.snapshot(after, before, what);
  assert.snapshot(normalText(withPlainConstants(await goneAndBack(back))), normalText(withPlainConstants(back)), `${what}, and once more`);
  return "another form";
}

for (const [op, cases] of byOp) {
  test(`${op} comes back`, async () => {
    const forms = [];
    for (const opCase of cases) forms.push(await cameBackAs(caseModule(opCase), opCase));
    if (otherForm[op]) assert.ok(forms.includes("another form"), `${op} always comes back as itself now: it is no exception`);
  });
}

test("every core op has an ONNX form, but for steps of lowered modules, which are refused", () => {
  const known = new Set(exportedOps());
  const left = registry
    .list()
    .filter((def) => !known.has(def.name) && !def.decompose)
    .map((def) => def.name);
  assert.equal(left.sort(), ["rt.copy", "rt.kernel"]);
  const relu = moduleOf("func @main(%x: tensor<1xf32>) -> (y: tensor<1xf32>) {\n %y = math.relu(%x)\n return %y\n }");
  const main = mainFunction(relu);
  for (const name of left) {
    const ops = main.ops.map((op) => ({ ...op, name }));
    const lowered = { ...relu, functions: new Map([["main", { ...main, ops }]]) };
    assert.equal(
      problemsOf(() => exported(lowered)),
      [`E1004 @main, %y = ${name}: ${name} is a kernel of a lowered module`],
    );
  }
});

test.run();
