/**
 * @file What an image model wants done to raw pixels. The record is what a `.tsr` declares, so that compiling, measuring and an app feed
 * the model alike. No resizing here: size is what the data must already have.
 */
import { type DataSet, dataSet, type InputSpec } from "./dataset.ts";
import { DataError } from "./errors.ts";

/** `value = (pixel * scale - mean[c]) / std[c]`, c counted in the order of `channels`. */
export type ImagePreprocessing = {
  /** Height and width. */
  readonly size: readonly [number, number];
  readonly layout: "nchw" | "nhwc";
  readonly channels: "grey" | "rgb" | "bgr";
  /** Factor on pixels 0..255. */
  readonly scale: number;
  /** One number per channel, after `scale`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
};

/** Refuses a record that `spec` (per sample, channels first, raw 0..255) cannot satisfy. */
function checkFit(where: string, spec: InputSpec | undefined, wanted: ImagePreprocessing): void {
  const channels = wanted.channels === "grey" ? 1 : 3;
  const shape = [channels, ...wanted.size];
  if (spec === undefined || spec.shape.join() !== shape.join()) {
    throw new DataError("D0113", where, `samples are [${spec?.shape.join(", ") ?? ""}], wanted [${shape.join(", ")}]`);
  }
  if (wanted.mean.length !== channels || wanted.std.length !== channels) {
    throw new DataError("D0113", where, `${wanted.mean.length} means and ${wanted.std.length} deviations for ${channels} channels`);
  }
  if (![wanted.scale, ...wanted.mean, ...wanted.std].every(Number.isFinite) || wanted.std.includes(0)) {
    throw new DataError("D0113", where, "scale, means and deviations must be finite, deviations not zero");
  }
}

/**
 * `data` with its input `input` (raw pixels, `[C, H, W]`, grey or RGB) turned into what the model wants: f32 `[C, H, W]` or `[H, W, C]`.
 * @throws DataError D0113 where size or channels differ.
 */
export function preprocess(data: DataSet, wanted: ImagePreprocessing, input = "image"): DataSet {
  checkFit(data.name, data.inputs[input], wanted);
  const [height, width] = wanted.size;
  const [plane, channels] = [height * width, wanted.mean.length];
  const last = wanted.layout === "nhwc";
  const shape = last ? [height, width, channels] : [channels, height, width];
  return dataSet({
    name: data.name,
    classes: data.classes,
    labels: data.labels,
    inputs: { [input]: { dtype: "f32", shape } },
    write(index, out, row) {
      const pixels = data.batch(index, 1)[input];
      const target = out[input];
      if (pixels === undefined || target === undefined) return;
      for (let c = 0; c < channels; c++) {
        const from = (wanted.channels === "bgr" ? channels - 1 - c : c) * plane;
        const [mean = 0, std = 1] = [wanted.mean[c], wanted.std[c]];
        for (let i = 0; i < plane; i++) {
          const at = row * plane * channels + (last ? i * channels + c : c * plane + i);
          target[at] = ((pixels[from + i] ?? 0) * wanted.scale - mean) / std;
        }
      }
    },
  });
}
