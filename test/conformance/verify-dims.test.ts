/** @file `tersor verify --dim`: several sizes at once, each beside ONNX Runtime. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dimChoices, verify } from "../../compiler/cli/commands/verify.ts";
import { encodeModel, FLOAT, node, value } from "../import/model.ts";
import { ort } from "../support/ort.ts";
import { need } from "../support/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "tersor-verify-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("every combination of the sizes, in order", () => {
  assert.equal(dimChoices([]), [[]]);
  assert.equal(dimChoices(["N=2"]), [["N=2"]]);
  assert.equal(dimChoices(["N=1,4", "H=8,16"]), [
    ["N=1", "H=8"],
    ["N=1", "H=16"],
    ["N=4", "H=8"],
    ["N=4", "H=16"],
  ]);
  assert.equal(dimChoices(["nonsense"]), [["nonsense"]]);
});

test("outputs of every size are compared", async () => {
  if (!need("ort", ort !== null, "verify with several sizes")) return;
  const model = join(folder, "dynamic.onnx");
  const ports = { inputs: [value("x", FLOAT, ["n", 3])], outputs: [value("y", FLOAT, ["n", 3])] };
  writeFileSync(model, encodeModel({ opset: 13, nodes: [node("Softmax", "x", "y", { axis: 1 })], ...ports }));
  const report = await verify(model, { backend: "wasm", input: [], seed: "1", dim: ["N=1,5"], tolerance: "1e-4" });
  assert.equal(
    report.outputs.map(({ name, shape }) => [name, [...shape]]),
    [
      ["y", [1, 3]],
      ["y", [5, 3]],
    ],
  );
  assert.ok(report.ok && report.maxRel < 1e-6);
});

test.run();
