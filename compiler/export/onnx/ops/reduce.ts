/** @file Reductions. Axes are an input since opset 13 (sum) or 18 (the others), an attribute before. No axes: the result is the operand. */
import type { DType } from "../../../../ir-spec/index.ts";
import { attribute, type NodeAttrs } from "../builder.ts";
import type { ExportRow, ExportTable, OpCall, ResultNode } from "../call.ts";
import { wideOf } from "./elementwise.ts";

/** Dtypes besides floats and 32- and 64-bit integers that the operator takes. */
const reduce =
  (opType: string, axesAreInputSince: number, narrow: readonly DType[] = []): ExportRow =>
  (op) => {
    const axes = op.ints("axes");
    if (axes.length === 0) return op.result("Identity", [op.input(0)]);
    const { dtype } = op.output;
    const takes = narrow.includes(dtype) || dtype === "u64";
    const wide = takes ? dtype : wideOf(dtype);
    const asInput = op.opset >= axesAreInputSince;
    const attrs: NodeAttrs = { keepdims: attribute.flag(op.flag("keepdims")), ...(asInput ? {} : { axes: attribute.ints(axes) }) };
    const inputs = [wide === dtype ? op.input(0) : op.cast(op.input(0), wide), ...(asInput ? [op.list(axes)] : [])];
    if (wide === dtype) return op.result(opType, inputs, attrs);
    return op.result("Cast", [op.node(opType, inputs, attrs)], { to: attribute.int(op.typeCode(dtype)) });
  };

function argmax(op: OpCall): ResultNode {
  const last = op.flag("last") ? { select_last_index: attribute.int(1) } : {};
  return op.result("ArgMax", [op.input(0)], {
    axis: attribute.int(op.int("axis")),
    keepdims: attribute.flag(op.flag("keepdims")),
    ...last,
  });
}

/** Narrow integers are summed up as wide ones, whose low bits are theirs. */
const cumulative =
  (opType: "CumSum" | "CumProd"): ExportRow =>
  (op) => {
    if (opType === "CumProd" && op.opset < 26) op.fail("E1002", "ONNX has CumProd since opset 26", "export with opset 26");
    const { dtype } = op.output;
    const wide = wideOf(dtype);
    const attrs: NodeAttrs = { exclusive: attribute.flag(op.flag("exclusive")), reverse: attribute.flag(op.flag("reverse")) };
    const axis = op.scalar(op.int("axis"), "i64");
    if (wide === dtype) return op.result(opType, [op.input(0), axis], attrs);
    return op.result("Cast", [op.node(opType, [op.cast(op.input(0), wide), axis], attrs)], { to: attribute.int(op.typeCode(dtype)) });
  };

export const reduceRows: ExportTable = {
  "reduce.sum": reduce("ReduceSum", 13),
  "reduce.mean": reduce("ReduceMean", 18),
  "reduce.max": reduce("ReduceMax", 18, ["i8", "u8"]),
  "reduce.min": reduce("ReduceMin", 18, ["i8", "u8"]),
  "reduce.prod": reduce("ReduceProd", 18),
  "reduce.argmax": argmax,
  "reduce.cumsum": cumulative("CumSum"),
  "reduce.cumprod": cumulative("CumProd"),
};
