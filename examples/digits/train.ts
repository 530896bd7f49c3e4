/**
 * @file Trains the bundled digit network from a seed and writes `digits-cnn.tir` and `digits-cnn.bin`: about ten minutes on one core.
 *
 * node --import tsx examples/digits/train.ts [--out FOLDER]
 *
 * Every sum is in a fixed order and the data, the shuffling and the starting weights come from seeds, so one engine gives the same bytes each
 * time. What another engine may round otherwise are `Math.exp` and `Math.log` in the loss (ECMAScript leaves their last bits open).
 */
import { mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { digits } from "../../compiler/data/digits/digits.ts";
import { accuracy, cosine, initialize, sgd, type TrainProgress, train } from "../../compiler/train/index.ts";
import { attr, createCoreRegistry, type Module } from "../../ir-spec/index.ts";
import { writeDigitsModel } from "./files.ts";
import { digitsNetwork } from "./network.ts";

const SEED = 1;
const EPOCHS = 8;
const BATCH = 64;
const RATE = 0.05;
const COUNTS = { train: 24_000, validation: 2_000, test: 10_000 } as const;

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
  return { ...module, meta };
}

const { values } = parseArgs({ options: { out: { type: "string" } } });
const registry = createCoreRegistry();
const validation = digits({ split: "validation", count: COUNTS.validation });
const score = async (module: Module, epoch: number): Promise<number> => {
  const value = await accuracy(module, registry, validation);
  console.log(`\repoch ${epoch}: ${percent(value)} of ${validation.count} validation digits`.padEnd(79));
  return value;
};

const { module } = await train({
  module: initialize(digitsNetwork(registry), registry, SEED),
  registry,
  data: digits({ split: "train", count: COUNTS.train }),
  epochs: EPOCHS,
  batch: BATCH,
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
  learningRate: cosine(RATE, { warmup: 100 }),
  seed: SEED,
  onProgress: showProgress,
  onEpoch: score,
});

const top1 = await accuracy(module, registry, digits({ split: "test", count: COUNTS.test }));
console.log(`test: ${percent(top1)} of ${COUNTS.test} digits`);
if (values.out !== undefined) mkdirSync(values.out, { recursive: true });
const { tir, bin } = writeDigitsModel(labelled(module), ...(values.out === undefined ? [] : [pathToFileURL(`${values.out}/`)]));
console.log(`wrote digits-cnn.tir (${tir} bytes) and digits-cnn.bin (${bin} bytes)`);
