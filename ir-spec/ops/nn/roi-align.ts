/**
 * @file Pooling of regions of interest by bilinear samples (He et al., Mask R-CNN, 2017). Where the samples lie is computed in f32, as engines do: how many there are, and whether one is outside, follows from it.
 */
import { dimMul, dimProduct } from "../../core/dim.ts";
import { TersorError } from "../../core/problem.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, toNumbers } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { oneToOne } from "../shape/axis-maps.ts";
import { demandDim, dimAt, floats } from "./checks.ts";

export const roiAlign = defineOp({
  name: "nn.roi_align",
  since: 1,
  doc: [
    "Each region `[x1, y1, x2, y2]`, times `scale` and less half a pixel if `half_pixel`, is divided into `size` bins, each bin into `sampling` x `sampling` samples; `sampling = 0` takes `ceil(extent / size)` on each axis.",
    "A sample is bilinear between pixels' centres; beyond one pixel outside it is 0. A bin is the mean of its samples or, with `max`, the largest product of a pixel and its weight. Without `half_pixel` a region is at least one pixel wide and high.",
    "ONNX `RoiAlign`.",
  ].join("\n"),
  operands: [
    { name: "x", role: "data", axes: ["batch", "channels", "height", "width"], dtypes: floats },
    { name: "rois", role: "data", axes: ["regions", "4"], dtypes: floats },
    { name: "batch_indices", role: "index", axes: ["regions"], dtypes: indexTypes, doc: "Sample of x that each region lies in." },
  ],
  results: [{ name: "y", axes: ["regions", "channels", "height", "width"] }],
  attrs: {
    size: a.ints("bins: height and width of the result"),
    sampling: a.int("samples of a bin on each axis; 0: as many as its extent", 0),
    scale: a.float("factor from the regions' coordinates to pixels of x", 1),
    half_pixel: a.bool("pixels' centres lie at halves", true),
    mode: a.enum(["avg", "max"], "what becomes of a bin's samples", "avg"),
  },
  infer(ctx) {
    const [x, rois, samples] = [ctx.type(0), ctx.type(1), ctx.type(2)];
    if (rois.dtype !== x.dtype) ctx.fail(`x is ${x.dtype}, rois are ${rois.dtype}`, 1);
    if (x.shape.length !== 4) ctx.fail(`x is [batch, channels, height, width], got rank ${x.shape.length}`, 0);
    if (rois.shape.length !== 2) ctx.fail(`rois is [regions, 4], got rank ${rois.shape.length}`, 1);
    if (samples.shape.length !== 1) ctx.fail(`batch_indices is [regions], got rank ${samples.shape.length}`, 2);
    demandDim(ctx, dimAt(rois, 1), 4, (has) => `a region is [x1, y1, x2, y2], rois have ${has} columns`, 1);
    demandDim(ctx, dimAt(samples, 0), dimAt(rois, 0), (has, wants) => `${has} batch_indices for ${wants} regions`, 2);
    const { size, sampling } = ctx.attrs;
    if (size.length !== 2 || size.some((n) => n < 1)) ctx.fail(`size is a height and a width of at least 1, got [${size.join(", ")}]`);
    if (sampling < 0) ctx.fail(`sampling must not be negative, got ${sampling}`);
    return [tensorType(x.dtype, [dimAt(rois, 0), dimAt(x, 1), ...size])];
  },
  reference: ({ input, attrs, outputs }) => [align(input(0), input(1), toNumbers(input(2)), outputs[0]?.shape ?? [], attrs)],
  work: ({ outputs, attrs }) => ({ macs: dimMul(dimProduct(outputs[0]?.shape ?? []), 4 * Math.max(attrs.sampling, 2) ** 2) }),
  noGradient: "its adjoint, which adds to the pixels that were sampled, is not among the ops",
  maps: () => [oneToOne(0, 1, 1), oneToOne(1, 0, 0), oneToOne(2, 0, 0)],
  select: ({ side, index, axis, attrs }) =>
    (side === "result" ? axis < 2 : index === 0 ? axis === 1 : axis === 0)
      ? { attrs: { ...attrs } }
      : { refuse: `axis ${axis} is sampled` },
});

interface Attrs {
  readonly size: readonly number[];
  readonly sampling: number;
  readonly scale: number;
  readonly half_pixel: boolean;
  readonly mode: string;
}

const f32 = Math.fround;

/** Two pixels of a row or column, and their weights. */
interface Tap {
  readonly low: number;
  readonly high: number;
  readonly right: number;
}

/** The samples of each bin along one axis; null: outside. */
function axisTaps(from: number, to: number, bins: number, length: number, attrs: Attrs): readonly (readonly (Tap | null)[])[] {
  const offset = attrs.half_pixel ? 0.5 : 0;
  const start = f32(f32(from * f32(attrs.scale)) - offset);
  const raw = f32(f32(f32(to * f32(attrs.scale)) - offset) - start);
  const extent = attrs.half_pixel ? raw : Math.max(raw, 1);
  const bin = f32(extent / bins);
  const count = attrs.sampling > 0 ? attrs.sampling : Math.ceil(f32(extent / bins));
  const position = (b: number, i: number) => f32(f32(start + f32(b * bin)) + f32(f32((i + 0.5) * bin) / count));
  return Array.from({ length: bins }, (_, b) => Array.from({ length: Math.max(count, 0) }, (_, i) => tapAt(position(b, i), length)));
}

function tapAt(position: number, length: number): Tap | null {
  if (!(position >= -1 && position <= length)) return null;
  const at = Math.max(position, 0);
  const low = Math.floor(at);
  return low >= length - 1 ? { low: length - 1, high: length - 1, right: 0 } : { low, high: low + 1, right: f32(at - low) };
}

function align(x: HostTensor, rois: HostTensor, samples: readonly number[], shape: readonly number[], attrs: Attrs): HostTensor {
  const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
  const [rows = 1, columns = 1] = attrs.size;
  const [pixels, corners] = [asFloat64(x.data), asFloat64(rois.data)];
  const y = new Float64Array(samples.length * channels * rows * columns);
  samples.forEach((sample, r) => {
    if (sample < 0 || sample >= batch)
      throw new TersorError({ code: "E0503", message: `nn.roi_align: region ${r} lies in sample ${sample} of ${batch}`, operand: 2 });
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = corners.subarray(4 * r, 4 * r + 4);
    const [ys, xs] = [axisTaps(y1, y2, rows, height, attrs), axisTaps(x1, x2, columns, width, attrs)];
    for (let c = 0; c < channels; c++) {
      const plane = pixels.subarray((sample * channels + c) * height * width, (sample * channels + c + 1) * height * width);
      ys.forEach((down, i) => {
        xs.forEach((across, j) => {
          y[((r * channels + c) * rows + i) * columns + j] = pooled(plane, width, down, across, attrs.mode);
        });
      });
    }
  });
  return roundedTensor(x.dtype, shape, y);
}

function pooled(plane: Float64Array, width: number, down: readonly (Tap | null)[], across: readonly (Tap | null)[], mode: string): number {
  const count = Math.max(down.length * across.length, 1);
  let [sum, most] = [0, Number.NEGATIVE_INFINITY];
  for (const v of down) {
    for (const h of across) {
      const parts = v && h ? weighted(plane, width, v, h) : [0];
      sum += parts.reduce((total, part) => total + part, 0);
      most = Math.max(most, ...parts);
    }
  }
  return mode === "avg" ? sum / count : down.length * across.length === 0 ? 0 : most;
}

const weighted = (plane: Float64Array, width: number, v: Tap, h: Tap): readonly number[] => [
  (1 - v.right) * (1 - h.right) * (plane[v.low * width + h.low] as number),
  (1 - v.right) * h.right * (plane[v.low * width + h.high] as number),
  v.right * (1 - h.right) * (plane[v.high * width + h.low] as number),
  v.right * h.right * (plane[v.high * width + h.high] as number),
];
