/** @file Structural zeros. The index must be a constant: its positions are computed here and written as integers. */
import { countOf, dtypeInfo, encodeTensor, staticShape } from "../../../../ir-spec/index.ts";
import { positionsOf, type SparseAttrs } from "../../../../ir-spec/ops/sparse/positions.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

/** Row-major positions of the stored values in the dense tensor, as an i64 constant. */
function positions(op: OpCall, shape: readonly number[]): string {
  const index =
    op.constant(1) ?? op.fail("E1002", "ONNX takes positions, and the index of this one is computed", "make the index a constant");
  const attrs: SparseAttrs = { shape, format: op.attr("format"), n: op.int("n"), m: op.int("m"), axis: op.int("axis") };
  const list = BigInt64Array.from(positionsOf(index.data as Uint8Array, attrs), BigInt);
  return op.literal("i64", [list.length], encodeTensor({ dtype: "i64", shape: [], data: list }));
}

/** Scattered over zeros. */
function expand(op: OpCall): ResultNode {
  const { dtype } = op.output;
  if (dtypeInfo(dtype).bits < 8)
    op.fail("E1002", `ONNX scatters no ${dtype}`, "dequantize or unpack the values first, or export with `weights` other than decode");
  const shape = op.ints("shape");
  const zeros = op.node("Expand", [op.scalar(0, dtype), op.list([countOf(shape)])]);
  const flat = op.node("ScatterElements", [zeros, positions(op, shape), op.input(0)]);
  return op.result("Reshape", [flat, op.list(shape)], shape.includes(0) ? { allowzero: attribute.int(1) } : {});
}

function compress(op: OpCall): ResultNode {
  const shape =
    staticShape(op.type(0).shape) ?? op.fail("E1005", "the shape of x is not known at export", "give the model static sizes there");
  const flat = op.node("Reshape", [op.input(0), op.list([-1])]);
  return op.result("Gather", [flat, positions(op, shape)], { axis: attribute.int(0) });
}

export const sparseRows: ExportTable = { "sparse.expand": expand, "sparse.compress": compress };
