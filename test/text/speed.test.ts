/** @file 20,000 ops of text: parse well under two seconds (printed); the bound here only catches an accident of complexity. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kitOps } from "../../compiler/testing/index.ts";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/index.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";

const registry = new OpRegistry([kitOps]);

function text(ops: number): string {
  const lines = ["tersor 1.0", "", "module @big {", "  func @main(%x: tensor<Nx64xf32>) -> (y: tensor<Nx64xf32>) {"];
  for (let i = 0; i < ops; i++) {
    const note = i % 3 === 0 ? ' {note.a = [1, 2, 3], note.b = "text"}' : "";
    lines.push(`    %${i} = kit.same(${i === 0 ? "%x" : `%${i - 1}`}, %x)${note} : tensor<Nx64xf32> loc("model.onnx":"Node_${i}")`);
  }
  return [...lines, `    return %${ops - 1}`, "  }", "}", ""].join("\n");
}

test("20,000 ops parse, print and verify", () => {
  const source = text(20_000);
  const start = performance.now();
  const module = readModule(source, { registry });
  const parsed = performance.now();
  const printed = printModule(module);
  const done = performance.now();
  const problems = verifyModule(module, registry);
  const verified = performance.now();
  const ms = (a: number, b: number) => `${Math.round(b - a)} ms`;
  console.log(`20,000 ops: parse ${ms(start, parsed)}, print ${ms(parsed, done)}, verify ${ms(done, verified)}`);
  assert.ok(printed === source);
  assert.equal(problems, []);
  assert.ok(parsed - start < 10_000);
});

test.run();
