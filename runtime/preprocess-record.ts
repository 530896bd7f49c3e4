/**
 * @file What an image model wants done to pixels, as a `.tsr` declares it: one record from which compiling, measuring and an app feed the model alike.
 * The record comes out of a file that anyone may have written, so every field is checked before it decides about a size. A file holds only what
 * differs from the defaults.
 */
import { RuntimeError } from "./errors.ts";

/**
 * For each value of the tensor: `value = (pixel * scale - mean[c]) / std[c]`, pixel 0 .. 255 after resizing, c in the order of `channels`. Pixels are
 * not rounded between the steps.
 */
export interface ImagePreprocessing {
  /** The model's input that takes the picture. */
  readonly input: string;
  /** Pixels that the model takes. */
  readonly width: number;
  readonly height: number;
  /** Order of the axes after the batch: channels first or last. Default `nchw`. */
  readonly layout: "nchw" | "nhwc";
  /** `grey` is ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B. Default `rgb`. */
  readonly channels: "grey" | "rgb" | "bgr";
  /** `stretch` to the size (default), `contain` inside it with borders of `fill`, or `cover` it and cut what hangs over, both centred. */
  readonly resize: "stretch" | "contain" | "cover";
  /** Factor on pixels. Default 1. */
  readonly scale: number;
  /** One number per channel, in units of `pixel * scale`. Default 0. */
  readonly mean: readonly number[];
  /** One number per channel. Default 1. */
  readonly std: readonly number[];
  /** Grey level, 0 .. 255, of borders and behind transparent pixels. Default 0. */
  readonly fill: number;
  /** Pixels become 255 - pixel, after `fill`: for models that want light on dark. Default false. */
  readonly invert: boolean;
  /** Names of the classes that the model's scores stand for; null when there are none. */
  readonly labels: readonly string[] | null;
}

export const imageLayouts = ["nchw", "nhwc"] as const;
export const imageChannels = ["grey", "rgb", "bgr"] as const;
export const imageResizes = ["stretch", "contain", "cover"] as const;

/** Every key of the record, in the order in which it is written. */
export const imagePreprocessingKeys = [
  "input",
  "width",
  "height",
  "layout",
  "channels",
  "resize",
  "scale",
  "mean",
  "std",
  "fill",
  "invert",
  "labels",
] as const satisfies readonly (keyof ImagePreprocessing)[];

/** Longest side of a prepared picture. Keeps a hostile record from asking for gigabytes: 3 channels of f32 at this size are 192 MB. */
const longestSide = 4096;
const mostLabels = 1 << 20;

/**
 * The image preprocessing that a file declares, every field filled in; null when it declares none. Unknown keys are passed over: a later version may have written them.
 * @param info `session.info`, or what `modelInfo` gives
 * @throws RuntimeError R0320 naming the field that is wrong
 */
export function imagePreprocessing(info: { readonly preprocessing: Readonly<Record<string, unknown>> | null }): ImagePreprocessing | null {
  return info.preprocessing === null ? null : parseImagePreprocessing(info.preprocessing);
}

/** Checks a record and fills in the defaults. @throws RuntimeError R0320 naming the field that is wrong. */
export function parseImagePreprocessing(record: Readonly<Record<string, unknown>>): ImagePreprocessing {
  const own = (key: keyof ImagePreprocessing): unknown => (Object.hasOwn(record, key) ? record[key] : undefined);
  const channels = word("channels", own("channels"), imageChannels, "rgb");
  const count = channelCount(channels);
  return {
    input: text("input", own("input")),
    width: side("width", own("width")),
    height: side("height", own("height")),
    layout: word("layout", own("layout"), imageLayouts, "nchw"),
    channels,
    resize: word("resize", own("resize"), imageResizes, "stretch"),
    scale: number("scale", own("scale") ?? 1),
    mean: perChannel("mean", own("mean") ?? 0, count),
    std: deviations(own("std") ?? 1, count),
    fill: greyLevel(own("fill") ?? 0),
    invert: flag("invert", own("invert") ?? false),
    labels: labels(own("labels")),
  };
}

export function channelCount(channels: ImagePreprocessing["channels"]): 1 | 3 {
  return channels === "grey" ? 1 : 3;
}

function refuse(field: keyof ImagePreprocessing, value: unknown, expected: string): never {
  const given = typeof value === "string" ? JSON.stringify(value) : Array.isArray(value) ? `a list of ${value.length}` : String(value);
  throw new RuntimeError("R0320", `expected ${expected}, found ${given}`, `preprocessing.${field}`);
}

function text(field: keyof ImagePreprocessing, value: unknown): string {
  return typeof value === "string" && value !== "" ? value : refuse(field, value, "a name");
}

function word<W extends string>(field: keyof ImagePreprocessing, value: unknown, words: readonly W[], fallback: W): W {
  if (value === undefined) return fallback;
  return words.find((candidate) => candidate === value) ?? refuse(field, value, words.join(" | "));
}

function side(field: keyof ImagePreprocessing, value: unknown): number {
  const fits = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= longestSide;
  return fits ? value : refuse(field, value, `a whole number of pixels from 1 to ${longestSide}`);
}

function number(field: keyof ImagePreprocessing, value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : refuse(field, value, "a finite number");
}

function greyLevel(value: unknown): number {
  const level = number("fill", value);
  return level >= 0 && level <= 255 ? level : refuse("fill", value, "a grey level from 0 to 255");
}

function flag(field: keyof ImagePreprocessing, value: unknown): boolean {
  return typeof value === "boolean" ? value : refuse(field, value, "true or false");
}

/** One number stands for every channel. */
function perChannel(field: keyof ImagePreprocessing, value: unknown, count: number): readonly number[] {
  if (!Array.isArray(value)) return new Array<number>(count).fill(number(field, value));
  if (value.length !== count) refuse(field, value, `${count} ${count === 1 ? "number, one for the channel" : "numbers, one per channel"}`);
  return value.map((item) => number(field, item));
}

function deviations(value: unknown, count: number): readonly number[] {
  const all = perChannel("std", value, count);
  return all.includes(0) ? refuse("std", 0, "deviations that are not zero") : all;
}

function labels(value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value) || value.length > mostLabels) refuse("labels", value, `a list of at most ${mostLabels} names`);
  return (value as readonly unknown[]).map((item) => (typeof item === "string" ? item : refuse("labels", item, "names")));
}
