/**
 * @file Models with carried state over 100 steps of the real recording: Silero's speech detector and both stages of DTLN, the state fed back from step to step by each engine for itself.
 * Errors add up; ONNX Runtime's own do too: the largest may be twice that between its graphs without and with optimizations, or 1e-4 where that is less.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { hasData } from "../support/data.ts";
import { type OptimizationLevel, openOrt, ort } from "../support/ort.ts";
import { frame, fromSpectrum, spectrum } from "../support/real-audio.ts";
import { type AnyModel, allModels, type Feeds } from "../support/real-inputs-all.ts";
import { need } from "../support/skip.ts";
import { unlessPending } from "./pending.ts";
import { compileModel, modelBytes, open, type Place, places, runOurs, tensorError } from "./run-model.ts";

const STEPS = 100;
/** From second 2 on, where somebody speaks. */
const START = 32_000;

interface Recurrent {
  readonly name: string;
  /** Input and output of the state. */
  readonly state: readonly [input: string, output: string];
  readonly shape: readonly number[];
  /** The other inputs of each step. */
  inputs(step: number): Feeds;
}

const HOP = 128;
const hopFrame = (step: number): Float32Array => frame(START + step * HOP, 512).data as Float32Array;

const models: readonly Recurrent[] = [
  {
    name: "silero-vad-16k-op15",
    state: ["state", "stateN"],
    shape: [2, 1, 128],
    inputs: (step) => ({ input: frame(START + step * 512 - 64, 576), sr: hostTensor("i64", [], BigInt64Array.of(16000n)) }),
  },
  {
    name: "dtln-1-lstm",
    state: ["input_3", "tf_op_layer_stack_2"],
    shape: [1, 2, 128, 2],
    inputs: (step) => ({ input_2: hostTensor("f32", [1, 1, 257], spectrum(hopFrame(step)).magnitude) }),
  },
  {
    name: "dtln-2-lstm-unrolled",
    state: ["input_5", "tf_op_layer_stack_5"],
    shape: [1, 2, 128, 2],
    inputs: (step) => {
      const { magnitude, phase } = spectrum(hopFrame(step));
      const damped = magnitude.map((value, k) => value * (k < 100 ? 0.9 : 0.2));
      return { input_4: hostTensor("f32", [1, 1, 512], fromSpectrum(damped, phase, 512)) };
    },
  },
];

type Step = (feeds: Feeds) => Promise<Readonly<Record<string, HostTensor>>>;

/** All outputs of each step, state included. */
async function steps({ state: [input, output], shape }: Recurrent, sequence: readonly Feeds[], run: Step) {
  let state = hostTensor("f32", shape);
  const all: Readonly<Record<string, HostTensor>>[] = [];
  for (const feeds of sequence) {
    const outputs = await run({ ...feeds, [input]: state });
    all.push(outputs);
    const next = outputs[output];
    if (!next) throw new Error(`no output ${output}`);
    state = { ...next, shape: [...shape] };
  }
  return all;
}

async function ortSteps(model: Recurrent, sequence: readonly Feeds[], level: OptimizationLevel) {
  const session = await openOrt(modelBytes(model.name), level);
  const all = await steps(model, sequence, (feeds) => session.run(feeds));
  await session.release();
  return all;
}

/** Over all steps and outputs, relative to the largest magnitude of an output in all steps. */
function errorOver(got: Awaited<ReturnType<typeof steps>>, want: Awaited<ReturnType<typeof steps>>): number {
  const joined = (all: typeof got, name: string): HostTensor => {
    const parts = all.map((outputs) => outputs[name]?.data as Float32Array);
    const data = Float32Array.from(parts.flatMap((part) => [...part]));
    return hostTensor("f32", [data.length], data);
  };
  return Math.max(...Object.keys(want[0] ?? {}).map((name) => tensorError(joined(got, name), joined(want, name))));
}

function entry(name: string): AnyModel {
  const found = allModels.find((model) => model.name === name);
  if (!found) throw new Error(`no model ${name}`);
  return found;
}

async function compareSteps(model: Recurrent, title: string): Promise<void> {
  const sequence = Array.from({ length: STEPS }, (_, step) => model.inputs(step));
  const plain = await ortSteps(model, sequence, "disabled");
  const own = errorOver(await ortSteps(model, sequence, "all"), plain);
  const limit = Math.max(1e-4, 2 * own);
  const compiled = await compileModel(entry(model.name), { ...sequence[0], [model.state[0]]: hostTensor("f32", model.shape) });
  for (const place of Object.keys(places) as Place[]) {
    const session = await open(compiled, place);
    const error = errorOver(await steps(model, sequence, (feeds) => runOurs(session, compiled, feeds)), plain);
    session.dispose();
    process.stdout.write(`\n${title} on ${place}: ${error.toExponential(1)}; ONNX Runtime with itself ${own.toExponential(1)}\n`);
    assert.ok(error <= limit, `${place}: ${error}, limit ${limit}`);
  }
}

for (const model of models) {
  const title = `${model.name}: ${STEPS} steps of speech with carried state`;
  test(title, async () => {
    if (!need("data", hasData, title) || !need("ort", ort !== null, title)) return;
    await unlessPending(model.name, () => compareSteps(model, title));
  });
}

test("the error over steps sees one wrong value in one step", () => {
  const run = (value: number) => [0, 1, 2].map((step) => ({ y: hostTensor("f32", [2], Float32Array.of(1, step === 1 ? value : 4)) }));
  assert.is(errorOver(run(3), run(3)), 0);
  assert.is(errorOver(run(3), run(2)), 0.25);
});

test.run();
