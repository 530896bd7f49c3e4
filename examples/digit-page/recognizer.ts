/**
 * @file The model behind one small interface, so that the page does not know whether it runs here or in a worker: `openRecognizer` is the model itself, `openInWorker`
 * (remote.ts) talks to a worker that has one.
 */
import { load, type ModelSource, type RgbaImage } from "tersor/runtime";
import { wasm } from "tersor/runtime/wasm";
import { imageInputs } from "../page/image-input.ts";

export interface Answer {
  /** Of the digits 0 .. 9; their sum is 1. */
  readonly probabilities: readonly number[];
  /** Of one run, input and output included. */
  readonly milliseconds: number;
}

export interface Recognizer {
  readonly modelBytes: number;
  classify(image: RgbaImage): Promise<Answer>;
  dispose(): void;
}

/** A file's address, or its bytes. */
export type RecognizerSource = Extract<ModelSource, string | ArrayBuffer>;

const DIGITS = 10;

/** @throws RuntimeError from `load`; Error when the model is for something else than ten digits */
export async function openRecognizer(source: RecognizerSource): Promise<Recognizer> {
  const session = await load(source, { backends: [wasm()] });
  const [output] = Object.keys(session.outputs);
  if (output === undefined || session.outputs[output]?.shape.at(-1) !== DIGITS) {
    session.dispose();
    throw new Error("This model does not give ten probabilities for a picture.");
  }
  return {
    modelBytes: session.info.bytes,
    async classify(image) {
      const started = performance.now();
      const { [output]: result } = await session.run(imageInputs(image, session));
      const probabilities = Array.from(result?.data ?? [], Number);
      return { probabilities, milliseconds: performance.now() - started };
    },
    dispose: () => session.dispose(),
  };
}
