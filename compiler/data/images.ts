/**
 * @file Picture files as a data set: one folder per class, or no classes at all. Files stay as they are until a sample is asked for; the decoder is passed in, so
 * that nothing here needs one. Classes take turns, so that the first so many samples hold all of them.
 */
import { type ImagePreprocessing, imageShape, prepareRows, type RgbaImage, rgbaRows } from "../../runtime/index.ts";
import { type DataSet, dataSet } from "./dataset.ts";
import { DataError } from "./errors.ts";

export type ImageDecoder = (bytes: Uint8Array, where: string) => RgbaImage;

/** A picture file and the folder that it lies in; no folder, no class. */
export interface ImageFile {
  readonly path: string;
  readonly folder: string | null;
}

export interface EncodedImage extends ImageFile {
  readonly bytes: Uint8Array;
}

const pictures = /\.(jpe?g|png)$/i;

/** Picture files among paths relative to a folder, by their last folder; paths in any order give the same list. */
export function imageFiles(paths: readonly string[]): readonly ImageFile[] {
  const files = paths.filter((path) => pictures.test(path)).sort();
  return inTurn(files.map((path) => ({ path, folder: path.split("/").at(-2) ?? null })));
}

/** The first of each folder, then the second of each, and so on. */
export function inTurn<F extends { readonly folder: string | null }>(files: readonly F[]): readonly F[] {
  const groups = new Map<string | null, F[]>();
  for (const file of files) {
    const group = groups.get(file.folder);
    if (group) group.push(file);
    else groups.set(file.folder, [file]);
  }
  const columns = [...groups.values()];
  const rows = Math.max(0, ...columns.map((column) => column.length));
  return Array.from({ length: rows }, (_, row) => columns.flatMap((column) => column[row] ?? [])).flat();
}

/** Class names in order: the declared labels, or the folders by name. */
export function classNames(files: readonly ImageFile[], labels: readonly string[] | null): readonly string[] {
  if (labels) return labels;
  return [...new Set(files.flatMap((file) => file.folder ?? []))].sort();
}

interface Labelled {
  readonly classes: number;
  readonly labels: Int32Array;
  readonly unlabelled?: true;
}

/** @throws DataError D0105 on a folder that is none of the classes. */
function labelled(files: readonly ImageFile[], names: readonly string[], where: string): Labelled {
  if (files.every((file) => file.folder === null))
    return { classes: Math.max(1, names.length), labels: new Int32Array(files.length), unlabelled: true };
  const labels = Int32Array.from(files, ({ path, folder }) => {
    const label = folder === null ? -1 : names.indexOf(folder);
    if (label < 0)
      throw new DataError("D0105", where, `${path} lies in no folder of a class; classes are ${names.slice(0, 10).join(", ")}`);
    return label;
  });
  return { classes: names.length, labels };
}

/** Pictures of any size, prepared as the model wants them. @throws DataError D0105, D0111; reading a sample throws what the decoder throws. */
export function preparedImages(
  files: readonly EncodedImage[],
  wanted: ImagePreprocessing,
  names: readonly string[],
  decode: ImageDecoder,
  name: string,
): DataSet {
  const shape = imageShape(wanted);
  const size = shape.reduce((n, d) => n * d, 1);
  return dataSet({
    name,
    ...labelled(files, names, name),
    inputs: { [wanted.input]: { dtype: "f32", shape } },
    write(index, out, row) {
      const file = files[index] as EncodedImage;
      const target = out[wanted.input];
      if (target instanceof Float32Array) prepareRows(rgbaRows(decode(file.bytes, file.path), wanted.fill), wanted, target, row * size);
    },
  });
}

/** Pictures of one size as raw pixels: input `image`, f32 `[3, height, width]`, 0..255; each is decoded once. @throws DataError D0103 on a picture of another size. */
export function rawImages(
  files: readonly EncodedImage[],
  size: { readonly width: number; readonly height: number },
  names: readonly string[],
  decode: ImageDecoder,
  name: string,
): DataSet {
  const plane = size.width * size.height;
  const decoded: (Uint8Array | undefined)[] = new Array(files.length);
  const pixels = (index: number): Uint8Array => {
    const file = files[index] as EncodedImage;
    decoded[index] ??= planes(decode(file.bytes, file.path), size, `${name}:${file.path}`);
    return decoded[index];
  };
  return dataSet({
    name,
    ...labelled(files, names, name),
    pixels: "image",
    inputs: { image: { dtype: "f32", shape: [3, size.height, size.width] } },
    write: (index, out, row) => out.image?.set(pixels(index), row * 3 * plane),
  });
}

function planes({ data, width, height }: RgbaImage, size: { readonly width: number; readonly height: number }, where: string): Uint8Array {
  if (width !== size.width || height !== size.height)
    throw new DataError("D0103", where, `${width} x ${height} pixels, expected ${size.width} x ${size.height}`);
  const plane = width * height;
  const out = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) out[c * plane + i] = data[4 * i + c] as number;
  return out;
}
