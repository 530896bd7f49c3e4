/**
 * @file Real models compressed by the plugins, exported with their weights in every form: integers, blocks of `MatMulNBits`, numbers, or the nodes that compute them. ONNX Runtime gives the same
 * for all, which is what the interpreter gives; the integers are in the file where the form keeps them, and come back as they were.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { importFor } from "../../compiler/conformance/specialize.ts";
import { type WeightStyle, weightStyles } from "../../compiler/export/index.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { preparePipeline } from "../../compiler/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { type Module, mainFunction } from "../../ir-spec/index.ts";
import { prune } from "../../plugins/prune/index.ts";
import { quantize } from "../../plugins/quantize/index.ts";
import { share } from "../../plugins/share/index.ts";
import { run } from "../passes/support.ts";
import { modelBytes } from "../real-models/run-model.ts";
import { hasData } from "../support/data.ts";
import { ort, runOrt } from "../support/ort.ts";
import { allModels, type Feeds } from "../support/real-inputs-all.ts";
import { need } from "../support/skip.ts";
import { normalText, withPlainConstants } from "./normal-text.ts";
import { assertClose, exported, operators, registry, type Tensors } from "./support.ts";

/** Convolutions, linear layers; the larger ones with TERSOR_LONG=1. */
const models = ["mnist-cnn-op8", "silero-vad-v1-micro-transformer"];
if (process.env.TERSOR_LONG === "1") models.push("cifar10-resnet4b", "dtln-1-lstm");

/**
 * ONNX Runtime fuses a `DequantizeLinear` and the product behind it to its `MatMulNBits` with `accuracy_level` 4: activations are rounded to 8 bits. (Session option
 * `session.qdq_matmulnbits_accuracy_level`; the form `nbits` says no level, which is f32.)
 */
const FUSED = 1e-2;

interface Row {
  readonly pipeline: string;
  /** Operators that decode the weights, where they are in the file as definitions. */
  readonly decodes: readonly string[];
}

const rows: readonly Row[] = [
  { pipeline: "quantize{bits=8}", decodes: ["DequantizeLinear"] },
  { pipeline: "quantize{bits=4 group=32}", decodes: ["DequantizeLinear"] },
  { pipeline: "share-weights{clusters=16}", decodes: ["Gather"] },
  { pipeline: "prune-magnitude{sparsity=80%}", decodes: ["CumSum", "Gather"] },
  {
    pipeline: "prune-magnitude{sparsity=60%},share-weights{clusters=16},quantize{bits=8}",
    decodes: ["CumSum", "Gather", "DequantizeLinear"],
  },
];

function given(name: string): { readonly module: Module; readonly feeds: Feeds } {
  const model = allModels.find((candidate) => candidate.name === name);
  const feeds = model?.cases()[0]?.feeds ?? {};
  const { module } = importFor(modelBytes(name), registry, feeds);
  const { params, values } = mainFunction(module);
  const left = new Set(params.map((id) => values[id]?.name ?? ""));
  return { module, feeds: Object.fromEntries(Object.entries(feeds).filter(([key]) => left.has(key))) };
}

const canonical = async (module: Module): Promise<Module> => (await run(module, preparePipeline)).module;

async function checkStyle(module: Module, feeds: Feeds, want: Tensors, weights: WeightStyle, { decodes }: Row): Promise<number> {
  const model = exported(module, { weights });
  assertClose(await runOrt(model, feeds, "disabled"), want, 1e-4, weights);
  assertClose(await runOrt(model, feeds, "all"), want, FUSED, `${weights}, optimized`);
  const used = new Set(operators(model));
  if (weights === "decode")
    assert.equal(
      decodes.filter((op) => !used.has(op)),
      [],
      "operators that decode",
    );
  if (weights === "dense")
    assert.equal(
      decodes.filter((op) => op === "DequantizeLinear" && used.has(op)),
      [],
    );
  return model.length;
}

for (const name of models) {
  for (const row of rows) {
    const title = `${name} after ${row.pipeline}`;
    test(title, async () => {
      if (!need("data", hasData, title) || !need("ort", ort !== null, title)) return;
      const { module, feeds } = given(name);
      const { module: made } = await compile(module, { plugins: [quantize(), share(), prune()], pipeline: row.pipeline });
      const want = interpret(made, registry, feeds).outputs;
      const sizes: string[] = [];
      for (const weights of weightStyles) sizes.push(`${weights} ${await checkStyle(made, feeds, want, weights, row)}`);
      process.stdout.write(`\n${title}: ${sizes.join(", ")} bytes\n`);
      const before = await canonical(made);
      const after = await canonical(importOnnx(exported(before, { weights: "qdq-signed" }), { registry }));
      assert.snapshot(normalText(withPlainConstants(after)), normalText(withPlainConstants(before)));
    });
  }
}

test.run();
