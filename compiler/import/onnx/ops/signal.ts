/** @file Operators of signal processing: `DFT`, `STFT`, `MelWeightMatrix`. What decides sizes must be known; the signal's length may be symbolic in an `STFT`. */
import { type Dim, dimAdd, dimDiv, dimProduct, dimSub, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { dtypeOf } from "../tensor.ts";
import { longestList, type Value } from "../value.ts";
import { transformed } from "./fourier.ts";
import { inSingle } from "./half-precision.ts";
import { iota } from "./iota.ts";

/** The axis moved to the place before the parts, or back; its own inverse. */
function exchanged(node: NodeContext, x: Value, axis: number): Value {
  const before = x.type.shape.length - 2;
  if (axis === before) return x;
  const perm = x.type.shape.map((_, i) => (i === axis ? before : i === before ? axis : i));
  return node.emit("shape.transpose", [x], { perm });
}

const sliced = (node: NodeContext, x: Value, axis: number, start: number, end: number): Value =>
  node.emit("shape.slice", [x], { axes: [axis], starts: [start], ends: [end] });

/** Cut, or filled with zeros, to `length` along an axis. */
function resized(node: NodeContext, x: Value, axis: number, length: number): Value {
  const size = node.staticDim(x.type.shape[axis] ?? 1, "the length of the signal");
  if (size === length) return x;
  if (size > length) return sliced(node, x, axis, 0, length);
  const zeros = x.type.shape.map(() => 0);
  return node.emit("shape.pad", [x], { before: zeros, after: zeros.map((_, i) => (i === axis ? length - size : 0)) });
}

/** All `length` values of a spectrum whose second half mirrors the first, conjugate. x: [rows, length / 2 + 1, 2]. */
function mirrored(node: NodeContext, x: Value, length: number): Value {
  const from = Math.ceil(length / 2) - 1;
  if (from < 1) return sliced(node, x, 1, 0, length);
  const back = node.emit("shape.slice", [x], { axes: [1], starts: [from], ends: [0], steps: [-1] });
  const signs = node.literal(tensorType(x.type.dtype, [2]), encodeNumbers(x.type.dtype, [2], [1, -1]));
  return node.emit("shape.concat", [x, node.emit("math.mul", [back, signs])], { axis: 1 });
}

interface Transform {
  readonly length: number;
  readonly inverse: boolean;
  readonly onesided: boolean;
}

/** The axis before the last one; the last one holds the parts. */
function transformLast(node: NodeContext, x: Value, { length, inverse, onesided }: Transform): Value {
  const half = Math.floor(length / 2) + 1;
  const outer = x.type.shape.slice(0, -2);
  const parts = node.staticDim(x.type.shape.at(-1) ?? 1, "the last axis");
  if (parts !== 1 && parts !== 2) node.fail("E0606", `the last axis holds 1 (real) or 2 (complex) numbers, got ${parts}`);
  const back = inverse && onesided;
  if (back && parts !== 2) node.fail("E0606", "the spectrum that is transformed back must be complex");
  const cut = resized(node, x, x.type.shape.length - 2, back ? half : length);
  const rows = node.reshape(cut, [dimProduct(outer), back ? half : length, parts]);
  let y = transformed(node, back ? mirrored(node, rows, length) : rows, inverse ? 1 : -1);
  if (inverse) y = node.emit("math.mul", [y, node.scalar(1 / length, y.type.dtype)]);
  if (onesided) y = back ? sliced(node, y, 2, 0, 1) : sliced(node, y, 1, 0, half);
  return node.reshape(y, [...outer, onesided && !back ? half : length, back ? 1 : 2]);
}

/** x [.., length, .., 1 or 2]. The axis is an attribute before opset 20, an input since. */
function dft(node: NodeContext): Value {
  const { attributes } = node;
  const rank = node.rank(0);
  const given = node.opset < 20 ? attributes.int("axis", 1) : node.has(2) ? node.number(2, "the axis") : -2;
  const axis = node.axis(given, rank);
  if (axis === rank - 1) node.fail("E0606", `axis ${given} holds the real and imaginary parts`);
  const [inverse, onesided] = [attributes.flag("inverse", false), attributes.flag("onesided", false)];
  const size = (): number => node.staticDim(node.type(0).shape[axis] ?? 1, "the length of the signal");
  const length = node.has(1) ? node.number(1, "dft_length") : inverse && onesided ? 2 * (size() - 1) : size();
  if (!Number.isInteger(length) || length < 1) node.fail("E0606", `the length of the transform must be at least 1, got ${length}`);
  return exchanged(node, transformLast(node, exchanged(node, node.input(0), axis), { length, inverse, onesided }), axis);
}

/** Overlapping frames of the signal [batch, length, parts]: [batch, frames, frame length, parts]. */
function framed(node: NodeContext, signal: Value, length: number, step: number): Value {
  const samples = signal.type.shape[1] ?? 1;
  const frames: Dim = dimAdd(dimDiv(dimSub(samples, length), step), 1);
  if (typeof frames === "number" && frames < 1)
    node.fail("E0606", `a frame of ${length} does not fit a signal of ${samples as number} samples`);
  const starts = node.emit("math.mul", [iota(node, frames, 2, 0), node.scalar(step, "i64")]);
  return node.emit("shape.gather", [signal, node.emit("math.add", [starts, iota(node, length, 2, 1)])], { axis: 1 });
}

function stft(node: NodeContext): Value {
  const given = node.input(0);
  const { shape, dtype } = given.type;
  const signal = shape.length === 2 ? node.reshape(given, [...shape, 1]) : given;
  if (signal.type.shape.length !== 3) node.fail("E0606", `the signal is [batch, length, 1 or 2], got rank ${shape.length}`);
  const step = node.number(1, "frame_step");
  const window = node.has(2) ? node.input(2) : null;
  const span = window?.type.shape[0];
  const length = node.has(3)
    ? node.number(3, "frame_length")
    : node.staticDim(span ?? node.fail("E0606", "a window or frame_length is needed"), "the window's length");
  if (step < 1 || length < 1) node.fail("E0606", `frame_step and frame_length must be at least 1, got ${step} and ${length}`);
  if (span !== undefined && span !== length)
    node.fail("E0605", `a window of ${String(span)} samples for frames of ${length} is not supported`);
  const onesided = node.attributes.flag("onesided", true);
  if (onesided && signal.type.shape[2] !== 1) node.fail("E0606", "half the spectrum (onesided) says all only of real signals");
  const frames = framed(node, signal, length, step);
  const shaped = window ? node.emit("math.mul", [frames, node.reshape(window, [length, 1])]) : frames;
  if (shaped.type.dtype !== dtype) node.fail("E0606", "signal and window differ in dtype");
  return transformLast(node, shaped, { length, inverse: false, onesided });
}

const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const hertz = (m: number): number => 700 * (10 ** (m / 2595) - 1);

/** [length / 2 + 1, bands]: triangles over the spectrum's bins, evenly spaced in mel. */
function melWeights(node: NodeContext): Value {
  const [bands = 0, length = 0, rate = 1, low = 0, high = 0] = [
    "num_mel_bins",
    "dft_length",
    "sample_rate",
    "lower_edge_hertz",
    "upper_edge_hertz",
  ].map((name, i) => node.number(i, name));
  const to = dtypeOf(node.attributes.int("output_datatype", 1), "attribute output_datatype");
  const bins = Math.floor(length / 2) + 1;
  if (bands < 0 || length < 0 || bands * bins > longestList * 16) node.fail("E0605", `${bands} bands of ${bins} bins are not supported`);
  const spacing = (mel(high) - mel(low)) / (bands + 2);
  const edge = (i: number): number => Math.floor(((length + 1) * hertz(mel(low) + i * spacing)) / rate);
  const weights = new Array<number>(bins * bands).fill(0);
  const put = (bin: number, band: number, weight: number): void => {
    if (bin < 0 || bin >= bins) node.fail("E0606", `band ${band} reaches bin ${bin} of ${bins}`);
    weights[bin * bands + band] = weight;
  };
  for (let band = 0; band < bands; band++) {
    const [left, middle, right] = [edge(band), edge(band + 1), edge(band + 2)];
    for (let bin = left; bin <= middle; bin++) put(bin, band, left === middle ? 1 : (bin - left) / (middle - left));
    for (let bin = middle; bin < right; bin++) put(bin, band, (right - bin) / (right - middle));
  }
  return node.literal(tensorType(to, [bins, bands]), encodeNumbers(to, [bins, bands], weights));
}

export const signalOps: OpTable = { DFT: inSingle(dft), STFT: inSingle(stft), MelWeightMatrix: melWeights };
