/** @file Ops that move, repeat or cut elements. Sizes that are attributes here are integer tensors there, computed from shapes where they are symbolic. */
import { type Dim, dimDiv, dimEquals, dimMod, dimProduct, isFloat } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

/**
 * The target of a `Reshape`, so that most symbolic ones need no nodes: a static size as it is, one that stays in its place as 0 ("copy"), a single other one as -1 where arithmetic alone
 * leaves that size. Other sizes are computed: a condition of the module, which says that they are what is left, is not in the model.
 */
function targetOf(from: readonly Dim[], to: readonly Dim[]): readonly Dim[] {
  const target = to.map((dim, i) => (typeof dim !== "number" && dimEquals(dim, from[i] ?? -1) ? 0 : dim));
  const open = target.filter((dim) => typeof dim !== "number");
  const [size] = open;
  if (size === undefined || open.length > 1 || !isLeft(from, to, size)) return target;
  return target.map((dim) => (typeof dim === "number" ? dim : -1));
}

/** Is `size` what division leaves of the elements, to whoever infers it? */
function isLeft(from: readonly Dim[], to: readonly Dim[], size: Dim): boolean {
  const others = [...to];
  others.splice(to.indexOf(size), 1);
  try {
    const [all, rest] = [dimProduct(from), dimProduct(others)];
    return rest !== 0 && dimMod(all, rest) === 0 && dimEquals(dimDiv(all, rest), size);
  } catch (error) {
    // Too large for the arithmetic of sizes.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function reshape(op: OpCall): ResultNode {
  const [from, to] = [op.type(0).shape, op.output.shape];
  const copies = to.every((dim, i) => dim !== 0 || from[i] === 0);
  if (copies) return op.result("Reshape", [op.input(0), op.sizes(targetOf(from, to))]);
  if (op.opset >= 14) return op.result("Reshape", [op.input(0), op.sizes(to)], { allowzero: attribute.int(1) });
  return op.fail("E1002", "ONNX reshapes to a size of 0 since opset 14", "export with a newer opset");
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
