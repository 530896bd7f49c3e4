/** @file Ops that move, repeat or cut elements. Sizes that are attributes here are integer tensors there, computed from shapes where they are symbolic. */
import { type Dim, dimEquals, isFloat } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

/**
 * The target of a `Reshape`: a static size as it is, one that stays in its place as 0 ("copy"), a single other one as -1, so that most symbolic reshapes need no
 * nodes. null: sizes must be computed.
 */
function simpleTarget(from: readonly Dim[], to: readonly Dim[]): readonly number[] | null {
  const target = to.map((dim, i) => (typeof dim === "number" ? dim : dimEquals(dim, from[i] ?? -1) ? 0 : -1));
  const copiesWrong = to.some((dim, i) => dim === 0 && from[i] !== 0);
  const unknown = target.filter((size) => size === -1).length;
  const empty = unknown === 1 && to.some((dim) => dim === 0);
  return unknown > 1 || copiesWrong || empty ? null : target;
}

function reshape(op: OpCall): ResultNode {
  const { shape } = op.output;
  const simple = simpleTarget(op.type(0).shape, shape);
  if (simple) return op.result("Reshape", [op.input(0), op.list(simple)]);
  const zeros = shape.some((dim) => dim === 0) && op.opset >= 14 ? { allowzero: attribute.int(1) } : {};
  return op.result("Reshape", [op.input(0), op.sizes(shape)], zeros);
}

function slice(op: OpCall): ResultNode {
  const starts = op.dims("starts");
  const [axes, steps] = [op.ints("axes"), op.ints("steps")];
  const listed = axes.length === 0 ? starts.map((_, i) => i) : axes;
  const inputs = [op.input(0), op.sizes(starts), op.sizes(op.dims("ends")), op.list(listed)];
  return op.result("Slice", steps.length === 0 ? inputs : [...inputs, op.list(steps)]);
}

function pad(op: OpCall): ResultNode {
  const { dtype } = op.output;
  const whole = Math.trunc(op.float("value"));
  const value = isFloat(dtype) ? op.float("value") : dtype === "bool" ? Math.min(Math.abs(whole), 1) : whole;
  const pads = op.sizes([...op.dims("before"), ...op.dims("after")]);
  return op.result("Pad", [op.input(0), pads, ...(value === 0 ? [] : [op.scalar(value, dtype)])]);
}

export const shapeRows: ExportTable = {
  "shape.reshape": reshape,
  "shape.transpose": (op) => op.result("Transpose", [op.input(0)], { perm: attribute.ints(op.ints("perm")) }),
  "shape.broadcast": (op) => op.result("Expand", [op.input(0), op.sizes(op.dims("shape"))]),
  "shape.concat": (op) => op.result("Concat", op.inputs(), { axis: attribute.int(op.int("axis")) }),
  "shape.slice": slice,
  "shape.pad": pad,
};
