/**
 * @file The model behind one small interface, so that the page does not know whether it runs here or in a worker: `openRecognizer` is the model itself, `openInWorker`
 * (remote.ts) talks to a worker that has one.
 */
import { type Backend, load, type ModelSource, type RgbaImage } from "tersor/runtime";
import { wasm } from "tersor/runtime/wasm";
import { imageInputs } from "../page/image-input.ts";

export interface Answer {
  /** Of the digits 0 .. 9; their sum is 1. */
  readonly probabilities: readonly number[];
  /** Of one run, input and output included. */
  readonly milliseconds: number;
}

/** Can cross over from a worker. */
export interface ModelFacts {
  readonly modelBytes: number;
  /** The one that answers. */
  readonly backend: string;
  /** Those that were asked before it, and why they could not. */
  readonly skipped: readonly { readonly backend: string; readonly reason: string }[];
}

export interface Recognizer extends ModelFacts {
  classify(image: RgbaImage): Promise<Answer>;
  dispose(): void;
}

/** A file's address, or its bytes. */
export type RecognizerSource = Extract<ModelSource, string | ArrayBuffer>;

export interface RecognizerOptions {
  /** The GPU first, where the browser gives one. */
  readonly webgpu: boolean;
}

const DIGITS = 10;

/** @throws RuntimeError from `load`; Error when the model is for something else than ten digits */
export async function openRecognizer(source: RecognizerSource, options: RecognizerOptions): Promise<Recognizer> {
  const session = await load(source, { backends: await backendsFor(options) });
  const [output] = Object.keys(session.outputs);
  if (output === undefined || session.outputs[output]?.shape.at(-1) !== DIGITS) {
    session.dispose();
    throw new Error("This model does not give ten probabilities for a picture.");
  }
  return {
    modelBytes: session.info.bytes,
    backend: session.info.backend,
    skipped: session.info.skipped.map(({ backend, reason }) => ({ backend, reason })),
    async classify(image) {
      const started = performance.now();
      const { [output]: result } = await session.run(imageInputs(image, session));
      const probabilities = Array.from(result?.data ?? [], Number);
      return { probabilities, milliseconds: performance.now() - started };
    },
    dispose: () => session.dispose(),
  };
}

async function backendsFor({ webgpu }: RecognizerOptions): Promise<readonly Backend[]> {
  return webgpu ? [(await import("./webgpu.ts")).webgpu(), wasm()] : [wasm()];
}
