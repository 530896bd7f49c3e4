/**
 * @file Pixels to the tensor that a model wants, by its declared preprocessing. The one implementation: `tersor eval`, `tersor run --image` and an app's page all
 * come here. Pure arithmetic on arrays, so a worker, a page and Node give the same bits; no canvas, whose resizing differs from browser to browser.
 */
import { RuntimeError } from "./errors.ts";
import type { PortInfo } from "./interface.ts";
import { channelCount, type ImagePreprocessing } from "./preprocess-record.ts";
import { resizeColumnRow, resizeRow, type Taps, tapsOf } from "./preprocess-resize.ts";
import { Tensor } from "./tensor.ts";

/** 8-bit RGBA rows from the top left, alpha not premultiplied: what a canvas' `getImageData` gives. */
export interface RgbaImage {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Pixels 0 .. 255 row by row. `read` writes row `y`, `channels` interleaved, to the front of `out`. */
export interface PixelRows {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  read(y: number, out: Float32Array): void;
}

/**
 * The picture as the model's input: resized, in the declared channels and layout, scaled; `[1, C, H, W]` or `[1, H, W, C]`, without the leading 1 where the port has none.
 *
 * @param port the session's input, `session.inputs[preprocessing.input]`: its dtype is used (f32 unless given; u8 rounds) and its sizes are checked
 * @throws RuntimeError R0321 on a picture whose sizes and data disagree, R0322 when the model's input takes something else
 */
export function imageTensor(image: RgbaImage, preprocessing: ImagePreprocessing, port?: PortInfo): Tensor {
  const values = new Float32Array(imageElements(preprocessing));
  prepareRows(rgbaRows(image, preprocessing.fill), preprocessing, values, 0);
  const sample = imageShape(preprocessing);
  const shape = port === undefined ? [1, ...sample] : shapeFor(port, sample, preprocessing.input);
  if (port?.dtype === "u8") return new Tensor("u8", new Uint8Array(Uint8ClampedArray.from(values).buffer), shape);
  return new Tensor("f32", values, shape);
}

/** Shape of one prepared picture, without the batch. */
export function imageShape({ layout, channels, width, height }: ImagePreprocessing): readonly [number, number, number] {
  const count = channelCount(channels);
  return layout === "nchw" ? [count, height, width] : [height, width, count];
}

function imageElements({ channels, width, height }: ImagePreprocessing): number {
  return channelCount(channels) * width * height;
}

/** Prepares any pixels, a data set's for example; one sample to `out`, from `offset`. */
export function prepareRows(rows: PixelRows, preprocessing: ImagePreprocessing, out: Float32Array, offset: number): void {
  const { width, height, channels } = preprocessing;
  const count = channelCount(channels);
  const place = placement(rows, preprocessing);
  const narrow = narrowed(rows, place.columns, count);
  const write = writer(preprocessing, out, offset);
  const line = new Float32Array(place.columns.starts.length * count);
  const border = new Float32Array(count).fill(preprocessing.fill);
  const inside = (at: number, first: number, size: number) => at >= first && at < first + size;
  for (let y = 0; y < height; y++) {
    const drawn = inside(y, place.top, place.rows.starts.length);
    if (drawn) resizeColumnRow(narrow, line.length, place.rows, y - place.top, line);
    for (let x = 0; x < width; x++) {
      if (drawn && inside(x, place.left, place.columns.starts.length)) write(y, x, line, (x - place.left) * count);
      else write(y, x, border, 0);
    }
  }
}

/** Rows of an RGBA picture, transparent parts over `fill`. @throws RuntimeError R0321. */
export function rgbaRows({ data, width, height }: RgbaImage, fill = 0): PixelRows {
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!whole || data.length !== width * height * 4)
    throw new RuntimeError(
      "R0321",
      `${width} x ${height} pixels of RGBA are ${width * height * 4} bytes, there are ${data.length}`,
      "image",
    );
  return {
    width,
    height,
    channels: 3,
    read(y, out) {
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * 4;
        const alpha = data[at + 3] as number;
        for (let c = 0; c < 3; c++) {
          const value = data[at + c] as number;
          out[x * 3 + c] = alpha === 255 ? value : (value * alpha + fill * (255 - alpha)) / 255;
        }
      }
    },
  };
}

/** Where the resized picture lies in the tensor, and what it is made of. */
interface Placement {
  readonly columns: Taps;
  readonly rows: Taps;
  readonly left: number;
  readonly top: number;
}

function placement(source: PixelRows, { width, height, resize }: ImagePreprocessing): Placement {
  const [byWidth, byHeight] = [width / source.width, height / source.height];
  if (resize === "contain") {
    const factor = Math.min(byWidth, byHeight);
    const inner = (size: number, most: number) => Math.max(1, Math.min(most, Math.round(size * factor)));
    const [w, h] = [inner(source.width, width), inner(source.height, height)];
    const taps = { columns: tapsOf(source.width, 0, source.width, w), rows: tapsOf(source.height, 0, source.height, h) };
    return { ...taps, left: (width - w) >> 1, top: (height - h) >> 1 };
  }
  const factor = Math.max(byWidth, byHeight);
  const [w, h] = resize === "cover" ? [width / factor, height / factor] : [source.width, source.height];
  const columns = tapsOf(source.width, (source.width - w) / 2, w, width);
  return { columns, rows: tapsOf(source.height, (source.height - h) / 2, h, height), left: 0, top: 0 };
}

/** All source rows in the wanted channels, resized along x. */
function narrowed(source: PixelRows, columns: Taps, count: 1 | 3): Float32Array {
  const stride = columns.starts.length * count;
  const raw = new Float32Array(source.width * source.channels);
  const row = source.channels === count ? raw : new Float32Array(source.width * count);
  const out = new Float32Array(source.height * stride);
  for (let y = 0; y < source.height; y++) {
    source.read(y, raw);
    if (row !== raw) convert(raw, row, count);
    resizeRow(row, count, columns, out, y * stride);
  }
  return out;
}

/** RGB to luma, or grey to three equal channels. In thousandths, so that equal channels give exactly their value. */
function convert(from: Float32Array, to: Float32Array, count: 1 | 3): void {
  if (count === 3) for (let i = 0; i < to.length; i++) to[i] = from[Math.floor(i / 3)] as number;
  else {
    for (let i = 0; i < to.length; i++) {
      const [r, g, b] = [from[3 * i] as number, from[3 * i + 1] as number, from[3 * i + 2] as number];
      to[i] = (299 * r + 587 * g + 114 * b) / 1000;
    }
  }
}

type Writer = (y: number, x: number, pixel: Float32Array, at: number) => void;

function writer(preprocessing: ImagePreprocessing, out: Float32Array, offset: number): Writer {
  const { width, height, layout, channels, scale, mean, std, invert } = preprocessing;
  const count = channelCount(channels);
  const plane = width * height;
  return (y, x, pixel, from) => {
    const at = y * width + x;
    for (let c = 0; c < count; c++) {
      const value = pixel[from + (channels === "bgr" ? 2 - c : c)] as number;
      const level = invert ? 255 - value : value;
      out[offset + (layout === "nchw" ? c * plane + at : at * count + c)] = (level * scale - (mean[c] as number)) / (std[c] as number);
    }
  };
}

/** The tensor's shape for this port. @throws RuntimeError R0322 when a fixed size or the dtype differs. */
function shapeFor(port: PortInfo, sample: readonly number[], name: string): readonly number[] {
  const shape = port.shape.length === sample.length ? sample : [1, ...sample];
  const fits = port.shape.length === shape.length && port.shape.every((size, i) => typeof size === "string" || size === shape[i]);
  if (fits && (port.dtype === "f32" || port.dtype === "u8")) return shape;
  const given = `${port.dtype} [${port.shape.join(", ")}]`;
  throw new RuntimeError(
    "R0322",
    `it takes ${given}, the declared preprocessing makes f32 or u8 [${shape.join(", ")}]`,
    `input ${JSON.stringify(name)}`,
  );
}
