/** @file Operators that take parts of tensors or put tensors together. */
import { type Dim, dimEquals, tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { knownElements, sizes, type Value } from "../value.ts";
import { isIndexType, knownInputs } from "./fold.ts";

interface Cut {
  readonly axis: number;
  readonly start: Dim;
  readonly end: Dim;
  readonly step: number;
}

/** Starts, ends, axes and steps: attributes up to opset 9, inputs since. */
function cutsOf(node: NodeContext): readonly Cut[] {
  const late = node.opset >= 10;
  const list = (index: number, name: string): readonly Dim[] | null =>
    late ? (node.has(index) ? node.integers(index, name) : null) : node.attributes.ints(name);
  const starts = list(1, "starts") ?? node.fail("E0606", "starts is missing");
  const ends = list(2, "ends") ?? node.fail("E0606", "ends is missing");
  const axes = list(3, "axes") ?? starts.map((_, i) => i);
  const steps = late && node.has(4) ? node.staticIntegers(4, "steps") : starts.map(() => 1);
  if ([ends, axes, steps].some((other) => other.length !== starts.length))
    node.fail("E0606", "starts, ends, axes and steps differ in length");
  return starts.map((start, i) => {
    const axis = node.axis(node.staticDim(axes[i] as Dim, "an axis"), node.rank(0));
    const size = node.type(0).shape[axis] as Dim;
    const end = ends[i] as Dim;
    const step = steps[i] as number;
    return { axis, start, end: endOf(end, size, step), step };
  });
}

/** A forward slice to the axis' end, however that is written, ends at its size, or beyond every integer where the size is symbolic. */
function endOf(end: Dim, size: Dim, step: number): Dim {
  if (step < 0) return end;
  if (dimEquals(end, size)) return typeof size === "number" ? size : Number.MAX_SAFE_INTEGER;
  return typeof size === "number" && typeof end === "number" ? Math.min(end, size) : end;
}

/** Keeps everything: an export of `x[:]`. */
function isWhole(cut: Cut, size: Dim): boolean {
  const end = typeof size === "number" ? size : Number.MAX_SAFE_INTEGER;
  return cut.step === 1 && cut.start === 0 && typeof cut.end === "number" && cut.end >= end;
}

/** Bounds that only a run tells: the sizes of the axes that are cut are new symbols. */
function computedSlice(node: NodeContext): Value {
  const x = node.input(0);
  const { dtype, shape } = x.type;
  const count = node.listLength(1, "starts");
  const axes = node.has(3) ? node.staticIntegers(3, "axes") : Array.from({ length: count }, (_, i) => i);
  const cut = axes.map((axis) => node.axis(axis, shape.length));
  const wide = (index: number): Value =>
    node.type(index).dtype === "i64" ? node.input(index) : node.emit("type.cast", [node.input(index)], { to: "i64" });
  const operands = [x, wide(1), wide(2), ...(node.has(4) ? [wide(4)] : [])];
  const type = () => [
    tensorType(
      dtype,
      shape.map((dim, axis) => (cut.includes(axis) ? node.freshSymbol("K") : dim)),
    ),
  ];
  return node.emitDynamic("dynamic.slice", operands, { axes: cut }, type)[0] ?? x;
}

function slice(node: NodeContext): Value {
  const x = node.input(0);
  if (node.opset >= 10 && [1, 2, 4].some((index) => node.has(index) && node.knownIntegers(index) === null)) return computedSlice(node);
  const cuts = cutsOf(node).filter((cut) => !isWhole(cut, x.type.shape[cut.axis] as Dim));
  if (cuts.length === 0) return x;
  const elements = knownList(x);
  if (elements && cuts.length === 1) return sizes(cutList(node, elements, cuts[0] as Cut), 1, x.type.dtype);
  const attrs = { starts: cuts.map((c) => c.start), ends: cuts.map((c) => c.end), axes: cuts.map((c) => c.axis) };
  return node.emit("shape.slice", [x], { ...attrs, ...(cuts.some((c) => c.step !== 1) ? { steps: cuts.map((c) => c.step) } : {}) });
}

function cutList(node: NodeContext, elements: readonly Dim[], { step, ...cut }: Cut): readonly Dim[] {
  const [start, end] = [node.staticDim(cut.start, "the start of a slice"), node.staticDim(cut.end, "the end of a slice")];
  const size = elements.length;
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const [from, to] = [bound(start), bound(end)];
  const taken: Dim[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) taken.push(elements[i] as Dim);
  return taken;
}

/** One slice for each output. */
function split(node: NodeContext): readonly Value[] {
  const x = node.input(0);
  const axis = node.axis(node.attributes.int("axis", 0), node.rank(0));
  const parts = partsOf(node, x.type.shape[axis] as Dim);
  const elements = knownList(x);
  let start = 0;
  return parts.map((part) => {
    const [from, to] = [start, start + part];
    start = to;
    if (elements) return sizes(elements.slice(from, to), 1, x.type.dtype);
    return node.emit("shape.slice", [x], { starts: [from], ends: [to], axes: [axis] });
  });
}

/** Elements of a list of sizes. */
function knownList(value: Value): readonly Dim[] | null {
  return isIndexType(value.type.dtype) && value.type.shape.length === 1 ? knownElements(value) : null;
}

/** Sizes of the parts: given, or equal with a smaller last one. */
function partsOf(node: NodeContext, size: Dim): readonly number[] {
  const given = node.opset < 13 ? node.attributes.ints("split") : node.has(1) ? node.staticIntegers(1, "the sizes of the parts") : null;
  const count = node.opset >= 18 ? node.attributes.int("num_outputs", node.outputCount) : node.outputCount;
  if (count !== node.outputCount) node.fail("E0606", `num_outputs is ${count}, the node has ${node.outputCount} outputs`);
  const total = node.staticDim(size, "the size of the axis to split");
  const part = Math.ceil(total / count);
  const parts = given ?? Array.from({ length: count }, (_, i) => Math.min(part, total - i * part));
  const sum = parts.reduce((a, b) => a + b, 0);
  if (sum !== total || parts.length !== node.outputCount || parts.some((p) => p < 0)) {
    node.fail("E0606", `parts [${parts.join(", ")}] do not make ${total} in ${node.outputCount} outputs`);
  }
  return parts;
}

function concat(node: NodeContext): Value {
  const rank = node.rank(0);
  const axis = node.axis(node.attributes.int("axis", node.opset < 4 ? 1 : null) ?? node.fail("E0606", "attribute axis is missing"), rank);
  const lists = rank === 1 ? knownInputs(node) : null;
  if (lists) return sizes(lists.flat(), 1, node.type(0).dtype);
  return node.inputCount === 1 ? node.input(0) : node.emit("shape.concat", node.inputs(), { axis });
}

function gather(node: NodeContext): Value {
  const [x, indices] = [node.input(0), node.input(1)];
  const axis = node.axis(node.attributes.int("axis", 0), node.rank(0));
  const elements = knownList(x);
  const places = indices.type.shape.length <= 1 ? knownElements(indices) : null;
  if (elements && places) {
    const pick = (place: Dim): Dim => {
      const at = node.staticDim(place, "an index");
      return elements[at < 0 ? at + elements.length : at] ?? node.fail("E0606", `index ${at} is outside ${elements.length} elements`);
    };
    return sizes(places.map(pick), indices.type.shape.length === 0 ? 0 : 1, x.type.dtype);
  }
  return node.emit("shape.gather", [x, indices], { axis });
}

export const sliceOps: OpTable = { Slice: slice, Split: split, Concat: concat, Gather: gather };
