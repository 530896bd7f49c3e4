/**
 * @file The four models that everything must run, on every backend: whole outputs beside ONNX Runtime's, on real and on seeded inputs, alone and in batches. At most 1e-4 of the
 * output's largest magnitude, 5e-3 in half precision; what is measured is printed.
 */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, globals } from "webgpu";
import { difference } from "../../compiler/cli/commands/verify.ts";
import { compile } from "../../compiler/compile.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { createCoreRegistry, type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { ort as ortBackend } from "../../runtime/backends/ort/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { type Backend, load, type Session } from "../../runtime/index.ts";
import { hasData } from "../support/data.ts";
import { toTensor } from "../support/op-module.ts";
import { ort } from "../support/ort.ts";
import { modelFile, type RealModel, realModels } from "../support/real-inputs.ts";
import { seeded } from "../support/seeded.ts";
import { type Needed, need } from "../support/skip.ts";

/** Of the output's largest magnitude; half precision keeps 11 bits. */
const tolerances: Readonly<Record<string, number>> = { "webgpu-f16": 5e-3 };
Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter().catch(() => null);

interface Where {
  readonly target: string;
  readonly needs: Needed;
  readonly present: boolean;
  make(): Backend;
}

const places: readonly Where[] = [
  { target: "reference", needs: "data", present: true, make: reference },
  { target: "wasm-simd", needs: "data", present: true, make: () => wasm() },
  { target: "ort-cpu", needs: "ort", present: ort !== null, make: () => ortBackend({ threads: 1 }) },
  { target: "webgpu", needs: "webgpu", present: adapter !== null, make: () => webgpu({ gpu }) },
  { target: "webgpu-f16", needs: "webgpu", present: adapter?.features.has("shader-f16") === true, make: () => webgpu({ gpu, f16: true }) },
];

const targets = places.map(({ target }) => target);
const files = new Map<string, Promise<Uint8Array>>();

/** One file with a plan for every target. */
function compiled({ name }: RealModel): Promise<Uint8Array> {
  let bytes = files.get(name);
  if (!bytes) {
    const module = importOnnx(new Uint8Array(readFileSync(modelFile(name))), { registry: createCoreRegistry(), dynamicBatch: true });
    bytes = compile(module, { targets }).then((result) => result.bytes);
    files.set(name, bytes);
  }
  return bytes;
}

function noise(like: HostTensor): HostTensor {
  return seeded(5).tensor("f32", like.shape);
}

const answers = new Map<string, Promise<Record<string, HostTensor>>>();

/** ONNX Runtime on each sample alone: these files fix the batch at 1. */
async function theirs({ name, input }: RealModel, x: HostTensor): Promise<Record<string, HostTensor>> {
  if (!ort) throw new Error("no onnxruntime-node");
  const session = await ort.InferenceSession.create(modelFile(name), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const [count = 1, ...rest] = x.shape;
  const size = x.data.length / count;
  const parts: Record<string, Float32Array[]> = {};
  const shapes: Record<string, readonly number[]> = {};
  for (let n = 0; n < count; n++) {
    const data = (x.data as Float32Array).slice(n * size, (n + 1) * size);
    for (const [output, tensor] of Object.entries(await session.run({ [input]: new ort.Tensor("float32", data, [1, ...rest]) }))) {
      parts[output] = [...(parts[output] ?? []), tensor.data as Float32Array];
      shapes[output] = [count, ...tensor.dims.slice(1)];
    }
  }
  await session.release();
  return Object.fromEntries(
    Object.entries(parts).map(([output, list]) => [
      output,
      hostTensor("f32", shapes[output] ?? [], Float32Array.from(list.flatMap((part) => [...part]))),
    ]),
  );
}

function expectedOf(model: RealModel, kind: string, x: HostTensor): Promise<Record<string, HostTensor>> {
  const key = `${model.name} ${kind}`;
  const known = answers.get(key) ?? theirs(model, x);
  answers.set(key, known);
  return known;
}

async function compare(session: Session, model: RealModel, kind: string, x: HostTensor): Promise<number> {
  const ours = await session.run({ [model.input]: toTensor(x) });
  const wanted = Object.entries(await expectedOf(model, kind, x));
  assert.ok(wanted.length > 0);
  const errors = wanted.map(([name, tensor]) => difference(name, ours[name], toTensor(tensor)).maxRel);
  return Math.max(...errors);
}

for (const model of realModels) {
  for (const place of places) {
    const name = `${model.name} on ${place.target}`;
    test(name, async () => {
      if (!need("data", hasData, name) || !need("ort", ort !== null, name) || !need(place.needs, place.present, name)) return;
      const session = await load(await compiled(model), { backends: [place.make()] });
      const one = model.sample(1);
      const kinds: [string, HostTensor][] = [["real", one]];
      if (place.needs !== "webgpu" || model.batches) kinds.push(["seeded", noise(one)]);
      if (model.batches && (place.target !== "reference" || model.name !== "ultraface-rfb-320"))
        kinds.push(["batch of 3", model.sample(3)]);
      for (const [kind, x] of kinds) {
        const error = await compare(session, model, kind, x);
        process.stdout.write(`\n${name}, ${kind}: max rel ${error.toExponential(1)}\n`);
        assert.ok(error <= (tolerances[place.target] ?? 1e-4), `${kind}: ${error}`);
        assert.is(session.info.target, place.target);
      }
      session.dispose();
    });
  }
}

test.run();
