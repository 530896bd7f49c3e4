/** @file CIFAR-10's binary format: records of one label byte and 3,072 pixel bytes (red, green and blue planes of 32 x 32). */
import { type DataSet, dataSet } from "./dataset.ts";
import { DataError } from "./errors.ts";

const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;

/** Input `image`, f32 `[3, 32, 32]`, raw 0..255. @throws DataError D0101 on a partial record, D0105 on a label above 9. */
export function cifar10(bytes: Uint8Array, name: string): DataSet {
  if (bytes.length === 0 || bytes.length % RECORD !== 0)
    throw new DataError("D0101", name, `${bytes.length} bytes are no whole number of ${RECORD}-byte records`);
  const count = bytes.length / RECORD;
  return dataSet({
    name,
    classes: 10,
    pixels: "image",
    inputs: { image: { dtype: "f32", shape: [3, 32, 32] } },
    labels: Uint8Array.from({ length: count }, (_, i) => bytes[i * RECORD] as number),
    write: (index, out, row) => out.image?.set(bytes.subarray(index * RECORD + 1, (index + 1) * RECORD), row * PIXELS),
  });
}
