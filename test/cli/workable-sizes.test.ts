/** @file Sizes that commands make up inputs with: the smallest that the requirements and every value allow. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { workableSizes } from "../../compiler/analysis/workable-sizes.ts";
import { readBody } from "../passes/support.ts";

const sizes = (text: string, given: Readonly<Record<string, number>> = {}) =>
  Object.fromEntries(workableSizes(readBody(text), new Map(Object.entries(given))));

test("sizes are 1 where nothing speaks against it", () => {
  assert.equal(sizes("func @main(%x: tensor<NxTx4xf32>) -> (y: tensor<NxTx4xf32>) { %y = math.relu(%x) return %y }"), { N: 1, T: 1 });
});

test("a window that does not fit, or leaves nothing, is avoided; the batch stays 1, on whatever axis", () => {
  const text = `func @main(%s: tensor<2xNx3xf32>, %x: tensor<Nx1xSxf32>) -> (y: tensor<Nx1x[(S + -9) / 4 + 1]xf32>, z: tensor<2xNx3xf32>) {
    %y = nn.max_pool(%x) {kernel = [9], stride = [4]}
    return %y, %s
  }`;
  assert.equal(sizes(text), { N: 1, S: 9 });
  assert.equal(sizes(text, { N: 3 }), { N: 3, S: 9 });
});

test("what is required of sizes holds", () => {
  const text = `func @main(%x: tensor<NxHxWxf32>) -> (y: tensor<NxHxWxf32>) require [H % 32] == [0] require [min(10, W)] == [10] {
    %y = math.relu(%x)
    return %y
  }`;
  assert.equal(sizes(text), { N: 1, H: 32, W: 10 });
  assert.equal(sizes(text, { W: 640 }), { N: 1, H: 32, W: 640 });
  assert.equal(sizes(text, { H: 5 }), { N: 1, H: 5, W: 1 }, "nothing on the list helps: 1");
});

test.run();
