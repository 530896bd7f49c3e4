/** @file Single elements and slices by index, the best elements, and results whose sizes follow from elements. */
import { dtypeInfo } from "../../../../ir-spec/index.ts";
import { attribute } from "../builder.ts";
import type { ExportRow, ExportTable, OpCall, ResultNode } from "../call.ts";

/** i64, or i32 where the operator takes that too. */
function indices(op: OpCall, onlyWide: boolean): string {
  const { dtype } = op.type(1);
  if (dtype === "i64" || (dtype === "i32" && !onlyWide)) return op.input(1);
  return op.cast(op.input(1), onlyWide || dtypeInfo(dtype).bits > 16 ? "i64" : "i32");
}

/** Opset 16 brought sums and products, opset 18 the extremes. */
function scatter(opType: string, onlyWide: boolean): ExportRow {
  return (op) => {
    const reduction: string = op.attr("reduction");
    const since = reduction === "none" ? 11 : reduction === "add" || reduction === "mul" ? 16 : 18;
    if (op.opset < since) op.fail("E1002", `ONNX scatters with ${reduction} since opset ${since}`, "export with a newer opset");
    const attrs = {
      ...(onlyWide ? {} : { axis: attribute.int(op.int("axis")) }),
      ...(reduction === "none" ? {} : { reduction: attribute.string(reduction) }),
    };
    return op.result(opType, [op.input(0), indices(op, onlyWide), op.input(2)], attrs);
  };
}

const all = (node: ResultNode): ResultNode => ({ ...node, all: true });

function topK(op: OpCall): ResultNode {
  const attrs = { axis: attribute.int(op.int("axis")), largest: attribute.int(op.flag("largest") ? 1 : 0) };
  return all(op.result("TopK", [op.input(0), op.sizes([op.attr("k")])], attrs));
}

/** ONNX takes numbers without an axis. */
function range(op: OpCall): ResultNode {
  const bounds = [0, 1, 2].map((i) => (op.rank(i) === 0 ? op.input(i) : op.node("Reshape", [op.input(i), op.list([])])));
  return op.result("Range", bounds);
}

export const indexingRows: ExportTable = {
  "shape.gather_elements": (op) => op.result("GatherElements", [op.input(0), indices(op, false)], { axis: attribute.int(op.int("axis")) }),
  "shape.gather_nd": (op) => op.result("GatherND", [op.input(0), indices(op, true)], { batch_dims: attribute.int(op.int("batch")) }),
  "shape.scatter_elements": scatter("ScatterElements", false),
  "shape.scatter_nd": scatter("ScatterND", true),
  "reduce.top_k": topK,
  "dynamic.nonzero": (op) => op.result("NonZero", [op.input(0)]),
  "dynamic.unique": (op) =>
    all(op.result("Unique", [op.input(0)], { axis: attribute.int(op.int("axis")), sorted: attribute.int(op.flag("sorted") ? 1 : 0) })),
  "dynamic.range": range,
  "dynamic.reshape": (op) => op.result("Reshape", [op.input(0), op.input(1)]),
  "dynamic.broadcast": (op) => op.result("Expand", [op.input(0), op.input(1)]),
  "dynamic.slice": (op) => op.result("Slice", [op.input(0), op.input(1), op.input(2), op.list(op.ints("axes")), op.input(3)]),
};
