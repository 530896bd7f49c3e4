/** @file The training loop on a toy problem: it learns, the same seed gives the same bits, and it says clearly what does not fit. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { printModule } from "../../compiler/text/index.ts";
import { accuracy, adam, constantRate, cosine, sgd, type TrainOptions, type TrainProgress, train } from "../../compiler/train/index.ts";
import { TersorError } from "../../ir-spec/index.ts";
import { registry } from "../autodiff/support.ts";
import { clouds, startingNetwork } from "./support.ts";

const start = startingNetwork();

const options = (more: Partial<TrainOptions> = {}): TrainOptions => ({
  module: start,
  registry,
  data: clouds(120),
  epochs: 6,
  batch: 16,
  optimizer: sgd({ momentum: 0.9 }),
  learningRate: cosine(0.1),
  seed: 11,
  ...more,
});

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    if (error instanceof TersorError) return error.code;
    throw error;
  }
  return "none";
}

test("it learns, and the same seed gives the same bits", async () => {
  const before = start;
  const [first, second] = [await train(options()), await train(options())];
  const losses = first.history.map((record) => record.loss);
  assert.ok((losses[5] as number) < 0.4 * (losses[0] as number), `losses ${losses.join(" ")}`);
  const unseen = clouds(150, 99);
  const [untrained, trained] = [await accuracy(before, registry, unseen), await accuracy(first.module, registry, unseen)];
  assert.ok(trained > 0.93 && trained > untrained, `${untrained} before, ${trained} after`);
  assert.is(printModule(first.module), printModule(second.module));
  assert.equal(first.history, second.history);
});

test("another seed is another order and gives other bits", async () => {
  const [first, second] = [await train(options({ epochs: 1 })), await train(options({ epochs: 1, seed: 12 }))];
  assert.is.not(printModule(first.module), printModule(second.module));
});

test("the function, its names and what is not a leaf stay as they were", async () => {
  const before = start;
  const { module } = await train(options({ epochs: 1 }));
  assert.is(module.functions, before.functions);
  assert.equal([...module.constants.keys()], [...before.constants.keys()]);
});

test("only the leaves asked for change", async () => {
  const before = start;
  const { module } = await train(options({ epochs: 1, leaves: ["b.w"], optimizer: adam(), learningRate: constantRate(0.01) }));
  assert.is(module.constants.get("a.w"), before.constants.get("a.w"));
  assert.is.not(module.constants.get("b.w"), before.constants.get("b.w"));
});

test("progress counts every step and foresees the end", async () => {
  const seen: TrainProgress[] = [];
  let clock = 0;
  await train(options({ epochs: 2, onProgress: (p) => seen.push(p), now: () => (clock += 500) }));
  assert.is(seen.length, 16);
  assert.equal(seen.at(-1)?.step, 16);
  assert.equal(seen.at(-1)?.epoch, 2);
  assert.is(seen.at(-1)?.secondsLeft, 0);
  assert.is(seen[7]?.secondsLeft, 4, "half a second a step, eight to go");
});

test("the best epoch by score is kept, the first of equals", async () => {
  const scores = [0.1, 0.7, 0.7, 0.2];
  const texts: string[] = [];
  const { module, history } = await train(
    options({
      epochs: 4,
      onEpoch: (now, epoch) => {
        texts.push(printModule(now));
        return scores[epoch - 1] ?? 0;
      },
    }),
  );
  assert.equal(
    history.map((record) => record.score),
    scores,
  );
  assert.is(printModule(module), texts[1]);
});

test("without scores the last epoch is kept, and onEpoch saw the module that is returned", async () => {
  const seen: string[] = [];
  const looked = (module: TrainOptions["module"]): null => {
    seen.push(printModule(module));
    return null;
  };
  const { module, history } = await train(options({ epochs: 3, onEpoch: looked }));
  assert.is(printModule(module), seen[2]);
  assert.is.not(seen[2], seen[1]);
  assert.equal(
    history.map(({ score }) => score),
    [null, null, null],
  );
  assert.is(printModule((await train(options({ epochs: 3 }))).module), seen[2]);
});

test("a fixed batch leaves the short rest out; another batch size is refused", async () => {
  const steps: number[] = [];
  const fixed = startingNetwork(1, "16");
  await train(options({ module: fixed, epochs: 1, onProgress: (p) => steps.push(p.step) }));
  assert.is(steps.length, 7);
  assert.is(await codeOf(train(options({ module: fixed, batch: 10 }))), "E0907");
  assert.is(await codeOf(train(options({ module: fixed, data: clouds(15) }))), "E0907");
});

test("data that does not fit, a loss that diverges, no epochs", async () => {
  const wide = { ...clouds(20), inputs: { point: { dtype: "f32", shape: [3] } } } as const;
  assert.is(await codeOf(train(options({ data: wide }))), "E0907");
  assert.is(await codeOf(train(options({ data: clouds(0) }))), "E0907");
  assert.is(await codeOf(train(options({ learningRate: constantRate(1e30) }))), "E0908");
  assert.is(await codeOf(train(options({ scores: "logits" }))), "E0904");
  await train(options({ epochs: 0 })).then(
    () => assert.unreachable("no epochs"),
    (error) => assert.instance(error, RangeError),
  );
});

test("an aborted run ends with the reason", async () => {
  const controller = new AbortController();
  const run = train(options({ signal: controller.signal, onProgress: ({ step }) => step === 3 && controller.abort(new Error("enough")) }));
  await run.then(
    () => assert.unreachable("it was aborted"),
    (error) => assert.is((error as Error).message, "enough"),
  );
});

test.run();
