/** @file Elements by index: gather, scatter, one-hot and codebooks. ONNX takes i32 and i64 indices. */
import { dtypeInfo } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

/** The index operand as i32 or i64. */
function indices(op: OpCall, operand: number, onlyWide = false): string {
  const { dtype } = op.type(operand);
  if (dtype === "i64" || (dtype === "i32" && !onlyWide)) return op.input(operand);
  return op.cast(op.input(operand), onlyWide || dtypeInfo(dtype).bits > 16 ? "i64" : "i32");
}

function gather(op: OpCall): ResultNode {
  return op.result("Gather", [op.input(0), indices(op, 1)], { axis: attribute.int(op.int("axis")) });
}

/** table [entries, ...], codes of any shape. Engines gather whole bytes: narrower entries are widened for it. */
function lookup(op: OpCall): ResultNode {
  const { dtype } = op.type(0);
  const axis = { axis: attribute.int(0) };
  if (dtypeInfo(dtype).bits >= 8 || dtype === "bool") return op.result("Gather", [op.input(0), indices(op, 1)], axis);
  const wide = op.cast(op.input(0), dtype.startsWith("i") ? "i8" : "u8");
  return op.result("Cast", [op.node("Gather", [wide, indices(op, 1)], axis)], { to: attribute.int(op.typeCode(dtype)) });
}

/** `ScatterND` adds along the first axis: the indexed axes of the updates go there, and the result's axis back to its place. */
function scatterAdd(op: OpCall): ResultNode {
  if (op.opset < 16) op.fail("E1002", "ONNX adds up scattered values since opset 16", "export with a newer opset");
  const [axis, rank, indexRank] = [op.int("axis"), op.rank(1), op.rank(0)];
  const axes = Array.from({ length: rank }, (_, i) => i);
  const front = axes.slice(axis, axis + indexRank);
  const rest = axes.filter((i) => !front.includes(i));
  const updates = axis === 0 ? op.input(1) : op.node("Transpose", [op.input(1)], { perm: attribute.ints([...front, ...rest]) });
  const { dtype, shape } = op.output;
  const moved = [shape[axis] ?? 0, ...shape.filter((_, i) => i !== axis)];
  const zeros = op.node("Expand", [op.scalar(0, dtype), op.sizes(moved)]);
  const places = op.node("Unsqueeze", [indices(op, 0, true), op.list([-1])]);
  const inputs = [zeros, places, updates];
  const add = { reduction: attribute.string("add") };
  if (axis === 0) return op.result("ScatterND", inputs, add);
  const back = moved.map((_, i) => (i < axis ? i + 1 : i === axis ? 0 : i));
  return op.result("Transpose", [op.node("ScatterND", inputs, add)], { perm: attribute.ints(back) });
}

/** Where every index of `OneHot` has an axis, a scalar gets one, which its result loses again. Made in f32 or i64, which engines have, and cast where another dtype is wanted. */
function oneHot(op: OpCall): ResultNode {
  const to = op.output.dtype;
  const made = to === "f32" ? "f32" : "i64";
  const values = op.literal(
    made,
    [2],
    made === "f32" ? new Uint8Array(Float32Array.of(0, 1).buffer) : new Uint8Array(BigInt64Array.of(0n, 1n).buffer),
  );
  const scalar = op.rank(0) === 0;
  const at = scalar ? op.node("Reshape", [indices(op, 0, true), op.list([1])]) : indices(op, 0, true);
  const inputs = [at, op.scalar(op.int("depth"), "i64"), values];
  const axis = { axis: attribute.int(-1) };
  const hot: ResultNode = op.result("OneHot", inputs, axis);
  const shaped = scalar ? op.result("Reshape", [op.node(hot.opType, inputs, axis), op.list([-1])]) : hot;
  return to === made
    ? shaped
    : op.result("Cast", [op.node(shaped.opType, shaped.inputs, shaped.attrs)], { to: attribute.int(op.typeCode(to)) });
}

export const gatherRows: ExportTable = {
  "shape.gather": gather,
  "shape.scatter_add": scatterAdd,
  "tensor.one_hot": oneHot,
  "codebook.lookup": lookup,
};
