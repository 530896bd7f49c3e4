/**
 * @file Every model of the data folder, exported: ONNX Runtime gives for the export what it gives for the original, whole outputs on real inputs in several sizes, at most 1e-4 of the largest
 * magnitude away, or twice what ONNX Runtime differs from itself; and the export, imported again, is the module up to canonicalization and names.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importFor } from "../../compiler/conformance/specialize.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { preparePipeline } from "../../compiler/index.ts";
import { type Module, mainFunction } from "../../ir-spec/index.ts";
import { run } from "../passes/support.ts";
import { largestError, modelBytes, runTheirs } from "../real-models/run-model.ts";
import { hasData } from "../support/data.ts";
import { openOrt, ort, runOrt } from "../support/ort.ts";
import { type AnyModel, allModels, type Feeds } from "../support/real-inputs-all.ts";
import { need } from "../support/skip.ts";
import { normalText, withPlainConstants } from "./normal-text.ts";
import { exported, registry } from "./support.ts";

const TOLERANCE = 1e-4;
const only = process.env.TERSOR_MODEL ?? "";

/** With what decides shapes compiled in, as `tersor check` proposes it; the batch stays open where the file fixes it at 1. */
function imported({ name, rebatched }: AnyModel, feeds: Feeds): Module {
  const bytes = modelBytes(name);
  return rebatched ? importOnnx(bytes, { registry, dynamicBatch: true }) : importFor(bytes, registry, feeds).module;
}

const canonical = async (module: Module): Promise<Module> => (await run(module, preparePipeline)).module;

/** What ONNX Runtime differs by from itself, optimizations on and off: PP-OCR's pruned map lets rounding grow to 5e-4. */
async function ownError({ name, rebatched, oracle }: AnyModel, feeds: Feeds): Promise<number> {
  if (rebatched || oracle) return 0;
  const bytes = modelBytes(name);
  return largestError(await runOrt(bytes, feeds, "disabled"), await runOrt(bytes, feeds, "all"));
}

async function compare(model: AnyModel): Promise<void> {
  const cases = model.cases();
  const module = imported(model, cases[0]?.feeds ?? {});
  const { params, values } = mainFunction(module);
  const names = params.map((id) => values[id]?.name ?? "");
  const session = await openOrt(exported(module), "all");
  for (const { kind, feeds } of cases) {
    const got = await session.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name))));
    const error = largestError(got, await runTheirs(model, feeds));
    process.stdout.write(`\n${model.name}, ${kind}, exported: max rel ${error.toExponential(1)}\n`);
    if (error > TOLERANCE) assert.ok(error <= 2 * (await ownError(model, feeds)), `${kind}: ${error}`);
  }
  await session.release();
}

/** What a module requires of sizes is not in the export: what its ops imply comes back, the rest is lost. */
function textAndConditions(module: Module): { readonly text: string; readonly conditions: readonly string[] } {
  const lines = normalText(withPlainConstants(module)).split("\n");
  const isCondition = (line: string) => line.trimStart().startsWith("require ");
  return {
    text: lines
      .filter((line) => !isCondition(line) && line.trim() !== "{")
      .join("\n")
      .replaceAll(") {\n", ")\n"),
    conditions: lines.filter(isCondition),
  };
}

for (const model of allModels.filter(({ name }) => name.includes(only))) {
  test(`${model.name}: exported, ONNX Runtime gives the same`, async () => {
    if (need("data", hasData, model.name) && need("ort", ort !== null, model.name)) await compare(model);
  });

  test(`${model.name}: comes back as it was`, async () => {
    if (!need("data", hasData, model.name)) return;
    const before = await canonical(imported(model, model.cases()[0]?.feeds ?? {}));
    const after = await canonical(importOnnx(exported(before), { registry }));
    const [text, wanted] = [after, before].map((module) => textAndConditions(module));
    assert.snapshot(text?.text ?? "", wanted?.text ?? "");
    assert.equal(
      text?.conditions.filter((line) => !wanted?.conditions.includes(line)),
      [],
      "conditions of sizes that the module had not",
    );
  });
}

test.run();
