/** @file Every core op: its record is documented, its cases hold, and an op or a gradient without a case fails here. */
import { existsSync, readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { coreOps, createCoreRegistry, type DType, isFloat, type OpDef, type OperandSpec } from "../../ir-spec/index.ts";
import { caseName, checkDecomposition, checkGradients, checkResults } from "./case-check.ts";
import { caseFiles } from "./cases/index.ts";

const registry = createCoreRegistry();
const all = Object.values(caseFiles).flat();

/** Gradients that are no slopes, so that differences cannot check them, and the test that does. */
const estimates = new Map([["quant.fake", "test/ops/quant-fake.test.ts"]]);

test("every file of cases is read", () => {
  const files = readdirSync(new URL("cases/", import.meta.url)).filter((name) => name !== "index.ts");
  assert.equal(
    Object.keys(caseFiles)
      .map((name) => `${name}.ts`)
      .sort(),
    files.sort(),
  );
});

test("every op has a case with expected results", () => {
  const covered = new Set(all.filter((c) => c.expect).map((c) => c.op));
  assert.equal(
    names((def) => !covered.has(def.name)),
    [],
  );
});

test("every case names an op of the core and says what it expects", () => {
  const known = new Set(coreOps.map((def) => def.name));
  assert.equal(all.filter((c) => !known.has(c.op) || (!c.expect && !c.gradient)).map(caseName), []);
});

test("every gradient is checked by a case, for each float operand", () => {
  const checked = new Set(all.flatMap((c) => (c.gradient ?? []).flatMap((on, i) => (on ? [`${c.op} ${i}`] : []))));
  const missing = coreOps.flatMap((def) =>
    def.gradient && !estimates.has(def.name)
      ? def.operands.flatMap((operand, i) =>
          differentiable(operand) && !checked.has(`${def.name} ${i}`) ? [`${def.name}: ${operand.name}`] : [],
        )
      : [],
  );
  assert.equal(missing, []);
});

test("gradients that no difference can check have a test of their own", () => {
  for (const [op, file] of estimates) assert.ok(registry.require(op).gradient && existsSync(new URL(`../../${file}`, import.meta.url)), op);
});

test("every op says how it is differentiated, in one way", () => {
  assert.equal(
    names((def) => !def.gradient && def.noGradient === undefined && !def.decompose),
    [],
  );
  assert.equal(
    names((def) => def.gradient !== undefined && def.noGradient !== undefined),
    [],
  );
});

test("every op, operand and attribute is documented", () => {
  const gaps = coreOps.flatMap((def) => [
    ...(def.doc.length > 10 ? [] : [`${def.name}: doc`]),
    ...def.operands.filter((operand) => !isDocumented(operand)).map((operand) => `${def.name}: operand ${operand.name}`),
    ...Object.entries(def.attrs).flatMap(([name, attr]) => (attr.doc ? [] : [`${def.name}: attribute ${name}`])),
  ]);
  assert.equal(gaps, []);
});

for (const [file, cases] of Object.entries(caseFiles)) {
  for (const opCase of cases) {
    const name = `${file}: ${caseName(opCase)}`;
    if (opCase.expect) test(name, () => checkResults(registry, opCase));
    if (registry.get(opCase.op)?.decompose) test(`${name}: decomposed`, () => checkDecomposition(registry, opCase));
    if (opCase.gradient) test(`${name}: against central differences`, () => checkGradients(registry, opCase));
  }
}

test.run();

function names(where: (def: OpDef) => boolean): readonly string[] {
  return coreOps.filter(where).map((def) => def.name);
}

/** Named axes say what an operand is; otherwise words must. */
function isDocumented({ doc, axes = [] }: OperandSpec): boolean {
  return Boolean(doc) || axes.some((axis) => axis !== "...");
}

function differentiable({ role, dtypes }: OperandSpec): boolean {
  return role !== "index" && (dtypes === undefined || (dtypes as readonly DType[]).some(isFloat));
}
