/**
 * @file Shape arithmetic: integer ops on lists of sizes that are known at compile time are computed here, symbolically, and leave no op behind. What the
 * graph computes from `Shape` thus ends in attributes.
 */
import { type Dim, type DType, dimAdd, dimDiv, dimMax, dimMin, dimMul, dimSub } from "../../../../ir-spec/index.ts";
import type { NodeContext } from "../node.ts";
import { knownElements, sizes, type Value } from "../value.ts";

type DimOp = (a: Dim, b: Dim) => Dim;

/** Integer division truncates in ONNX; sizes are not negative, so for symbols it is floor division. */
const divide: DimOp = (a, b) => (typeof a === "number" && typeof b === "number" ? Math.trunc(a / b) : dimDiv(a, b));

export const dimOps: Readonly<Record<string, DimOp>> = {
  Add: dimAdd,
  Sub: dimSub,
  Mul: dimMul,
  Div: divide,
  Min: dimMin,
  Max: dimMax,
};

export function isIndexType(dtype: DType): boolean {
  return dtype === "i64" || dtype === "i32";
}

/** All inputs as lists of sizes of rank at most 1, else null. */
export function knownInputs(node: NodeContext): readonly (readonly Dim[])[] | null {
  const lists: (readonly Dim[])[] = [];
  for (const value of node.inputs()) {
    const elements = value.type.shape.length <= 1 && isIndexType(value.type.dtype) ? knownElements(value) : null;
    if (elements === null) return null;
    lists.push(elements);
  }
  return lists;
}

/** `op` over all inputs with broadcasting, when all are known. */
export function foldDims(node: NodeContext, op: DimOp): Value | null {
  const lists = knownInputs(node);
  if (lists === null) return null;
  if (node.opset < 7) node.attributes.ignore("broadcast", "axis");
  const rank = node.inputs().some((value) => value.type.shape.length === 1) ? 1 : 0;
  const length = lists.some((list) => list.length === 0) ? 0 : Math.max(...lists.map((list) => list.length));
  if (lists.some((list) => list.length !== 1 && list.length !== length)) return null;
  const element = (list: readonly Dim[], i: number): Dim => list[list.length === 1 ? 0 : i] as Dim;
  const elements = Array.from({ length }, (_, i) => exact(node, () => lists.map((list) => element(list, i)).reduce(op)));
  return sizes(elements, rank, node.type(0).dtype);
}

/** Dim arithmetic refuses to leave the exact integers and to divide by zero. */
function exact(node: NodeContext, compute: () => Dim): Dim {
  try {
    return compute();
  } catch (error) {
    if (error instanceof RangeError) return node.fail("E0608", `shape arithmetic fails: ${error.message}`);
    throw error;
  }
}
