/** @file The committed digit network: its form, and its accuracy on the first 500 test digits. `examples/digits/evaluate.ts` reads all 10,000. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { digits } from "../../compiler/data/digits/digits.ts";
import { printModule } from "../../compiler/text/index.ts";
import { accuracy, initialize } from "../../compiler/train/index.ts";
import { readDigitsModel } from "../../examples/digits/files.ts";
import { digitsNetwork } from "../../examples/digits/network.ts";
import { elementCount, evaluateConstant, toNumbers } from "../../ir-spec/index.ts";
import { registry } from "../autodiff/support.ts";

const model = readDigitsModel(registry);
const test500 = digits({ split: "test", count: 500 });

test("it is the network that the script trains, with its names and 431,080 weights and the scale", () => {
  const network = digitsNetwork(registry);
  const functions = (module: typeof model) => printModule({ ...module, meta: null, resources: new Map(), constants: new Map() });
  assert.is(functions(model), functions(network));
  const counts = [...model.constants.values()].map((constant) => Number(elementCount(constant.type)));
  assert.is(
    counts.reduce((sum, n) => sum + n, 0),
    431_081,
  );
});

test("its sparsity is trained in: most weights of fc1 are zero", () => {
  const values = toNumbers(evaluateConstant(model, registry, "fc1.weight"));
  assert.ok(values.filter((value) => value === 0).length > values.length / 2);
});

test("at least 98.6 % of the first 500 test digits, which no untrained network reaches", async () => {
  const top1 = await accuracy(model, registry, test500);
  assert.ok(top1 >= 0.986, `${top1}`);
  const untrained = await accuracy(initialize(digitsNetwork(registry), registry, 1), registry, test500);
  assert.ok(untrained < 0.5, `${untrained}`);
});

test.run();
