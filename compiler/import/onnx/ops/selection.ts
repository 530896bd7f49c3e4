/** @file Operators that select by comparing elements or positions: TopK, OneHot, ReverseSequence. */
import { type Dim, tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { constantElements, knownElements, sizes, type Value } from "../value.ts";
import { iota } from "./iota.ts";

/** i64 of any numbers. */
const asIndex = (node: NodeContext, value: Value): Value =>
  value.type.dtype === "i64" ? value : node.emit("type.cast", [value], { to: "i64" });

/** Negative indices count from the end. */
function fromFront(node: NodeContext, indices: Value, size: Value): Value {
  const counted = node.emit("math.add", [indices, size]);
  return node.emit("math.where", [node.emit("math.less", [indices, node.scalar(0, "i64")]), counted, indices]);
}

/** How many classes there are, and 0, 1 ... on their axis; a depth that only a run tells counts them there. */
function classesOf(node: NodeContext, rank: number, axis: number): { readonly depth: Value; readonly classes: Value } {
  const given = node.input(1);
  const elements = knownElements(given) ?? constantElements(given) ?? node.evaluated(given)?.data;
  const known = elements?.length === 1 ? elements[0] : undefined;
  if (known !== undefined) {
    const count = typeof known === "object" ? known : Number(known);
    return { depth: sizes([count], 0), classes: iota(node, count, rank, axis) };
  }
  const depth = node.reshape(asIndex(node, given), []);
  const operands = [node.scalar(0, "i64"), depth, node.scalar(1, "i64")];
  const [list] = node.emitDynamic("dynamic.range", operands, {}, () => [tensorType("i64", [node.freshSymbol("K")])]);
  const positions = list ?? node.fail("E0606", "the depth has no elements");
  const shape = Array.from({ length: rank }, (_, i): Dim => (i === axis ? (positions.type.shape[0] as Dim) : 1));
  return { depth, classes: node.reshape(positions, shape) };
}

/** The on value where the position on a new axis is the index, the off value elsewhere, out of range everywhere. */
function oneHot(node: NodeContext): Value {
  const { shape } = node.type(0);
  const axis = node.axis(node.attributes.int("axis", -1), shape.length + 1);
  const { depth, classes } = classesOf(node, shape.length + 1, axis);
  const at = fromFront(node, asIndex(node, node.input(0)), depth);
  const column = node.reshape(at, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
  const hot = node.emit("math.equal", [column, classes]);
  const value = (i: number) => node.reshape(node.emit("shape.slice", [node.input(2)], { starts: [i], ends: [i + 1], axes: [0] }), []);
  return node.emit("math.where", [hot, value(1), value(0)]);
}

/** The first elements of each sequence backwards, the others as they are: a gather by [time, batch] or [batch, time]. */
function reverseSequence(node: NodeContext): Value {
  const [x, lengths] = [node.input(0), asIndex(node, node.input(1))];
  const [batchAxis, timeAxis] = [node.attributes.int("batch_axis", 1), node.attributes.int("time_axis", 0)];
  if (batchAxis + timeAxis !== 1 || batchAxis * timeAxis !== 0)
    node.fail("E0606", `batch_axis ${batchAxis} and time_axis ${timeAxis} must be 0 and 1`);
  const [first, second] = x.type.shape;
  if (first === undefined || second === undefined) return node.fail("E0606", "the input must have 2 axes or more");
  const [time, batch] = [timeAxis, batchAxis].map((axis) => iota(node, x.type.shape[axis] as Dim, 2, axis)) as [Value, Value];
  const ends = node.reshape(lengths, batchAxis === 0 ? [first, 1] : [1, second]);
  const mirrored = node.emit("math.sub", [node.emit("math.sub", [ends, node.scalar(1, "i64")]), time]);
  const from = node.emit("math.where", [node.emit("math.less", [time, ends]), mirrored, time]);
  const whole = (value: Value) => node.emit("shape.broadcast", [value], { shape: [first, second] });
  const column = (value: Value) => node.reshape(value, [first, second, 1]);
  const pair = timeAxis === 0 ? [column(from), column(whole(batch))] : [column(whole(batch)), column(from)];
  return node.emit("shape.gather_nd", [x, node.emit("shape.concat", pair, { axis: 2 })]);
}

/** k is an attribute up to opset 9, an input since; the order is always that of the elements, so `sorted` asks for nothing more. */
function topK(node: NodeContext): readonly Value[] {
  const [x, late] = [node.input(0), node.opset >= 10];
  const [k] = late ? node.integers(1, "k") : [node.attributes.int("k", null) ?? node.fail("E0606", "attribute k is missing")];
  if (k === undefined) return node.fail("E0606", "k must be one number, got none");
  const axis = node.axis(node.attributes.int("axis", -1), x.type.shape.length);
  node.attributes.flag("sorted", true);
  const largest = node.opset < 11 || node.attributes.flag("largest", true);
  return node.emitAll("reduce.top_k", [x], { k, axis, largest });
}

export const selectionOps: OpTable = { TopK: topK, OneHot: oneHot, ReverseSequence: reverseSequence };
