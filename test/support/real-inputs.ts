/** @file One real input for each of the four models that everything must run: a digit, a photograph of CIFAR-10, faces, and the brightness of a photograph. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import jpeg from "jpeg-js";
import { type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { DATA } from "./data.ts";

export interface RealModel {
  readonly name: string;
  readonly input: string;
  /** `count` different real samples in one batch. */
  sample(count: number): HostTensor;
  /** The model accepts other batches than 1. */
  readonly batches: boolean;
}

export const modelFile = (name: string): string => join(DATA, "models", `${name}.onnx`);

/** value = f(pixel, channel); samples are planes of bytes. */
export function planes(
  shape: readonly number[],
  byte: (sample: number, at: number) => number,
  f: (pixel: number, channel: number) => number,
): HostTensor {
  const [count = 1, channels = 1, height = 1, width = 1] = shape;
  const size = channels * height * width;
  const data = Float32Array.from({ length: count * size }, (_, i) =>
    f(byte(Math.floor(i / size), i % size), Math.floor((i % size) / (height * width))),
  );
  return hostTensor("f32", shape, data);
}

export function mnist(count: number): HostTensor {
  const idx = gunzipSync(readFileSync(join(DATA, "mnist/t10k-images-idx3-ubyte.gz")));
  return planes(
    [count, 1, 28, 28],
    (n, at) => idx[16 + n * 784 + at] as number,
    (pixel) => pixel,
  );
}

const cifarMean = [0.4914, 0.4822, 0.4465];
const cifarDeviation = [0.2471, 0.2435, 0.2616];

export function cifar(count: number): HostTensor {
  const records = gunzipSync(readFileSync(join(DATA, "cifar-10/cifar10-test-3000.bin.gz")));
  const byte = (n: number, at: number) => records[n * 3073 + 1 + at] as number;
  return planes([count, 3, 32, 32], byte, (p, c) => (p / 255 - (cifarMean[c] as number)) / (cifarDeviation[c] as number));
}

/** Nearest-pixel resize of a photograph to planes of bytes: the same pixels for everybody who is compared. */
export function photograph(file: string, width: number, height: number, channel: (rgba: Uint8Array, at: number, c: number) => number) {
  const image = jpeg.decode(readFileSync(join(DATA, "images", file)), { useTArray: true });
  return (at: number): number => {
    const [c, y, x] = [Math.floor(at / (width * height)), Math.floor(at / width) % height, at % width];
    const [sy, sx] = [Math.floor((y * image.height) / height), Math.floor((x * image.width) / width)];
    return channel(image.data, 4 * (sy * image.width + sx), c);
  };
}

const faceFiles = ["detect-coco-2.jpg", "detect-coco-0.jpg", "detect-coco-1.jpg"];

export function faces(count: number): HostTensor {
  const images = faceFiles.slice(0, count).map((file) => photograph(file, 320, 240, (rgba, at, c) => rgba[at + c] as number));
  return planes(
    [count, 3, 240, 320],
    (n, at) => images[n]?.(at) ?? 0,
    (pixel) => (pixel - 127) / 128,
  );
}

export function luma(): HostTensor {
  const grey = (rgba: Uint8Array, at: number) =>
    0.299 * (rgba[at] as number) + 0.587 * (rgba[at + 1] as number) + 0.114 * (rgba[at + 2] as number);
  const image = photograph("super-res-input.jpg", 224, 224, grey);
  return planes(
    [1, 1, 224, 224],
    (_, at) => image(at),
    (pixel) => pixel / 255,
  );
}

export const realModels: readonly RealModel[] = [
  { name: "mnist-cnn-op8", input: "Input3", sample: mnist, batches: true },
  { name: "cifar10-resnet4b", input: "input.1", sample: cifar, batches: true },
  { name: "ultraface-rfb-320", input: "input", sample: faces, batches: true },
  { name: "super-resolution-op18", input: "input", sample: luma, batches: false },
];
