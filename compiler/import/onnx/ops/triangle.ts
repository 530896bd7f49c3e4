/** @file Operators that tell an element by its row and column: triangles and diagonals. */
import type { Dim, DType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { dtypeOf } from "../tensor.ts";
import type { Value } from "../value.ts";
import { iota } from "./iota.ts";

interface Grid {
  /** i64 [rows, 1], the diagonal's offset added. */
  readonly diagonal: Value;
  /** i64 [1, columns]. */
  readonly column: Value;
}

function grid(node: NodeContext, shape: readonly Dim[], offset: Value | null): Grid {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) return node.fail("E0606", `the input must have 2 axes or more, got ${shape.length}`);
  const row = iota(node, rows, 2, 0);
  return { diagonal: offset ? node.emit("math.add", [row, offset]) : row, column: iota(node, columns, 2, 1) };
}

/** Keeps what is on one side of a diagonal, zeros elsewhere. */
function trilu(node: NodeContext): Value {
  const x = node.input(0);
  const offset = node.has(1) ? node.reshape(node.input(1), []) : null;
  const { diagonal, column } = grid(node, x.type.shape, offset);
  const outside = node.emit(node.attributes.flag("upper", true) ? "math.less" : "math.greater", [column, diagonal]);
  return node.emit("math.where", [outside, node.scalar(0, x.type.dtype), x]);
}

/** Ones on a diagonal; only the sizes of the input count. */
function eyeLike(node: NodeContext): Value {
  const { shape, dtype } = node.type(0);
  if (shape.length !== 2) node.fail("E0606", `the input must be a matrix, got rank ${shape.length}`);
  const code = node.attributes.int("dtype", null);
  const to: DType = code === null ? dtype : dtypeOf(code, "attribute dtype");
  const offset = node.attributes.int("k", 0);
  const { diagonal, column } = grid(node, shape, offset === 0 ? null : node.scalar(offset, "i64"));
  const on = node.emit("math.equal", [column, diagonal]);
  return to === "bool" ? on : node.emit("type.cast", [on], { to });
}

export const triangleOps: OpTable = { Trilu: trilu, EyeLike: eyeLike };
