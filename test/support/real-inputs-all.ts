/** @file Real inputs, in several sizes where a model takes them, for every model of the data folder. */
import { join } from "node:path";
import { type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { DATA } from "./data.ts";
import { frame, spectrum } from "./real-audio.ts";
import { fileFeatures, labelledFiles } from "./real-files.ts";
import { cifar, faces, luma, mnist, photograph, planes } from "./real-inputs.ts";
import { seeded } from "./seeded.ts";

export type Feeds = Readonly<Record<string, HostTensor>>;

export interface ModelCase {
  readonly kind: string;
  readonly feeds: Feeds;
  /** Too much work for the reference interpreter in a test's time. */
  readonly large?: boolean;
}

export interface AnyModel {
  readonly name: string;
  /** The file fixes the batch at 1: ours is imported with a dynamic one, ONNX Runtime runs sample by sample. */
  readonly rebatched?: boolean;
  /** Another file that ONNX Runtime runs in this one's place, with the names of its inputs. */
  readonly oracle?: { readonly name: string; readonly input: string };
  cases(): readonly ModelCase[];
}

export const modelPath = (name: string): string => join(DATA, "models", `${name}.onnx`);

/** `[count, channels, height, width]`, nearest pixels; `order` says which of red, green and blue a channel is. */
export function pictures(
  files: readonly string[],
  height: number,
  width: number,
  order: readonly number[],
  f: (pixel: number, channel: number) => number,
): HostTensor {
  const channel = (rgba: Uint8Array, at: number, c: number) => rgba[at + (order[c] as number)] as number;
  const images = files.map((file) => photograph(file, width, height, channel));
  return planes([files.length, order.length, height, width], (n, at) => images[n]?.(at) ?? 0, f);
}

const bgr = [2, 1, 0];
const meanOfImageNet = [0.485, 0.456, 0.406];
const deviationOfImageNet = [0.229, 0.224, 0.225];

export const detectorInput = (files: readonly string[]): HostTensor => pictures(files, 352, 352, bgr, (p) => p / 255);

export const textInput = (files: readonly string[], height: number, width: number): HostTensor =>
  pictures(files, height, width, bgr, (p, c) => (p / 255 - (meanOfImageNet[c] as number)) / (deviationOfImageNet[c] as number));

const directionInput = (files: readonly string[], width: number): HostTensor =>
  pictures(files, 48, width, bgr, (p) => (p / 255 - 0.5) / 0.5);

const zeros = (shape: readonly number[]): HostTensor => hostTensor("f32", shape);
const rate = (): HostTensor => hostTensor("i64", [], BigInt64Array.of(16000n));

/** Second 2 on, where somebody speaks; one row a sample. */
function rows(count: number, length: number): HostTensor {
  const data = new Float32Array(count * length);
  for (let i = 0; i < count; i++) data.set(frame(32000 + i * 16000, length).data as Float32Array, i * length);
  return hostTensor("f32", [count, length], data);
}

const silero = (count: number, state: HostTensor): Feeds => ({ input: rows(count, 576), state, sr: rate() });
const state = (seed: number): HostTensor => seeded(seed).tensor("f32", [1, 2, 128, 2], 0.5);
const magnitude = (from: number): HostTensor => hostTensor("f32", [1, 1, 257], spectrum(frame(from, 512).data as Float32Array).magnitude);
const time = (from: number): HostTensor => ({ ...frame(from, 512), shape: [1, 1, 512] });

const detectorCases = (name: string): AnyModel => ({
  name,
  cases: () => [
    { kind: "96x128", feeds: { x: textInput(["ocr-ch-en-num.jpg"], 96, 128) } },
    { kind: "2 of 64x160", feeds: { x: textInput(["ocr-en.jpg", "ocr-ch-en-num.jpg"], 64, 160) }, large: true },
    { kind: "320x416", feeds: { x: textInput(["ocr-ch-en-num.jpg"], 320, 416) }, large: true },
  ],
});

export const allModels: readonly AnyModel[] = [
  { name: "mnist-cnn-op8", rebatched: true, cases: () => [1, 3].map((n) => ({ kind: `batch ${n}`, feeds: { Input3: mnist(n) } })) },
  { name: "cifar10-resnet4b", rebatched: true, cases: () => [1, 3].map((n) => ({ kind: `batch ${n}`, feeds: { "input.1": cifar(n) } })) },
  { name: "cifar10-resnet2b", rebatched: true, cases: () => [1, 3].map((n) => ({ kind: `batch ${n}`, feeds: { "input.1": cifar(n) } })) },
  {
    name: "ultraface-rfb-320",
    rebatched: true,
    cases: () => [1, 2].map((n) => ({ kind: `batch ${n}`, feeds: { input: faces(n) }, large: n > 1 })),
  },
  {
    // Its channel shuffle folds the batch of 1 into other axes: it stays fixed.
    name: "fastestdet-coco-352",
    cases: () => [
      { kind: "one photograph", feeds: { "input.1": detectorInput(["detect-coco-1.jpg"]) } },
      { kind: "another", feeds: { "input.1": detectorInput(["horse-cart.jpg"]) }, large: true },
    ],
  },
  {
    name: "silero-vad-16k-op15",
    cases: () => [
      { kind: "silent past", feeds: silero(1, zeros([2, 1, 128])) },
      { kind: "batch 3, any past", feeds: silero(3, seeded(3).tensor("f32", [2, 3, 128])) },
    ],
  },
  {
    name: "silero-vad-v1-micro-transformer",
    cases: () => [
      { kind: "a quarter second", feeds: { input: rows(1, 4000) } },
      { kind: "batch 2", feeds: { input: rows(2, 4000) } },
      { kind: "longer", feeds: { input: rows(1, 6400) } },
    ],
  },
  {
    name: "dtln-1-lstm",
    cases: () => [
      { kind: "silent past", feeds: { input_2: magnitude(32000), input_3: zeros([1, 2, 128, 2]) } },
      { kind: "any past", feeds: { input_2: magnitude(40000), input_3: state(5) } },
    ],
  },
  {
    name: "dtln-2-lstm-unrolled",
    cases: () => [
      { kind: "silent past", feeds: { input_4: time(32000), input_5: zeros([1, 2, 128, 2]) } },
      { kind: "any past", feeds: { input_4: time(40000), input_5: state(6) } },
    ],
  },
  {
    name: "magika-v3_3",
    cases: () =>
      [1, 3].map((n) => ({ kind: `${n} files`, feeds: { bytes: fileFeatures(labelledFiles().files.slice(7, 7 + n)) }, large: n > 1 })),
  },
  {
    name: "ppocr-cls-mobilenetv3",
    cases: () => [
      { kind: "one of 192", feeds: { x: directionInput(["ocr-text-cls.jpg"], 192) } },
      { kind: "two of 160", feeds: { x: directionInput(["ocr-text-cls.jpg", "ocr-text-rec.jpg"], 160) } },
    ],
  },
  detectorCases("ppocr-det-mobile-v2"),
  detectorCases("ppocr-det-mobile-v2-pruned"),
  { name: "super-resolution-op18", cases: () => [{ kind: "224x224", feeds: { input: luma() } }] },
  {
    name: "legacy-ir1/super-resolution-ir1",
    oracle: { name: "super-resolution-op18", input: "input" },
    cases: () => [{ kind: "224x224", feeds: { "1": luma() } }],
  },
];
