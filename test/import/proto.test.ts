/** @file The generated protobuf code is what the generator makes of onnx.proto. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { toBigInt, toNumber } from "../../compiler/import/onnx/int64.ts";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { generate } from "../../scripts/gen-proto.mjs";
import { ROOT } from "../support/data.ts";

test("the committed files are up to date: npm run gen", async () => {
  for (const [name, text] of Object.entries(await generate())) {
    assert.is(readFileSync(join(ROOT, "compiler/import/onnx/proto/gen", name), "utf8"), text, name);
  }
});

test("64-bit integers are exact as bigints and saturate as numbers", () => {
  const max = 2n ** 63n - 1n;
  const bytes = onnx.TensorProto.encode({
    int64Data: [
      { low: -1, high: 0x7fffffff, unsigned: false },
      { low: -2, high: -1, unsigned: false },
    ],
  }).finish();
  const { int64Data } = onnx.TensorProto.decode(bytes);
  assert.equal(int64Data.map(toBigInt), [max, -2n]);
  assert.equal(int64Data.map(toNumber), [Number.MAX_SAFE_INTEGER, -2]);
});

test("every data type of the format is named", () => {
  const proto = readFileSync(join(ROOT, "compiler/import/onnx/proto/onnx.proto"), "utf8");
  const body = /enum DataType \{([^}]*)\}/.exec(proto)?.[1] ?? "";
  const codes = [...body.matchAll(/= (\d+);/g)].map((m) => Number(m[1]));
  assert.equal(
    codes,
    Array.from({ length: 27 }, (_, i) => i),
  );
});

test.run();
