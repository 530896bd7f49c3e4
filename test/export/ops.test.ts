/** @file Every exported op in ONNX Runtime against its own reference function, and back through the importer. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exportedOps } from "../../compiler/export/index.ts";
import type { HostTensor } from "../../ir-spec/index.ts";
import { caseFiles } from "../ops/cases/index.ts";
import { opModule } from "../support/op-module.ts";
import { ort } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { type ExportCase, exportCases } from "./op-cases.ts";
import { assertRoundTrip, assertSameInOrt, moduleOf } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);

/** Ops that call functions or find out sizes: control.test.ts and dynamic.test.ts have their cases. */
const callsFunctions = (op: string): boolean => /^(control|dynamic)\./.test(op);

const inputsOf = (operands: ExportCase["operands"]) =>
  Object.fromEntries(operands.flatMap((operand, i) => (operand && !operand.constant ? [[`in${i}`, operand.tensor]] : [])));

exportCases.forEach(({ op, attrs = {}, operands, opset, tolerance = 1e-5 }, i) => {
  const types = operands.map((operand) =>
    operand ? `${[...operand.shape, operand.tensor.dtype].join("x")}${operand.constant ? " constant" : ""}` : "_",
  );
  const what = `${i}: ${op}(${types.join(", ")}) ${JSON.stringify(attrs)}${opset ? ` opset ${opset}` : ""}`;
  oracle(what, async () => {
    const module = opModule({ op, attrs, operands });
    const model = await assertSameInOrt(module, inputsOf(operands), what, opset ? { opset } : {}, tolerance);
    assertRoundTrip(module, model, inputsOf(operands), what, tolerance);
  });
});

const narrow = ["i2", "u2", "u1", "i4", "u4"] as const;
const bytes: HostTensor = { dtype: "i32", shape: [8], data: Int32Array.of(-9, -2, -1, 0, 1, 2, 7, 300) };
const floats: HostTensor = { dtype: "f32", shape: [8], data: Float32Array.of(-9, -2, -1.4, 0, 0.6, 2, 7, 300) };

for (const dtype of narrow) {
  const unpacked = dtype.startsWith("i") ? "i8" : "u8";
  for (const opset of [18, 21]) {
    oracle(`a cast to ${dtype} keeps the low bits, opset ${opset}`, async () => {
      const module = moduleOf(`func @main(%x: tensor<8xi32>) -> (y: tensor<8x${unpacked}>) {
        %c = type.cast(%x) {to = ${dtype}}
        %y = type.unpack(%c)
        return %y
      }`);
      await assertSameInOrt(module, { x: bytes }, dtype, { opset });
    });
  }
  if (dtype === "u1") continue;
  for (const opset of [17, 21]) {
    oracle(`values quantized to ${dtype} saturate, opset ${opset}`, async () => {
      const module = moduleOf(
        `func @main(%x: tensor<8xf32>) -> (y: tensor<8xf32>, q: tensor<8x${unpacked}>) {
          %c = quant.quantize(%x, @s, @z) {to = ${dtype}}
          %y = quant.dequantize(%c, @s, @z)
          %q = type.unpack(%c)
          return %y, %q
        }`,
        `const @s : tensor<f32> = 0.5\n const @z : tensor<${dtype}> = 1`,
      );
      await assertSameInOrt(module, { x: floats }, dtype, { opset });
    });
  }
}

test("every exported op has a case here, or in all-cases.test.ts", () => {
  const covered = new Set([...exportCases, ...Object.values(caseFiles).flat()].map((c) => c.op));
  assert.equal(
    exportedOps().filter((op) => !covered.has(op) && !callsFunctions(op)),
    [],
  );
});

test.run();
