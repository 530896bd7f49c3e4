/** @file Regions of interest, determinants, suppression of overlapping boxes. Where a comparison decides, numbers are rounded to f32 step by step, as the reference does. */
import { RuntimeError } from "../../../errors.ts";
import { span } from "../../../limits.ts";
import { boolAttr, demand, floatAttr, intAttr, intsAttr, operand, refusal, result } from "../../../step/step.ts";
import { elementCount, Tensor } from "../../../tensor.ts";
import type { KernelCall, TensorAt, WasmKernel } from "../kernel.ts";

const f32 = Math.fround;

/** An element of an index; beyond 32 bits it is out of any range. */
function indexAt({ memory }: KernelCall, { dtype, ptr }: TensorAt, i: number): number {
  if (dtype === "i32") return memory.i32[(ptr >>> 2) + i] as number;
  const at = (ptr >>> 2) + 2 * i;
  return (memory.i32[at + 1] as number) * 2 ** 32 + ((memory.i32[at] as number) >>> 0);
}

/** Two pixels of an axis and the weight of the second; null: outside. */
type Tap = readonly [low: number, high: number, right: number] | null;

function tapAt(position: number, length: number): Tap {
  if (!(position >= -1 && position <= length)) return null;
  const at = Math.max(position, 0);
  const low = Math.floor(at);
  return low >= length - 1 ? [length - 1, length - 1, 0] : [low, low + 1, f32(at - low)];
}

const roiAlign: WasmKernel = {
  id: "f32_roi_align",
  work: (step) => span(result(step).shape) * 4 * Math.max(intAttr(step, "sampling", 0), 2) ** 2,
  bind(call) {
    const [x, rois, samples, y] = [operand(call, 0, "f32"), operand(call, 1, "f32"), operand(call, 2, "i64", "i32"), result(call, "f32")];
    const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
    const [rows = 1, columns = 1] = intsAttr(call, "size", 2, 1);
    const count = elementCount(samples.shape);
    const sound =
      x.shape.length === 4 && elementCount(rois.shape) === 4 * count && y.shape.join() === [count, channels, rows, columns].join();
    demand(call, sound, `${count} regions of [${x.shape.join(", ")}] do not give [${y.shape.join(", ")}]`);
    const [sampling, scale, half] = [intAttr(call, "sampling", 0), f32(floatAttr(call, "scale", 1)), call.attrs.half_pixel !== false];
    const [mean, { memory, origin }] = [call.attrs.mode !== "max", call];
    const tapsOf = (from: number, to: number, bins: number, length: number): Tap[][] => {
      const start = f32(f32(from * scale) - (half ? 0.5 : 0));
      const raw = f32(f32(f32(to * scale) - (half ? 0.5 : 0)) - start);
      const bin = f32((half ? raw : Math.max(raw, 1)) / bins);
      const each = sampling > 0 ? sampling : Math.max(Math.ceil(bin), 0);
      const row = (b: number) =>
        Array.from({ length: each }, (_, i) => tapAt(f32(f32(start + f32(b * bin)) + f32(f32((i + 0.5) * bin) / each)), length));
      return Array.from({ length: bins }, (_, b) => row(b));
    };
    return () => {
      const { f32: data } = memory;
      let out = y.ptr >>> 2;
      for (let r = 0; r < count; r++) {
        const sample = indexAt(call, samples, r);
        if (!(sample >= 0 && sample < batch)) throw new RuntimeError("R0408", `region ${r} lies in sample ${sample} of ${batch}`, origin);
        const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = data.subarray((rois.ptr >>> 2) + 4 * r);
        const [down, across] = [tapsOf(y1, y2, rows, height), tapsOf(x1, x2, columns, width)];
        for (let c = 0; c < channels; c++) {
          const plane = (x.ptr >>> 2) + (sample * channels + c) * height * width;
          for (const v of down) for (const h of across) data[out++] = pooled(data, plane, width, v, h, mean);
        }
      }
    };
  },
};

function pooled(data: Float32Array, plane: number, width: number, down: readonly Tap[], across: readonly Tap[], mean: boolean): number {
  const count = down.length * across.length;
  let [sum, most] = [0, Number.NEGATIVE_INFINITY];
  for (const v of down) {
    for (const h of across) {
      if (!v || !h) {
        most = Math.max(most, 0);
        continue;
      }
      const [top, bottom] = [plane + v[0] * width, plane + v[1] * width];
      const a = (1 - v[2]) * (1 - h[2]) * (data[top + h[0]] as number);
      const b = (1 - v[2]) * h[2] * (data[top + h[1]] as number);
      const c = v[2] * (1 - h[2]) * (data[bottom + h[0]] as number);
      const d = v[2] * h[2] * (data[bottom + h[1]] as number);
      sum += a + b + c + d;
      most = Math.max(most, a, b, c, d);
    }
  }
  return mean ? sum / Math.max(count, 1) : count === 0 ? 0 : most;
}

const det: WasmKernel = {
  id: "f32_det",
  work: (step) => span(operand(step, 0).shape) * (operand(step, 0).shape.at(-1) ?? 1),
  bind(call) {
    const [x, y] = [operand(call, 0, "f32"), result(call, "f32")];
    const size = x.shape[x.shape.length - 1] ?? 0;
    const count = elementCount(y.shape);
    demand(
      call,
      x.shape.at(-2) === size && elementCount(x.shape) === count * size * size,
      `[${x.shape.join(", ")}] holds no square matrices`,
    );
    const { memory } = call;
    return () => {
      const [{ f32: data }, from] = [memory, x.ptr >>> 2];
      for (let i = 0; i < count; i++) {
        const matrix = Float64Array.from(data.subarray(from + i * size * size, from + (i + 1) * size * size));
        data[(y.ptr >>> 2) + i] = determinant(matrix, size);
      }
    };
  },
};

/** By elimination with partial pivoting; the matrix is overwritten. */
function determinant(m: Float64Array, size: number): number {
  let product = 1;
  for (let k = 0; k < size; k++) {
    const row = (r: number) => m.subarray(r * size, (r + 1) * size);
    let pivot = k;
    for (let r = k + 1; r < size; r++) if (Math.abs(row(r)[k] as number) > Math.abs(row(pivot)[k] as number)) pivot = r;
    const best = row(pivot).slice();
    const value = best[k] as number;
    if (value === 0) return 0;
    product *= pivot === k ? value : -value;
    row(pivot).set(row(k));
    for (let r = k + 1; r < size; r++) {
      const factor = (row(r)[k] as number) / value;
      for (let c = k; c < size; c++) m[r * size + c] = (m[r * size + c] as number) - factor * (best[c] as number);
    }
  }
  return product;
}

/** Left, right, top, bottom and area of every box. */
function edges(data: Float32Array, count: number, center: boolean): Float32Array {
  const out = new Float32Array(5 * count);
  for (let i = 0; i < count; i++) {
    const [p = 0, q = 0, r = 0, s = 0] = data.subarray(4 * i, 4 * i + 4);
    const [x1, x2] = center ? [f32(p - r / 2), f32(p + r / 2)] : [q, s];
    const [y1, y2] = center ? [f32(q - s / 2), f32(q + s / 2)] : [p, r];
    const [left, right, top, bottom] = [Math.min(x1, x2), Math.max(x1, x2), Math.min(y1, y2), Math.max(y1, y2)];
    out.set([left, right, top, bottom, f32(right - left) * f32(bottom - top)], 5 * i);
  }
  return out;
}

function overlap(e: Float32Array, i: number, j: number, threshold: number): boolean {
  const at = (box: number, k: number) => e[5 * box + k] as number;
  const width = f32(Math.min(at(i, 1), at(j, 1)) - Math.max(at(i, 0), at(j, 0)));
  const height = f32(Math.min(at(i, 3), at(j, 3)) - Math.max(at(i, 2), at(j, 2)));
  if (!(width > 0 && height > 0)) return false;
  const shared = f32(width * height);
  const union = f32(f32(at(i, 4) + at(j, 4)) - shared);
  return at(i, 4) > 0 && at(j, 4) > 0 && union > 0 && f32(shared / union) > threshold;
}

const nonMaxSuppression: WasmKernel = {
  id: "non_max_suppression",
  find(call) {
    const [boxes, scores, most] = [operand(call, 0, "f32"), operand(call, 1, "f32"), operand(call, 2, "i64", "i32")];
    const thresholds = [3, 4].map((i) => operand(call, i, "f32"));
    const [batch = 0, classes = 0, count = 0] = scores.shape;
    const single = [most, ...thresholds].every(({ shape }) => elementCount(shape) === 1);
    demand(
      call,
      scores.shape.length === 3 && boxes.shape.join() === [batch, count, 4].join() && single,
      "boxes, scores and thresholds do not fit",
    );
    const center = boolAttr(call, "center");
    const { memory } = call;
    return () => {
      const { f32: data } = memory;
      const [iou = 0, least = 0] = thresholds.map(({ ptr }) => data[ptr >>> 2]);
      const limit = indexAt(call, most, 0);
      const rows: number[] = [];
      for (let n = 0; n < batch; n++) {
        const e = edges(data.subarray((boxes.ptr >>> 2) + 4 * n * count), count, center);
        for (let c = 0; c < classes; c++) {
          const score = data.subarray((scores.ptr >>> 2) + (n * classes + c) * count);
          const order = Array.from({ length: count }, (_, i) => i).filter((i) => (score[i] as number) > least);
          order.sort((i, j) => (score[j] as number) - (score[i] as number) || i - j);
          const kept: number[] = [];
          for (const i of order) {
            if (kept.length >= limit) break;
            if (kept.every((k) => !overlap(e, k, i, iou))) kept.push(i);
          }
          for (const i of kept) rows.push(n, c, i);
        }
      }
      return [new Tensor("i64", BigInt64Array.from(rows, BigInt), [rows.length / 3, 3])];
    };
  },
  bind(call) {
    throw refusal(call, "only a run tells the sizes of its results");
  },
};

export const detectionKernels: readonly WasmKernel[] = [roiAlign, det, nonMaxSuppression];
