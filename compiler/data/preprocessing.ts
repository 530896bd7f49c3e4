/** @file A data set of pictures as they were taken, prepared as the model declares: by the function that apps call too (`runtime/preprocess-image.ts`). */
import { type ImagePreprocessing, imageShape, type PixelRows, prepareRows } from "../../runtime/index.ts";
import { type DataSet, dataSet, type InputData, sampleSize } from "./dataset.ts";
import { DataError } from "./errors.ts";

/**
 * `data` with its pixels turned into what the model wants: one input, named as the model's, f32 `[C, H, W]` or `[H, W, C]`. A set that holds no pixels
 * (its values are prepared already) comes back as it is.
 * @throws DataError D0113 where the pixels are not `[1 or 3, H, W]`
 */
export function preprocess(data: DataSet, wanted: ImagePreprocessing): DataSet {
  const { pixels } = data;
  if (pixels === undefined) return data;
  const spec = data.inputs[pixels];
  const [channels = 0, height = 0, width = 0] = spec?.shape ?? [];
  if (spec?.shape.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw new DataError("D0113", data.name, `samples are [${spec?.shape.join(", ") ?? ""}], pictures are [1 or 3, height, width]`);
  }
  const size = sampleSize(spec);
  const shape = imageShape(wanted);
  const target = shape.reduce((n, d) => n * d, 1);
  return dataSet({
    name: data.name,
    classes: data.classes,
    labels: data.labels,
    ...(data.unlabelled === undefined ? {} : { unlabelled: data.unlabelled }),
    inputs: { [wanted.input]: { dtype: "f32", shape } },
    write(index, out, row) {
      const from = data.batch(index, 1)[pixels];
      const to = out[wanted.input];
      if (from?.length !== size || !(to instanceof Float32Array)) throw new DataError("D0113", data.name, `sample ${index} has no pixels`);
      prepareRows(planeRows(from, channels, height, width), wanted, to, row * target);
    },
  });
}

/** Rows of `[channels, height, width]`. */
function planeRows(planes: InputData, channels: 1 | 3, height: number, width: number): PixelRows {
  const plane = height * width;
  return {
    width,
    height,
    channels,
    read(y, out) {
      for (let c = 0; c < channels; c++) {
        for (let x = 0; x < width; x++) out[x * channels + c] = planes[c * plane + y * width + x] as number;
      }
    },
  };
}
