/**
 * @file Accuracy of the committed network on all 10,000 test digits, by the interpreter: the number that the README gives.
 *
 * node --import tsx examples/digits/evaluate.ts
 */

import { digits } from "../../compiler/data/digits/digits.ts";
import { accuracy } from "../../compiler/train/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { readDigitsModel } from "./files.ts";

const registry = createCoreRegistry();
const test = digits({ split: "test", count: 10_000 });
const top1 = await accuracy(readDigitsModel(registry), registry, test, {
  onProgress: (part) => process.stdout.isTTY && process.stdout.write(`\r${Math.round(100 * part)} %`),
});
console.log(`${process.stdout.isTTY ? "\r" : ""}top-1 ${(100 * top1).toFixed(2)} % of ${test.count} test digits`);
