/** @file Gather and scatter of elements and slices: indices become places in scratch, runs go from or to them. */
import { RuntimeError } from "../../../errors.ts";
import { aroundAxis, rowMajor } from "../../../step/shapes.ts";
import { axisAttr, demand, intAttr, operand, refusal, result, type StepShapes as Step } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, StepShapes, TensorAt, TensorShape, WasmKernel } from "../kernel.ts";
import { kindOf } from "./integer.ts";
import { elementBytes, table, tableBytes } from "./strided-copy.ts";

/** Fills the places in scratch. @throws RuntimeError R0408 for an index that is out of range */
type Locate = () => void;

interface Places {
  /** How many there are, and elements at each. */
  readonly count: number;
  readonly run: number;
  readonly locate: Locate;
}

const indexOf = <T extends TensorShape>(step: Step<T>, at: number): T => operand(step, at, "i32", "i64");
const placesAt = (call: KernelCall): number => call.scratch + tableBytes;

function located(call: KernelCall, words: Int32Array, run: (scratch: number, places: number) => number, rows = "index"): Locate {
  const { memory, scratch, origin } = call;
  return () => {
    memory.i32.set(words, scratch >>> 2);
    const wrong = run(scratch, placesAt(call));
    if (wrong >= 0) throw new RuntimeError("R0408", `${rows} ${wrong} of the indices is outside the axis`, origin);
  };
}

/** Single elements along an axis of `shape`. */
function elementPlaces(call: KernelCall, shape: readonly number[], indices: TensorAt): Places {
  const axis = axisAttr(call, "axis", shape.length, 0);
  const fits = indices.shape.length === shape.length && indices.shape.every((size, i) => i === axis || size <= (shape[i] as number));
  demand(call, fits, `indices [${indices.shape.join(", ")}] do not lie in [${shape.join(", ")}]`);
  const [strides, count] = [rowMajor(shape), elementCount(indices.shape)];
  const [size, along] = [shape[axis] as number, strides[axis] as number];
  const words = table(
    call,
    indices.shape,
    strides.map((stride, i) => (i === axis ? 0 : stride)),
  );
  const [rank, wide] = [shape.length, indices.dtype === "i64" ? 1 : 0];
  const { kernels } = call;
  const locate = located(call, words, (scratch, places) =>
    count === 0 ? -1 : kernels.element_places(wide, indices.ptr, places, rank, scratch, size, along),
  );
  return { count, run: 1, locate };
}

/** Slices of `shape`: each row of the indices names one, after `batch` axes. */
function slicePlaces(call: KernelCall, shape: readonly number[], indices: TensorAt, batch: number): Places {
  const named = indices.shape[indices.shape.length - 1] ?? 0;
  const rows = indices.shape.slice(0, -1);
  const sound = batch >= 0 && batch <= rows.length && batch + named <= shape.length && rows.slice(0, batch).every((n, i) => n === shape[i]);
  demand(call, sound, `indices [${indices.shape.join(", ")}] do not name slices of [${shape.join(", ")}]`);
  const strides = rowMajor(shape);
  const words = table(call, shape.slice(batch, batch + named), strides.slice(batch, batch + named));
  const [count, perBatch] = [elementCount(rows), Math.max(elementCount(rows.slice(batch)), 1)];
  const [batchStep, wide] = [elementCount(shape.slice(batch)), indices.dtype === "i64" ? 1 : 0];
  const { kernels } = call;
  const locate = located(
    call,
    words,
    (scratch, places) => kernels.slice_places(wide, indices.ptr, places, count, named, perBatch, batchStep, scratch),
    "row",
  );
  return { count, run: elementCount(shape.slice(batch + named)), locate };
}

/** The table, then a place for every index; for rows of indices that is more than needed by the factor of their length. */
const scratch = (at: number) => (step: StepShapes) => tableBytes + 4 * elementCount(indexOf(step, at).shape) + 16;

type PlacesOf = (call: KernelCall, shape: readonly number[], indices: TensorAt) => Places;

const ofSlices: PlacesOf = (call, shape, indices) => slicePlaces(call, shape, indices, intAttr(call, "batch", 0));

function gathering(id: string, placesOf: PlacesOf): WasmKernel {
  return {
    id,
    scratch: scratch(1),
    bind(call) {
      const x = operand(call, 0);
      const y = result(call, x.dtype);
      const { count, run, locate } = placesOf(call, x.shape, indexOf(call, 1));
      demand(call, elementCount(y.shape) === count * run, "the result has not one run per index");
      const [size, { kernels }] = [elementBytes(call, x), call];
      return () => {
        locate();
        kernels.gather_at(size, x.ptr, placesAt(call), y.ptr, count, run);
      };
    },
  };
}

/** Codes of the export. */
const codes: Readonly<Record<string, number>> = { none: -1, add: 0, mul: 2, min: 4, max: 5 };

function scatterInto(call: KernelCall, y: TensorAt, updates: TensorAt, places: Places, reduction: unknown): () => void {
  const { count, run, locate } = places;
  demand(call, elementCount(updates.shape) === count * run, "the updates have not one run per index");
  const op = codes[String(reduction)];
  if (op === undefined) throw refusal(call, `unknown reduction ${String(reduction)}`);
  const [kind, size, { kernels }] = [op < 0 ? -1 : kindOf(call, y.dtype, "f32"), elementBytes(call, y), call];
  return () => {
    locate();
    kernels.scatter_at(op, kind, size, updates.ptr, placesAt(call), y.ptr, count, run);
  };
}

function scattering(id: string, placesOf: PlacesOf): WasmKernel {
  return {
    id,
    scratch: scratch(1),
    bind(call) {
      const x = operand(call, 0);
      const [updates, y] = [operand(call, 2, x.dtype), result(call, x.dtype)];
      demand(call, x.shape.join() === y.shape.join(), "operand and result differ in shape");
      const scatter = scatterInto(call, y, updates, placesOf(call, y.shape, indexOf(call, 1)), call.attrs.reduction ?? "none");
      const [bytes, { memory }] = [elementCount(y.shape) * elementBytes(call, y), call];
      return () => {
        memory.u8.copyWithin(y.ptr, x.ptr, x.ptr + bytes);
        scatter();
      };
    },
  };
}

/** Runs of `inner` elements, added to zeros at [outer, index, inner]: the indices are those of each outer row again. */
const scatterAdd: WasmKernel = {
  id: "scatter_add",
  scratch: scratch(0),
  bind(call) {
    const [indices, updates] = [indexOf(call, 0), operand(call, 1)];
    const y = result(call, updates.dtype);
    const { outer, size, inner } = aroundAxis(y.shape, axisAttr(call, "axis", y.shape.length, 0));
    const rows: TensorAt = { ...indices, shape: [elementCount(indices.shape), 1] };
    const { locate, count } = slicePlaces(call, [size, inner], rows, 0);
    demand(call, elementCount(updates.shape) === outer * count * inner, "the updates have not one run per index");
    const [kind, width, { kernels, memory }] = [kindOf(call, y.dtype, "f32"), elementBytes(call, y), call];
    const [step, plane] = [count * inner * width, size * inner * width];
    return () => {
      locate();
      memory.u8.fill(0, y.ptr, y.ptr + outer * plane);
      for (let o = 0; o < outer; o++)
        kernels.scatter_at(0, kind, width, updates.ptr + o * step, placesAt(call), y.ptr + o * plane, count, inner);
    };
  },
};

const topK: WasmKernel = {
  id: "top_k",
  scratch: (step) => 4 * intAttr(step, "k", 0) + 4,
  bind(call) {
    const x = operand(call, 0);
    const values = result(call, x.dtype);
    const indices = call.results[1];
    const axis = axisAttr(call, "axis", x.shape.length, -1);
    const [{ outer, size, inner }, k] = [aroundAxis(x.shape, axis), values.shape[axis] ?? 0];
    const fills = ({ shape }: TensorShape) => elementCount(shape) === outer * k * inner;
    // A constant's definition has only the values.
    const sound = fills(values) && k === intAttr(call, "k", 0) && k <= size && (!indices || (indices.dtype === "i64" && fills(indices)));
    demand(call, sound, `${k} of ${size} elements do not fill the results`);
    const [kind, largest] = [kindOf(call, x.dtype, "f32"), call.attrs.largest === false ? 0 : 1];
    const { kernels, scratch: heap } = call;
    return () => kernels.top_k(kind, largest, x.ptr, values.ptr, indices?.ptr ?? 0, heap, outer, size, inner, k);
  },
};

export const indexingKernels: readonly WasmKernel[] = [
  gathering("gather_elements", elementPlaces),
  gathering("gather_nd", ofSlices),
  scattering("scatter_elements", elementPlaces),
  scattering("scatter_nd", ofSlices),
  scatterAdd,
  topK,
];
