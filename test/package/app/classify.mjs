/** @file An app's use of the runtime, from the installed package: what each bundler is given. Plain JavaScript, since webpack and Rollup read nothing else by themselves. */
import { imagePreprocessing, imageTensor, load, RuntimeError, Tensor } from "tersor/runtime";
import { wasm } from "tersor/runtime/wasm";

/** A pattern; no digit. */
export const pixels = Array.from({ length: 28 * 28 }, (_, i) => (i * 37) % 256);

/** Probabilities by tensor and by picture. */
export async function classify(file) {
  const session = await load(file, { backends: [wasm()] });
  const byTensor = await session.run({ image: new Tensor("f32", Float32Array.from(pixels), [1, 1, 28, 28]) });
  const declared = imagePreprocessing(session.info);
  const data = Uint8ClampedArray.from(pixels.flatMap((value) => [value, value, value, 255]));
  const byPicture = session.runSync({ [declared.input]: imageTensor({ data, width: 28, height: 28 }, declared) });
  session.dispose();
  return { tensor: Array.from(byTensor.probs.data), picture: Array.from(byPicture.probs.data) };
}

/** The code of the error that a damaged file gives. */
export async function refusal(file) {
  try {
    (await load(file, { backends: [wasm()] })).dispose();
    return "accepted";
  } catch (error) {
    return error instanceof RuntimeError ? error.code : String(error);
  }
}
