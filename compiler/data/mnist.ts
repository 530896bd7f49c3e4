/** @file MNIST's IDX files (LeCun, Cortes, Burges): big-endian header, then unsigned bytes. Fashion-MNIST uses the same. */
import { type DataSet, dataSet } from "./dataset.ts";
import { DataError } from "./errors.ts";

export interface IdxFile {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Parses an IDX file of unsigned bytes. @throws DataError D0102 (not IDX), D0107 (another element type), D0101 (truncated), D0103 (bytes left over). */
export function parseIdx(bytes: Uint8Array, where: string): IdxFile {
  if (bytes.length < 4) throw new DataError("D0101", where, `${bytes.length} bytes, an IDX header has at least 4`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== 0)
    throw new DataError("D0102", where, `an IDX file begins with two zero bytes, this one with ${view.getUint16(0)}`);
  const [type, rank] = [view.getUint8(2), view.getUint8(3)];
  if (type !== 8) throw new DataError("D0107", where, `element type 0x${type.toString(16)}; only unsigned bytes (0x8) are read`);
  if (bytes.length < 4 + 4 * rank) throw new DataError("D0101", where, `the header of ${rank} sizes is cut short`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.includes(0) ? 0 : shape.reduce((n, d) => n * d, 1);
  const start = 4 + 4 * rank;
  if (bytes.length - start < count) throw new DataError("D0101", where, `${count} elements announced, ${bytes.length - start} bytes left`);
  if (bytes.length - start > count) throw new DataError("D0103", where, `${count} elements announced, ${bytes.length - start} bytes there`);
  return { shape, data: bytes.subarray(start) };
}

/**
 * Images `[n, 28, 28]` and labels `[n]` as a data set: input `image`, f32 `[1, 28, 28]`, raw 0..255.
 * @throws DataError D0103 when shapes do not fit together, D0105 on a label above 9, and as `parseIdx`.
 */
export function mnist(images: Uint8Array, labels: Uint8Array, name: string): DataSet {
  const pixels = parseIdx(images, `${name} images`);
  const classes = parseIdx(labels, `${name} labels`);
  const [count = 0, height = 0, width = 0] = pixels.shape;
  if (pixels.shape.length !== 3 || classes.shape.length !== 1 || classes.shape[0] !== count) {
    throw new DataError("D0103", name, `images [${pixels.shape.join(", ")}], labels [${classes.shape.join(", ")}]`);
  }
  const size = height * width;
  return dataSet({
    name,
    classes: 10,
    inputs: { image: { dtype: "f32", shape: [1, height, width] } },
    labels: classes.data,
    pixels: "image",
    write: (index, out, row) => out.image?.set(pixels.data.subarray(index * size, (index + 1) * size), row * size),
  });
}
