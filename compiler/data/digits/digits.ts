/**
 * @file The `digits` set: 28 x 28 grey handwritten-like digits drawn from a seed, so that nothing needs a download.
 *
 * Sample i depends on (split, seed, i) alone, through a random source keyed by exactly these, so splits cannot share a sample's randomness,
 * any range can be drawn without the rest, and a longer set begins with the shorter one. Only arithmetic that IEEE 754 pins down decides a
 * pixel: the bytes are the same on every engine.
 */
import type { PreprocessingDeclaration } from "../../emit/preprocessing.ts";
import { Random } from "../../random/random.ts";
import { type DataSet, dataSet } from "../dataset.ts";
import { drawDigit } from "./draw.ts";
import { SIZE } from "./style.ts";

/** Which part of the data: to learn from, to choose by, to report on. */
export type Split = "train" | "validation" | "test";

/** What to draw. */
export interface DigitsOptions {
  readonly split: Split;
  readonly count: number;
  /** An integer in [0, 2^32); 0 unless said. */
  readonly seed?: number;
}

/** What a model of these pixels declares: 28 x 28 grey, light on dark, 0 .. 255 as they are. */
export const digitsPreprocessing = {
  labels: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
} satisfies PreprocessingDeclaration;

/** Random streams, one for the pixels and one for the labels of each split. */
const STREAMS = { train: [1, 2], validation: [3, 4], test: [5, 6] } as const satisfies Record<Split, readonly [number, number]>;

const CLASSES = 10;
const PIXELS = SIZE * SIZE;

/** Labels in blocks of ten, each block a permutation of the ten digits: balanced at any count. */
function drawLabels(seed: number, stream: number, count: number): Uint8Array {
  const labels = new Uint8Array(count);
  for (let start = 0; start < count; start += CLASSES) {
    const block = new Random(seed, stream, start / CLASSES).permutation(CLASSES);
    labels.set(block.subarray(0, Math.min(CLASSES, count - start)), start);
  }
  return labels;
}

/** Samples are drawn once, when first read, and kept as bytes. */
class DrawnPixels {
  readonly #bytes: Uint8Array;
  readonly #drawn: Uint8Array;
  readonly #draw: (index: number, out: Uint8Array, offset: number) => void;

  constructor(count: number, draw: (index: number, out: Uint8Array, offset: number) => void) {
    this.#bytes = new Uint8Array(count * PIXELS);
    this.#drawn = new Uint8Array(count);
    this.#draw = draw;
  }

  sample(index: number): Uint8Array {
    const offset = index * PIXELS;
    if (this.#drawn[index] === 0) {
      this.#draw(index, this.#bytes, offset);
      this.#drawn[index] = 1;
    }
    return this.#bytes.subarray(offset, offset + PIXELS);
  }
}

/**
 * Draws digits: input `image`, f32 `[1, 28, 28]`, 0 black .. 255 white; labels 0 .. 9.
 * @throws RangeError where `count` is not a whole number below 2^31 / 784, or `seed` is not an integer in [0, 2^32).
 */
export function digits({ split, count, seed = 0 }: DigitsOptions): DataSet {
  if (!Number.isInteger(count) || count < 0 || count * PIXELS >= 2 ** 31) {
    throw new RangeError(`digits: count must be an integer from 0 to 2,739,000, not ${count}`);
  }
  const [pixelStream, labelStream] = STREAMS[split];
  const labels = drawLabels(seed, labelStream, count);
  const pixels = new DrawnPixels(count, (index, out, offset) => {
    drawDigit(labels[index] ?? 0, new Random(seed, pixelStream, index), out, offset);
  });
  return dataSet({
    name: `digits:${split}:${count}`,
    inputs: { image: { dtype: "f32", shape: [1, SIZE, SIZE] } },
    classes: CLASSES,
    pixels: "image",
    labels,
    write: (index, out, row) => out.image?.set(pixels.sample(index), row * PIXELS),
  });
}
