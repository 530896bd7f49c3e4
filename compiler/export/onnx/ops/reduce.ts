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
    const takes = narrow.includes(dtype) || ["u32", "u64"].includes(dtype);
    const wide = takes ? dtype : wideOf(dtype);
    const asInput = op.opset >= axesAreInputSince;
    const attrs: NodeAttrs = { keepdims: attribute.flag(op.flag("keepdims")), ...(asInput ? {} : { axes: attribute.ints(axes) }) };
    const inputs = [wide === dtype ? op.input(0) : op.cast(op.input(0), wide), ...(asInput ? [op.list(axes)] : [])];
    if (wide === dtype) return op.result(opType, inputs, attrs);
    return op.result("Cast", [op.node(opType, inputs, attrs)], { to: attribute.int(op.typeCode(dtype)) });
  };

function argmax(op: OpCall): ResultNode {
  return op.result("ArgMax", [op.input(0)], { axis: attribute.int(op.int("axis")), keepdims: attribute.flag(op.flag("keepdims")) });
}

export const reduceRows: ExportTable = {
  "reduce.sum": reduce("ReduceSum", 13),
  "reduce.mean": reduce("ReduceMean", 18),
  "reduce.max": reduce("ReduceMax", 18, ["i8", "u8"]),
  "reduce.argmax": argmax,
};
