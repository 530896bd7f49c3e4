/** @file Every real model: exported, and exported again after a second import, ONNX Runtime gives what it gives for the original, at the smallest sizes that the model takes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import { workableSizes } from "../../compiler/analysis/workable-sizes.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { evaluateDim, hostTensor, type Module, mainFunction, valueInfo } from "../../ir-spec/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";
import { assertClose, exported, registry, type Tensors } from "./support.ts";

const folder = join(DATA, "models");
const names = hasData ? readdirSync(folder).filter((name) => name.endsWith(".onnx")) : ["the models"];

/** Seeded; a sample rate is one that exists. */
function inputsOf(module: Module): Tensors {
  const main = mainFunction(module);
  const sizes = workableSizes(module);
  return Object.fromEntries(
    main.params.map((id) => {
      const { name, type } = valueInfo(main, id);
      const shape = type.shape.map((dim) => evaluateDim(dim, sizes));
      return [name ?? "", name === "sr" ? hostTensor("i64", shape, BigInt64Array.of(16000n)) : seeded(3).tensor(type.dtype, shape)];
    }),
  );
}

for (const name of names) {
  test(name, async () => {
    if (!need("data", hasData, name) || !need("ort", ort !== null, name)) return;
    const original = new Uint8Array(readFileSync(join(folder, name)));
    const module = importOnnx(original, { registry });
    const inputs = inputsOf(module);
    const wanted = await runOrt(original, inputs);
    const once = exported(module);
    assertClose(await runOrt(once, inputs), wanted, 1e-5, name);
    assertClose(await runOrt(exported(importOnnx(once, { registry })), inputs), wanted, 1e-5, `${name}, imported again`);
  });
}

test.run();
