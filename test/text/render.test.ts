/** @file How a diagnostic looks: place, code, line, caret, hint, notes; long lines are cut; columns count tabs as one. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderDiagnostics, Source } from "../../compiler/diagnostics/index.ts";
import { kitOps } from "../../compiler/testing/index.ts";
import { parseModule, readModule } from "../../compiler/text/index.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";

const registry = new OpRegistry([kitOps]);

function rendered(text: string): string {
  return renderDiagnostics(parseModule(text, { registry, file: "model.tir" }).problems, new Source(text, "model.tir"));
}

test("a type error: both values, the operand under the caret, its type and the ONNX node as notes", () => {
  const text = `tersor 1.0
module @m {
  func @f(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) -> () {
    %0 = kit.same(%x, %y) loc("model.onnx":"Add_7")
    return
  }
}
`;
  assert.is(
    rendered(text),
    `model.tir:4:23: error[E0312]: kit.same: axis 1 of x and like: 3 is not 4
    4 |     %0 = kit.same(%x, %y) loc("model.onnx":"Add_7")
      |                       ^^
note: model.tir:4:23: %y is tensor<2x4xf32>
note: from "model.onnx":"Add_7"`,
  );
});

test("a redefinition: hint and where it was first defined; tabs keep the caret in place", () => {
  const text =
    "tersor 1.0\nmodule @m {\n\tfunc @f(%image: tensor<f32>) -> () {\n\t\t%0 = kit.same(%imgae)\n\t\t%image = kit.same(%image)\n\t\treturn\n\t}\n}\n";
  assert.is(
    rendered(text),
    [
      "model.tir:4:17: error[E0203]: no value %imgae is defined before this",
      "    4 | \t\t%0 = kit.same(%imgae)",
      "      | \t\t              ^^^^^^ did you mean %image?",
      "model.tir:5:3: error[E0202]: %image is defined twice",
      "    5 | \t\t%image = kit.same(%image)",
      "      | \t\t^^^^^^",
      "note: model.tir:3:10: first defined here",
    ].join("\n"),
  );
});

test("a line of megabytes is cut around the caret", () => {
  const text = `tersor 1.0\nmodule @m {\n  const @a : tensor<100000xu8> = hex"${"00".repeat(100000)}" loc("x":-1)\n}\n`;
  const out = rendered(text);
  assert.ok(out.length < 600, `${out.length} characters`);
  const [, line = "", caret = ""] = out.split("\n");
  assert.is(line.slice(caret.indexOf("^"), caret.indexOf("^") + 2), "-1");
  assert.ok(line.includes("| ...0000"));
});

test("readModule throws with every problem, rendered", () => {
  const text = "tersor 1.0\nmodule @m {\n  const @a : tensor<i8> = 300\n  const @b : tensor<u1> = 2\n}\n";
  try {
    readModule(text, { registry, file: "a.tir" });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TersorError);
    if (!(error instanceof TersorError)) return;
    assert.equal(
      error.problems.map((p) => p.code),
      ["E0208", "E0208"],
    );
    assert.match(error.message, "a.tir:3:27: error[E0208]: 300 is no i8\n    3 |   const @a");
    assert.match(error.message, "a.tir:4:27: error[E0208]: 2 is no u1");
  }
});

test("the end of the text, and nothing at all", () => {
  assert.match(rendered(""), 'model.tir:1:1: error[E0104]: expected "tersor", found the end of the text');
  assert.match(rendered("tersor 1.0\nmodule @m {\n"), /model.tir:2:11: error\[E0104\]: expected meta, .* found the end/);
});

test("hostile nesting is an error, not a crash", () => {
  for (const open of ["[", "{a = "]) {
    const text = `tersor 1.0\nmodule @m {\n  meta { a = ${open.repeat(50_000)}`;
    const { problems } = parseModule(text, { registry });
    assert.is(problems[0]?.code, "E0106");
  }
  const dims = `tersor 1.0\nmodule @m {\n  func @f(%x: tensor<[${"(".repeat(50_000)}N]xf32>) -> () { return }\n}`;
  assert.is(parseModule(dims, { registry }).problems[0]?.code, "E0107");
});

test.run();
