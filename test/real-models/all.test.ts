/**
 * @file Every model of the data folder on real inputs, in several sizes where it takes them, on the reference interpreter and on wasm: whole outputs at most 1e-4 of ONNX
 * Runtime's largest magnitude away, or twice what ONNX Runtime differs from itself. What is measured is printed. With TERSOR_LONG=1 (`npm run test:models`) the reference runs the large inputs too.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasData } from "../support/data.ts";
import { ort, runOrt } from "../support/ort.ts";
import { type AnyModel, allModels, type Feeds } from "../support/real-inputs-all.ts";
import { need } from "../support/skip.ts";
import { unlessPending } from "./pending.ts";
import { compileModel, largestError, modelBytes, open, type Place, places, runOurs, runTheirs } from "./run-model.ts";

const TOLERANCE = 1e-4;
const long = process.env.TERSOR_LONG === "1";
const only = process.env.TERSOR_MODEL ?? "";

/** What ONNX Runtime differs by from itself, optimizations on and off: a network that lets rounding grow beyond the tolerance (PP-OCR's pruned map, 5e-4 at 320x416) cannot be nearer. */
async function ownError({ name, rebatched, oracle }: AnyModel, feeds: Feeds): Promise<number> {
  if (rebatched || oracle) return 0;
  const bytes = modelBytes(name);
  const error = largestError(await runOrt(bytes, feeds, "disabled"), await runOrt(bytes, feeds, "all"));
  process.stdout.write(`\n${name}: ONNX Runtime differs from itself by ${error.toExponential(1)}\n`);
  return error;
}

async function compareAll(model: AnyModel): Promise<void> {
  const cases = model.cases();
  const compiled = await compileModel(model, cases[0]?.feeds ?? {});
  const sessions = { reference: await open(compiled, "reference"), wasm: await open(compiled, "wasm") };
  for (const { kind, feeds, large } of cases) {
    const theirs = await runTheirs(model, feeds);
    for (const place of Object.keys(places) as Place[]) {
      if (place === "reference" && large && !long) continue;
      const error = largestError(await runOurs(sessions[place], compiled, feeds), theirs);
      process.stdout.write(
        `\n${model.name}, ${kind}, on ${place}: max rel ${error.toExponential(1)}${compiled.fixed.map((name) => `, ${name} fixed`).join("")}\n`,
      );
      if (error > TOLERANCE) assert.ok(error <= 2 * (await ownError(model, feeds)), `${kind} on ${place}: ${error}`);
    }
  }
  for (const session of Object.values(sessions)) session.dispose();
}

for (const model of allModels.filter(({ name }) => name.includes(only))) {
  const title = `${model.name}: outputs are ONNX Runtime's`;
  test(title, async () => {
    if (!need("data", hasData, title) || !need("ort", ort !== null, title)) return;
    await unlessPending(model.name, () => compareAll(model));
  });
}

test.run();
