/** @file i64 as i32 where a range analysis proves it: the same answers, the function's type kept, and refusals that say why. The analysis: every value lies in its interval. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConstantRanges, rangesOf } from "../../compiler/analysis/ranges.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { narrowIntegers } from "../../compiler/lower/narrow-integers.ts";
import { planFor } from "../../compiler/lower/plan.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, type HostTensor, type Module, mainFunction, TersorError, valueInfo } from "../../ir-spec/index.ts";

const registry = createCoreRegistry();
const targetNamed = (name: string) => {
  const target = builtinTargets.find((t) => t.name === name);
  if (!target) throw new Error(`no target ${name}`);
  return target;
};

const moduleOf = (params: string, results: string, body: string, constants = "") =>
  readModule(`tersor 1.0\n\nmodule @m {\n  func @main(${params}) -> (${results}) {\n${body}\n  }\n${constants}}\n`, { registry });

const integers = (values: readonly number[], shape: readonly number[] = [values.length]): HostTensor => ({
  dtype: "i64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});
const floats = (values: readonly number[], shape: readonly number[]): HostTensor => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});

function same(module: Module, inputs: Readonly<Record<string, HostTensor>>): void {
  const [before, after] = [module, narrowIntegers(module, registry)].map((m) => interpret(m, registry, inputs).outputs);
  assert.equal(after, before);
}

const dtypesIn = (module: Module) =>
  new Set(mainFunction(module).ops.flatMap((op) => op.results.map((id) => valueInfo(mainFunction(module), id).type.dtype)));

test("ids of tokens: the table is read by i32, the input is checked for the table's size, and the type of main stays", () => {
  const module = moduleOf(
    "%ids: tensor<NxTxi64>",
    "y: tensor<NxTx4xf32>",
    "    %y = shape.gather(%0, %ids) {axis = 0}\n    return %y".replace("%0", "@table"),
    `  const @table : tensor<10x4xf32> = [${Array.from({ length: 40 }, (_, i) => `${i}.5`).join(", ")}]\n`,
  );
  const narrow = narrowIntegers(module, registry);
  assert.match(printModule(narrow), /type\.cast\(%ids\) \{to = i32, narrow\.checked = \[-10, 9\]\}/);
  assert.match(printModule(narrow), /func @main\(%ids: tensor<NxTxi64>\)/);
  same(module, { ids: integers([0, 9, -1, -10], [2, 2]) });
});

test("an input with other uses may hold any i32", () => {
  const module = moduleOf(
    "%n: tensor<3xi64>",
    "y: tensor<3xf32>",
    "    %0 = math.max(%n, @five)\n    %y = type.cast(%0) {to = f32}\n    return %y",
    "  const @five : tensor<i64> = 5\n",
  );
  assert.match(printModule(narrowIntegers(module, registry)), /narrow\.checked = \[-2147483648, 2147483647\]/);
  same(module, { n: integers([-7, 3, 90]) });
});

test("argmax, arithmetic on it, comparison and a result of i64", () => {
  const module = moduleOf(
    "%x: tensor<Nx7xf32>",
    "which: tensor<Nxi64>, last: tensor<Nxbool>",
    "    %0 = reduce.argmax(%x) {axis = 1}\n    %1 = math.mul(%0, @three)\n    %which = math.sub(%1, @three)\n    %last = math.equal(%which, @fifteen)\n    return %which, %last",
    "  const @three : tensor<i64> = 3\n  const @fifteen : tensor<i64> = 15\n",
  );
  const narrow = narrowIntegers(module, registry);
  assert.equal(
    mainFunction(narrow)
      .ops.filter((op) => op.results.some((id) => valueInfo(mainFunction(narrow), id).type.dtype === "i64"))
      .map(({ name }) => name),
    ["reduce.argmax", "type.cast"],
    "only what makes i64 by definition, and the cast to the function's result",
  );
  same(module, { x: floats([0, 1, 2, 9, 4, 5, 6, 9, 1, 2, 3, 4, 5, 6], [2, 7]) });
});

test("floats to integers of 64 bits are unknown: refused by name, with what may be in them", () => {
  const module = moduleOf(
    "%x: tensor<3xf32>",
    "y: tensor<3xf32>",
    "    %0 = type.cast(%x) {to = i64}\n    %1 = math.add(%0, %0)\n    %y = type.cast(%1) {to = f32}\n    return %y",
  );
  assert.is(printModule(narrowIntegers(module, registry)), printModule(module));
  assert.throws(
    () => planFor(module, targetNamed("webgpu"), registry),
    (error: Error) =>
      error instanceof TersorError &&
      error.problems.length === 3 &&
      /E0801.*math\.add.*its operand may hold -9223372036854775808 to 9223372036854775807, and the target has no integers beyond -2147483648/.test(
        error.message,
      ),
  );
  assert.is(planFor(module, targetNamed("webgpu"), registry, { fallback: targetNamed("wasm-simd") }).placed.length, 3);
});

test("a sum that may leave 32 bits is refused though its operands fit", () => {
  const module = moduleOf("%n: tensor<3xi64>", "y: tensor<3xi64>", "    %y = math.add(%n, %n)\n    return %y");
  assert.throws(
    () => planFor(module, targetNamed("webgpu"), registry),
    /E0801.*math\.add.*its result %y may hold -4294967296 to 4294967294/,
  );
});

test("other targets keep 64 bits", () => {
  const module = moduleOf("%n: tensor<3xi64>", "y: tensor<3xf32>", "    %y = type.cast(%n) {to = f32}\n    return %y");
  assert.not.match(printModule(planFor(module, targetNamed("wasm-simd"), registry).module), /i32/);
});

test("a body without i64 is the same object", () => {
  const module = moduleOf("%n: tensor<3xf32>", "y: tensor<3xf32>", "    %y = math.relu(%n)\n    return %y");
  assert.is(narrowIntegers(module, registry), module);
});

/** Bodies of i64 arithmetic over an input that is a truth value, so that ranges stay near. */
const steps = ["math.add", "math.sub", "math.mul", "math.min", "math.max", "math.div", "math.mod", "math.fmod"] as const;
const bodies = fc.array(fc.tuple(fc.constantFrom(...steps), fc.nat(30), fc.nat(30)), { minLength: 1, maxLength: 10 });

function random(picks: readonly (readonly [string, number, number])[], constants: readonly number[]): Module {
  const names = ["%n", "@c0", "@c1", "@c2"];
  const lines = picks.map(([op, a, b], i) => {
    const line = `    %v${i} = ${op}(${i === 0 ? "%n" : names[a % names.length]}, ${names[b % names.length]})`;
    names.push(`%v${i}`);
    return line;
  });
  const results = picks.map((_, i) => `r${i}: tensor<4xi64>`).join(", ");
  const text = [`    %n = type.cast(%b) {to = i64}`, ...lines, `    return ${picks.map((_, i) => `%v${i}`).join(", ")}`].join("\n");
  const defined = constants.map((value, i) => `  const @c${i} : tensor<4xi64> = [${[value, -value, value >> 3, 7].join(", ")}]\n`).join("");
  return moduleOf("%b: tensor<4xi8>", results, text, defined);
}

const inputs = { b: { dtype: "i8", shape: [4], data: Int8Array.of(-128, 127, 0, 3) } } as const;

test("random arithmetic: narrowed or not, the same answers; every value in its interval", () => {
  let narrowed = 0;
  fc.assert(
    fc.property(bodies, fc.array(fc.integer({ min: -70000, max: 70000 }), { minLength: 3, maxLength: 3 }), (picks, constants) => {
      const module = random(picks, constants);
      same(module, inputs);
      if (dtypesIn(narrowIntegers(module, registry)).has("i32")) narrowed++;
      const func = mainFunction(module);
      const ranges = rangesOf(module, registry, func, new ConstantRanges(module, registry));
      const { outputs } = interpret(module, registry, inputs);
      func.returns.forEach((operand, i) => {
        const range = ranges.get(operand as number);
        for (const value of outputs[`r${i}`]?.data ?? [])
          assert.ok(range && BigInt(value) >= range.min && BigInt(value) <= range.max, `${value} of ${range?.min} to ${range?.max}`);
      });
    }),
    { seed: 11, numRuns: 300 },
  );
  assert.ok(narrowed > 100, `${narrowed} of 300 bodies were narrowed`);
});

test.run();
