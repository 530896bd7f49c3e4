/**
 * @file Trains the bundled digit network from a seed and writes `lenet5.tir` and `lenet5.bin`: 1,250 steps of about half a second on one core. Sparsity is trained in: a proximal
 * L1 step beside the weight decay sets the weights to zero that the loss does not defend, so that pruning afterwards costs little.
 *
 * node --import tsx examples/digits/train.ts [--out FOLDER]
 *
 * Every sum is in a fixed order and the data, the shuffling and the starting weights come from seeds, so one engine gives the same bytes each
 * time. What another engine may round otherwise are `Math.exp` and `Math.log` in the loss (ECMAScript leaves their last bits open).
 */
import { mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { digits, digitsPreprocessing } from "../../compiler/data/digits/digits.ts";
import { declaredPreprocessing, withPreprocessing } from "../../compiler/emit/preprocessing.ts";
import { accuracy, cosine, initialize, sgd, type TrainProgress, train } from "../../compiler/train/index.ts";
import { attr, createCoreRegistry, evaluateConstant, type Module, toNumbers } from "../../ir-spec/index.ts";
import { writeDigitsModel } from "./files.ts";
import { digitsNetwork } from "./network.ts";

const SEED = 1;
const EPOCHS = 5;
const BATCH = 64;
const RATE = 0.05;
/** With momentum 0.9 a weight has to lower the mean loss by 2e-4 per unit to stay. */
const L1 = 2e-3;
const COUNTS = { train: 16_000, validation: 2_000, test: 10_000 } as const;

const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;

function showProgress({ epoch, epochs, step, steps, loss, secondsLeft }: TrainProgress): void {
  const line = `epoch ${epoch}/${epochs}  step ${step}/${steps}  loss ${loss.toFixed(4)}  ${Math.ceil(secondsLeft)} s left`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line.padEnd(78)}`);
  else if (step % 100 === 0) console.log(line);
}

function labelled(module: Module): Module {
  const meta = new Map([
    ["producer", attr.string("examples/digits/train.ts")],
    ["data", attr.string(`digits:train:${COUNTS.train}`)],
    ["seed", attr.int(SEED)],
  ]);
  return withPreprocessing({ ...module, meta }, declaredPreprocessing(module, digitsPreprocessing, "digits"));
}

const { values } = parseArgs({ options: { out: { type: "string" } } });
const registry = createCoreRegistry();
const validation = digits({ split: "validation", count: COUNTS.validation });
/** Part of the weights that are zero. */
function sparsity(module: Module): number {
  const weights = [...module.constants.values()].filter(({ type }) => type.shape.length > 1);
  const values = weights.flatMap(({ name }) => toNumbers(evaluateConstant(module, registry, name)));
  return values.filter((value) => value === 0).length / values.length;
}

/** Looks on and returns no score: the last epoch is kept, since an early one of equal accuracy is not sparse yet. */
async function showEpoch(module: Module, epoch: number): Promise<null> {
  const value = percent(await accuracy(module, registry, validation));
  console.log(`\repoch ${epoch}: ${value} of ${validation.count} validation digits, ${percent(sparsity(module))} of the weights are zero`);
  return null;
}

const { module } = await train({
  module: initialize(digitsNetwork(registry), registry, SEED),
  registry,
  data: digits({ split: "train", count: COUNTS.train }),
  epochs: EPOCHS,
  batch: BATCH,
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-4, l1: L1 }),
  learningRate: cosine(RATE, { warmup: 100 }),
  seed: SEED,
  onProgress: showProgress,
  onEpoch: showEpoch,
});

const top1 = await accuracy(module, registry, digits({ split: "test", count: COUNTS.test }));
console.log(`test: ${percent(top1)} of ${COUNTS.test} digits`);
if (values.out !== undefined) mkdirSync(values.out, { recursive: true });
const { tir, bin } = writeDigitsModel(labelled(module), ...(values.out === undefined ? [] : [pathToFileURL(`${values.out}/`)]));
console.log(`wrote lenet5.tir (${tir} bytes) and lenet5.bin (${bin} bytes)`);
