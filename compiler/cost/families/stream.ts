/** @file Kernels that walk their operands once: element-wise functions, reductions, pools, and movement. */
import { broadcastStrides, mergeAxes, rowMajor } from "../../../runtime/step/shapes.ts";
import { type CostFamily, coldValues } from "../family.ts";
import { type CostStep, touchedBytes } from "../step.ts";

const cold = ["L3 value bytes", "memory value bytes"] as const;

function size(step: CostStep): number {
  return step.results[0]?.elements ?? 0;
}

/** One loop over the elements of the result. */
export function perElement(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "elements", ...cold],
    count: (step) => [1, size(step), ...coldValues(touchedBytes(step))],
  };
}

/** A loop over elements where the shapes are equal or one side is a scalar; loops over the innermost axis otherwise. */
export function broadcasting(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "elements", "runs", "elements of odd strides", ...cold],
    count(step) {
      const { runs, plain } = innerRuns(step);
      const n = size(step);
      return [1, plain ? n : 0, runs, plain ? 0 : n, ...coldValues(touchedBytes(step))];
    },
  };
}

/** How many runs of the innermost axis there are, and whether each operand is contiguous or repeated in one. */
function innerRuns({ operands, results }: CostStep): { readonly runs: number; readonly plain: boolean } {
  const shape = results[0]?.shape ?? [];
  const strides = operands.flatMap((operand) => (operand ? [broadcastStrides(operand.shape, shape) ?? rowMajor(shape)] : []));
  const merged = mergeAxes(shape, strides);
  const runs = merged.sizes.slice(0, -1).reduce((n, d) => n * d, 1);
  const plain = merged.strides.every((own) => (own.at(-1) ?? 1) <= 1);
  return { runs: merged.sizes.length === 1 && plain ? 0 : runs, plain };
}

/** Softmax and the like along an axis; down the columns when the axis is not the last. */
export function alongAxis(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "rows", "elements", "columns", "elements of columns", ...cold],
    count(step) {
      const shape = step.operands[0]?.shape ?? [];
      const at = axisOf(step, shape.length);
      const inner = shape.slice(at + 1).reduce((n, d) => n * d, 1);
      const rows = size(step) / Math.max(1, shape[at] ?? 1);
      const n = size(step);
      const down = inner > 1;
      const columns = down ? (rows / inner) * Math.ceil(inner / 4) : 0;
      return [1, down ? 0 : rows, down ? 0 : n, columns, columns * (shape[at] ?? 1), ...coldValues(touchedBytes(step))];
    },
  };
}

function axisOf({ attrs }: CostStep, rank: number): number {
  const axis = Number(attrs.axis ?? -1);
  return axis < 0 ? axis + rank : axis;
}

/** Sum, mean, maximum over axes: along rows, down columns, or after a transposed copy. */
export function reduction(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "rows", "elements of rows", "rows added", "elements added", "elements turned", ...cold],
    count(step) {
      const shape = step.operands[0]?.shape ?? [];
      const listed = Array.isArray(step.attrs.axes)
        ? step.attrs.axes.map((axis) => (Number(axis) < 0 ? Number(axis) + shape.length : Number(axis)))
        : [];
      const n = step.operands[0]?.elements ?? 0;
      const wide = listed.filter((axis) => shape[axis] !== 1).sort((a, b) => a - b);
      const [first = 0, last = first - 1] = [wide[0], wide.at(-1)];
      const gap = shape.some((d, axis) => axis > first && axis < last && d !== 1 && !listed.includes(axis));
      const inner = gap ? 1 : shape.slice(last + 1).reduce((m, d) => m * d, 1);
      const rows = inner === 1;
      return [
        1,
        rows ? size(step) : 0,
        rows ? n : 0,
        rows ? 0 : n / inner,
        rows ? 0 : (n / inner) * Math.ceil(inner / 4) * 4,
        gap ? n : 0,
        ...coldValues(touchedBytes(step)),
      ];
    },
  };
}

/** Windows of pools: four neighbours at a time inside the row where they are 1 or 2 apart, one at a time elsewhere (`assembly/pool.ts`). */
export function pool(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "rows", "4 windows", "taps of 4", "single windows", "taps of single", ...cold],
    count(step) {
      const [x, y] = [step.operands[0]?.shape ?? [], step.results[0]?.shape ?? []];
      const width = y.at(-1) ?? 1;
      const rows = size(step) / Math.max(1, width);
      const [kernel, stride, pad] = [lastOf(step.attrs.kernel, 1), lastOf(step.attrs.stride, 1), beginOf(step.attrs.pad)];
      const taps = step.elementOps / Math.max(1, size(step));
      const inside = stride > 2 ? 0 : Math.min(width, ((x.at(-1) ?? 1) + pad - kernel - 4 * stride) / stride + 4) - Math.ceil(pad / stride);
      const four = Math.max(0, Math.floor(inside / 4));
      const single = width - 4 * four;
      return [1, rows, rows * four, rows * four * taps, rows * single, rows * single * taps, ...coldValues(touchedBytes(step))];
    },
  };
}

function lastOf(value: unknown, fallback: number): number {
  return Array.isArray(value) && value.length > 0 ? Number(value.at(-1)) : fallback;
}

/** Padding before the last axis. */
function beginOf(pad: unknown): number {
  return Array.isArray(pad) && pad.length > 0 ? Number(pad[(pad.length >> 1) - 1]) : 0;
}

/** Copies through strides: runs where the innermost axis is contiguous, single elements where it is not. */
export function strided(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "runs", "run bytes", "single elements", "scattered elements", ...cold],
    count(step) {
      const { runs, contiguous, far } = copyRuns(step);
      const n = size(step);
      const bytes = step.results[0]?.bytes ?? 0;
      return [1, runs, contiguous ? bytes : 0, contiguous ? 0 : n, !contiguous && far ? n : 0, ...coldValues(touchedBytes(step))];
    },
  };
}

/** `far`: neighbours of the result lie in different lines of more source than the first cache holds. */
function copyRuns(step: CostStep): { readonly runs: number; readonly contiguous: boolean; readonly far: boolean } {
  const [x, y] = [step.operands[0], step.results[0]];
  if (!x || !y) return { runs: 0, contiguous: true, far: false };
  const { sizes, strides } = mergeAxes(y.shape, [sourceStrides(step, x.shape, y.shape)]);
  const step1 = strides[0]?.at(-1) ?? 1;
  const length = sizes.at(-1) ?? 1;
  const bytes = x.bytes / Math.max(1, x.elements);
  return {
    runs: y.elements / Math.max(1, length),
    contiguous: step1 === 1,
    far: Math.abs(step1) * bytes >= 64 && length * 64 > 32768,
  };
}

function sourceStrides({ op, attrs }: CostStep, x: readonly number[], y: readonly number[]): readonly number[] {
  const own = rowMajor(x);
  const perm = attrs.perm;
  if (op === "shape.transpose" && Array.isArray(perm)) return perm.map((axis) => own[Number(axis)] ?? 1);
  if (op === "shape.broadcast") return broadcastStrides(x, y) ?? rowMajor(y);
  const steps = Array.isArray(attrs.steps) ? attrs.steps.map(Number) : [];
  const axes = Array.isArray(attrs.axes) && attrs.axes.length > 0 ? attrs.axes.map(Number) : steps.map((_, i) => i);
  return own.map((stride, axis) => {
    const at = axes.findIndex((a) => (a < 0 ? a + x.length : a) === axis);
    return stride * (at < 0 ? 1 : (steps[at] ?? 1));
  });
}

/** Whole blocks laid behind each other or chosen: concat, pad, gather. */
export function blocks(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "operands", "blocks", "bytes", ...cold],
    count(step) {
      const bytes = step.results[0]?.bytes ?? 0;
      return [1, step.operands.length, blockCount(step), bytes, ...coldValues(touchedBytes(step))];
    },
  };
}

function blockCount(step: CostStep): number {
  const shape = step.results[0]?.shape ?? [];
  const outer = (axis: number) => shape.slice(0, axis).reduce((n, d) => n * d, 1);
  if (step.op === "shape.concat") return outer(axisOf(step, shape.length)) * step.operands.length;
  if (step.op === "shape.gather") {
    const axis = axisOf(step, step.operands[0]?.shape.length ?? 0);
    return outer(axis + (step.operands[1]?.shape.length ?? 0));
  }
  return size(step) / Math.max(1, shape.at(-1) ?? 1);
}
