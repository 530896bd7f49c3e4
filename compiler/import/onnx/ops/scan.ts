/**
 * @file ONNX `Scan`. Axes and directions are transposes and slices around a scan along first axes, forwards; a short one is written out. Before opset 9 it runs once for each sample of a batch.
 */
import { type Dim, dimEquals, type TensorType, tensorType } from "../../../../ir-spec/index.ts";
import { countNodes } from "../free-names.ts";
import type { NodeContext } from "../node.ts";
import type { GraphProto } from "../proto/gen/onnx.js";
import type { Value } from "../value.ts";
import { mostCopies, mostWrittenOut, stacked } from "./unrolled.ts";

interface ScanParts {
  readonly body: GraphProto;
  readonly carried: readonly Value[];
  /** Scanned along their first axis. */
  readonly scanned: readonly Value[];
}

export function scan(node: NodeContext): readonly Value[] {
  const body = node.graph("body");
  const scanned = node.attributes.int("num_scan_inputs", 0);
  const inputs = node.opset < 9 ? node.inputCount - 1 : node.inputCount;
  if (scanned < 1 || scanned > inputs) node.fail("E0606", `num_scan_inputs is ${scanned}, the node has ${inputs} inputs to choose from`);
  return node.opset < 9 ? scanBatch(node, body, scanned) : scanSequence(node, body, scanned);
}

function scanSequence(node: NodeContext, body: GraphProto, count: number): readonly Value[] {
  const values = node.inputs();
  const carried = values.slice(0, values.length - count);
  const axes = listOf(node, "scan_input_axes", count, 0);
  const reversed = listOf(node, "scan_input_directions", count, 0);
  const scanned = values.slice(carried.length).map((value, i) => {
    const front = toFront(node, value, node.axis(axes[i] as number, value.type.shape.length));
    return reversed[i] === 1 ? backwards(node, front) : front;
  });
  const results = run(node, { body, carried, scanned });
  const stacks = results.length - carried.length;
  const outAxes = listOf(node, "scan_output_axes", stacks, 0);
  const outReversed = listOf(node, "scan_output_directions", stacks, 0);
  return results.map((value, i) => {
    if (i < carried.length) return value;
    const k = i - carried.length;
    const ordered = outReversed[k] === 1 ? backwards(node, value) : value;
    return fromFront(node, ordered, node.axis(outAxes[k] as number, value.type.shape.length));
  });
}

/** Opset 8: inputs are sequence lengths, states and sequences with a batch in front; time is axis 1. */
function scanBatch(node: NodeContext, body: GraphProto, count: number): readonly Value[] {
  if (node.has(0)) node.fail("E0605", "sequence_lens is not supported", "pad the sequences to one length and leave it out");
  const directions = listOf(node, "directions", count, 0);
  const values = Array.from({ length: node.inputCount - 1 }, (_, i) => node.input(i + 1));
  const states = values.length - count;
  const batch = values[0]?.type.shape[0];
  if (typeof batch !== "number" || batch < 1 || batch > mostCopies)
    node.fail("E0605", `a batch of ${String(batch)} is not supported before opset 9`, "convert the model to opset 9 or newer");
  const samples = Array.from({ length: batch }, (_, b) => {
    const own = values.map((value) => itemOf(node, value, b));
    const scanned = own.slice(states).map((value, i) => (directions[i] === 1 ? backwards(node, value) : value));
    return run(node, { body, carried: own.slice(0, states), scanned });
  });
  return (samples[0] ?? []).map((_, i) =>
    stacked(
      node,
      samples.map((results) => results[i] as Value),
    ),
  );
}

function run(node: NodeContext, parts: ScanParts): readonly Value[] {
  const length = parts.scanned[0]?.type.shape[0];
  if (length === undefined) node.fail("E0606", "a scanned value has rank 0");
  if (typeof length === "number" && length > 0 && length <= mostCopies) {
    const nodes = length * countNodes(parts.body);
    if (nodes <= mostWrittenOut && nodes <= node.subgraphs.room) return writtenOut(node, parts, length);
  }
  return scanOp(node, parts, length);
}

function writtenOut(node: NodeContext, { body, carried, scanned }: ScanParts, length: number): readonly Value[] {
  let values = carried;
  const stacks: Value[][] = Array.from({ length: body.output.length - carried.length }, () => []);
  for (let t = 0; t < length; t++) {
    const items = scanned.map((value) => itemOf(node, value, t));
    const results = node.subgraphs.inline(body, [...values, ...items]);
    values = results.slice(0, carried.length);
    stacks.forEach((list, k) => void list.push(results[carried.length + k] as Value));
  }
  return [...values, ...stacks.map((list) => stacked(node, list))];
}

function scanOp(node: NodeContext, { body, carried, scanned }: ScanParts, length: Dim): readonly Value[] {
  const captures = node.subgraphs.captures([body]);
  const items = scanned.map(({ type }) => tensorType(type.dtype, type.shape.slice(1)));
  const states = carried.map(({ type }) => type);
  const made = node.subgraphs.define(body, "body", [...states, ...items], captures);
  made.results.slice(0, states.length).forEach((type, i) => void demandSame(node, states[i] as TensorType, type, i));
  const stacks = made.results.slice(states.length).map((type) => tensorType(type.dtype, [length, ...type.shape]));
  const attrs = { body: made.name, carried: carried.length, scanned: scanned.length };
  return node.emitTyped("control.scan", [...carried, ...scanned, ...captures], attrs, [...states, ...stacks]);
}

function demandSame(node: NodeContext, before: TensorType, after: TensorType, index: number): void {
  const same = before.dtype === after.dtype && before.shape.length === after.shape.length;
  if (!same || !before.shape.every((dim, axis) => dimEquals(dim, after.shape[axis] as Dim)))
    node.fail("E0606", `carried value ${index} changes its type in an iteration`);
}

function listOf(node: NodeContext, name: string, length: number, fallback: number): readonly number[] {
  const list = node.attributes.ints(name) ?? new Array<number>(length).fill(fallback);
  if (list.length !== length) node.fail("E0606", `${name} has ${list.length} numbers, ${length} are needed`);
  return list;
}

/** Element `index` of the first axis. */
function itemOf(node: NodeContext, value: Value, index: number): Value {
  const piece = node.emit("shape.slice", [value], { starts: [index], ends: [index + 1], axes: [0], steps: [] });
  return node.reshape(piece, value.type.shape.slice(1));
}

function backwards(node: NodeContext, value: Value): Value {
  return node.emit("shape.slice", [value], { starts: [-1], ends: [Number.MIN_SAFE_INTEGER], axes: [0], steps: [-1] });
}

function toFront(node: NodeContext, value: Value, axis: number): Value {
  if (axis === 0) return value;
  const others = value.type.shape.map((_, i) => i).filter((i) => i !== axis);
  return node.emit("shape.transpose", [value], { perm: [axis, ...others] });
}

/** The first axis to where `axis` is. */
function fromFront(node: NodeContext, value: Value, axis: number): Value {
  if (axis === 0) return value;
  const perm = value.type.shape.map((_, i) => i).slice(1);
  perm.splice(axis, 0, 0);
  return node.emit("shape.transpose", [value], { perm });
}
