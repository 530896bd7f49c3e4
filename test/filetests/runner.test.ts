/** @file The filetest runner itself: it must fail where a test is wrong. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type FileTestTools, kitOps, runFileTest } from "../../compiler/testing/index.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";

const tools: FileTestTools = {
  registry: new OpRegistry([kitOps]),
  async runPipeline(module, pipeline) {
    if (pipeline === "nothing") return module;
    if (pipeline === "rename{to=b}") return { ...module, name: "b" };
    throw new TersorError({ code: "E0601", message: `no pass "${pipeline}"` });
  },
};

const body =
  "tersor 1.0\nmodule @m {\n  func @f(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {\n    %0 = kit.same(%x)\n    %1 = kit.same(%0)\n    return %1\n  }\n}\n";
const failuresOf = async (text: string) => (await runFileTest(text, "t.tir", tools)).failures;

const cases: readonly [string, string, readonly (string | RegExp)[]][] = [
  [
    "a sound test",
    `// RUN: print\n// CHECK: %0 = kit.same(%x)\n// CHECK-NEXT: %1 = kit.same(%0) : {{tensor<.*>}}\n// CHECK-NOT: kit\n${body}`,
    [],
  ],
  ["CHECK that is not there", `// RUN: print\n// CHECK: %7 = kit.same\n${body}`, [/line 2: CHECK: %7 = kit.same\n {2}not found from here/]],
  ["CHECK in the wrong order", `// RUN: print\n// CHECK: %1 =\n// CHECK: %0 =\n${body}`, [/line 3: CHECK: %0 =/]],
  [
    "CHECK-NEXT that is not next",
    `// RUN: print\n// CHECK: func\n// CHECK-NEXT: %1 =\n${body}`,
    [/line 3: CHECK-NEXT: %1 =\n {2}not found on the next line/],
  ],
  [
    "CHECK-NOT that is there, to the end",
    `// RUN: print\n// CHECK: %0\n// CHECK-NOT: %1 =\n${body}`,
    [/line 3: CHECK-NOT: %1 =\n {2}but there is: %1 = kit.same/],
  ],
  ["CHECK-NOT between two", `// RUN: print\n// CHECK: func\n// CHECK-NOT: %0 =\n// CHECK: %1 =\n${body}`, [/line 3: CHECK-NOT/]],
  ["CHECK-NOT only between", `// RUN: print\n// CHECK: func\n// CHECK-NOT: return\n// CHECK: %1 =\n// CHECK: return\n${body}`, []],
  ["an error that nobody expects", `// RUN: parse\n${body.replace("(%0)", "(%9)")}`, [/line 6:19: not expected: E0203: no value %9/]],
  [
    "an error that does not come",
    body.replace("(%0)", "(%0) // expected-error {{E0203}}"),
    [/line 5: expected on line 5, not reported: E0203/],
  ],
  [
    "an error on another line",
    `// expected-error@+2 {{E0203}}\n${body.replace("(%0)", "(%9)")}`,
    [/line 6:19: not expected/, /line 1: expected on line 3, not reported/],
  ],
  ["an error in another column", body.replace("(%0)", "(%9) // expected-error:20 {{E0203}}"), [/not expected/, /expected on line 5:20/]],
  ["an error with other words", body.replace("(%0)", "(%9) // expected-error {{E0202}}"), [/not expected/, /not reported: E0202/]],
  ["the expected error", body.replace("(%0)", "(%9) // expected-error:19 {{no value %9}}"), []],
  ["two errors, one expected", body.replace("(%0)", "(%9, %8) // expected-error {{no value}}"), [/not expected: E0203: no value %8/]],
  ["no expectation at all", body, [/no RUN line/]],
  ["an unknown command", `// RUN: prnit\n${body}`, [/line 1: "prnit" is none of: parse, verify, print/]],
  ["an expectation without text", `// expected-error E0203\n${body}`, [/line 1: expected-error needs/]],
  ["a pipeline", `// RUN: opt --pipeline "rename{to=b}"\n// CHECK: module @b\n${body}`, []],
  ["a pipeline that changes nothing", `// RUN: opt --pipeline nothing\n// CHECK: module @b\n${body}`, [/CHECK: module @b/]],
  ["a failing pipeline", `// RUN: opt --pipeline "oops"\n${body}`, [/line \?:\?: not expected: E0601: no pass "oops"/]],
  ["a pipeline's expected failure", `// RUN: opt --pipeline "oops"\n// expected-error {{no pass "oops"}}\n${body}`, []],
  [
    "parts: places count from the file's start",
    `// RUN: print\n// CHECK: module @m\n${body}// -----\n// CHECK: module @x\n${body}`,
    [/line 12: CHECK: module @x/],
  ],
  ["a run line without tolerance", `// run: @f([1.0, 2.0]) ~= [1.0, 2.0]\n${body}`, [/line 1: "~=" needs "within"/]],
  ["a run line that is none", `// run: f(1)\n${body}`, [/line 1: a run line is @f\(inputs\)/]],
];

for (const [name, text, expected] of cases) {
  test(name, async () => {
    const failures = await failuresOf(text);
    assert.is(failures.length, expected.length, failures.join("\n"));
    expected.forEach((pattern, i) => {
      assert.match(failures[i] ?? "", pattern);
    });
  });
}

test("run lines whose engine is not given are told as skipped", async () => {
  const report = await runFileTest(`// run: @f([1.0, 2.0]) == [1.0, 2.0] on wasm\n${body}`, "t.tir", tools);
  assert.equal(report.failures, []);
  assert.equal(report.skipped, ["line 1: wasm"]);
});

test.run();
