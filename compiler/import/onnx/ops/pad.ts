/** @file Pad in all modes: a constant border, and borders copied from the tensor, which are put together from slices of it axis by axis. */
import { type Dim, dimMin, dimSub } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { constantElements, type Value } from "../value.ts";
import { integerList } from "./iota.ts";

interface Border {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

const modes = ["constant", "reflect", "edge", "wrap"] as const;

/** Pads are an attribute up to opset 10 (called `paddings` in opset 1), inputs since, for chosen axes since 18. */
function bordersOf(node: NodeContext): readonly Border[] {
  const rank = node.rank(0);
  const late = node.opset >= 11;
  const pads = late ? node.staticIntegers(1, "the padding") : (node.attributes.ints(node.opset < 2 ? "paddings" : "pads") ?? []);
  const all = Array.from({ length: rank }, (_, i) => i);
  const axes = (late && node.has(3) ? node.staticIntegers(3, "the list of axes") : all).map((axis) => node.axis(axis, rank));
  if (pads.length !== 2 * axes.length) node.fail("E0606", `${pads.length} paddings are given for ${axes.length} axes`);
  return axes.map((axis, i) => ({ axis, before: pads[i] as number, after: pads[axes.length + i] as number }));
}

/** Negative paddings cut. */
function cropped(node: NodeContext, x: Value, borders: readonly Border[]): Value {
  const cuts = borders.filter(({ before, after }) => before < 0 || after < 0);
  if (cuts.length === 0) return x;
  const ends = cuts.map(({ axis, after }) => (after < 0 ? dimSub(x.type.shape[axis] as Dim, -after) : (x.type.shape[axis] as Dim)));
  return node.emit("shape.slice", [x], { starts: cuts.map(({ before }) => Math.max(-before, 0)), ends, axes: cuts.map((cut) => cut.axis) });
}

function pad(node: NodeContext): Value {
  const mode = node.attributes.choice("mode", modes, "constant");
  const given = bordersOf(node);
  const x = cropped(node, node.input(0), given);
  const borders = given
    .map(({ axis, before, after }) => ({ axis, before: Math.max(before, 0), after: Math.max(after, 0) }))
    .filter(({ before, after }) => before + after > 0);
  if (mode !== "constant") {
    if (node.opset >= 11 && node.has(2)) node.input(2); // means nothing here
    return borders.reduce((value, border) => copied(node, value, border, mode), x);
  }
  const value = node.opset < 11 ? node.attributes.float("value", 0) : node.has(2) ? fixedValue(node) : 0;
  if (value === null) return borders.reduce((padded, border) => filled(node, padded, border), x);
  const side = (name: "before" | "after") => x.type.shape.map((_, i) => borders.find(({ axis }) => axis === i)?.[name] ?? 0);
  return borders.length === 0 ? x : node.emit("shape.pad", [x], { before: side("before"), after: side("after"), value });
}

/** The value to pad with where it is a constant that a number holds, else null. */
function fixedValue(node: NodeContext): number | null {
  const value = node.input(2);
  const tensor = constantElements(value) ?? node.evaluated(value)?.data;
  const number = tensor?.length === 1 ? Number(tensor[0]) : null;
  return number !== null && Math.abs(number) > Number.MAX_SAFE_INTEGER && !node.type(2).dtype.includes("f") ? null : number;
}

/** A border of a value that is known at run time. */
function filled(node: NodeContext, x: Value, { axis, before, after }: Border): Value {
  const value = node.reshape(node.input(2), []);
  const piece = (size: number): Value[] =>
    size === 0 ? [] : [node.emit("shape.broadcast", [value], { shape: x.type.shape.map((dim, i) => (i === axis ? size : dim)) })];
  return node.emit("shape.concat", [...piece(before), x, ...piece(after)], { axis });
}

const far = Number.MAX_SAFE_INTEGER;

/** What lies in front of and behind the axis in each mode, from slices of it. */
function copied(node: NodeContext, x: Value, { axis, before, after }: Border, mode: "reflect" | "edge" | "wrap"): Value {
  const size = x.type.shape[axis] as Dim;
  const most = mode === "reflect" ? dimSub(size, 1) : size;
  if (typeof most === "number" && Math.max(before, after) > most && (mode !== "edge" || size === 0))
    return byPosition(node, x, { axis, before, after }, mode);
  if (typeof most !== "number" && mode !== "edge") {
    const longest = Math.max(before, after);
    node.require(dimMin(most, longest), longest);
    return fromBothEnds(node, x, { axis, before, after }, mode);
  }
  const cut = (start: Dim, end: Dim, step = 1) =>
    node.emit("shape.slice", [x], { starts: [start], ends: [end], axes: [axis], ...(step === 1 ? {} : { steps: [step] }) });
  const edge = (start: number, end: number, count: number) =>
    node.emit("shape.broadcast", [cut(start, end)], { shape: x.type.shape.map((dim, i) => (i === axis ? count : dim)) });
  const pieces = {
    reflect: [() => cut(before, 0, -1), () => cut(-2, -after - 2, -1)],
    edge: [() => edge(0, 1, before), () => edge(-1, far, after)],
    wrap: [() => cut(-before, far), () => cut(0, after)],
  } satisfies Record<string, readonly [() => Value, () => Value]>;
  const [front, back] = pieces[mode] as readonly [() => Value, () => Value];
  return node.emit("shape.concat", [...(before > 0 ? [front()] : []), x, ...(after > 0 ? [back()] : [])], { axis });
}

/** Borders of an axis of unknown size that is long enough: by position from its ends, so that their own sizes are numbers. */
function fromBothEnds(node: NodeContext, x: Value, { axis, before, after }: Border, mode: "reflect" | "wrap"): Value {
  const piece = (count: number, place: (i: number) => number): readonly Value[] =>
    count === 0
      ? []
      : [
          node.emit(
            "shape.gather",
            [
              x,
              integerList(
                node,
                Array.from({ length: count }, (_, i) => place(i)),
              ),
            ],
            { axis },
          ),
        ];
  const front = piece(before, (i) => (mode === "reflect" ? before - i : i - before));
  const back = piece(after, (i) => (mode === "reflect" ? -2 - i : i));
  return node.emit("shape.concat", [...front, x, ...back], { axis });
}

/** Borders longer than the axis: it goes on and on, as it is or there and back. */
function byPosition(node: NodeContext, x: Value, { axis, before, after }: Border, mode: "reflect" | "edge" | "wrap"): Value {
  const size = node.staticDim(x.type.shape[axis] as Dim, "a size of the input");
  if (size === 0) node.fail("E0606", `axis ${axis} is empty: there is nothing to pad with`);
  const period = mode === "reflect" ? Math.max(2 * size - 2, 1) : size;
  const places = Array.from({ length: before + size + after }, (_, i) => {
    const at = (((i - before) % period) + period) % period;
    return at < size ? at : period - at;
  });
  return node.emit("shape.gather", [x, integerList(node, places)], { axis });
}

export const padOps: OpTable = { Pad: pad };
