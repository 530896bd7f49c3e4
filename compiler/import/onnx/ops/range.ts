/** @file Range: a list of sizes where its bounds are known, counted positions where they are symbolic, an op that finds its own size where a run tells them. */
import { type Dim, dimCeilDiv, dimMax, dimSub, tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { knownElements, longestList, sizes, type Value } from "../value.ts";
import { isIndexType } from "./fold.ts";
import { iota } from "./iota.ts";

/** start, start + delta, ... before limit. */
function range(node: NodeContext): Value {
  const { dtype } = node.type(0);
  const bounds = isIndexType(dtype) ? [0, 1, 2].map((i) => knownOne(node, i)) : [];
  const [start, limit, delta] = bounds;
  if (start === undefined || limit === undefined || delta === undefined || start === null || limit === null || typeof delta !== "number") {
    const operands = node.inputs().slice(0, 3);
    return node.emitDynamic("dynamic.range", operands, {}, () => [tensorType(dtype, [node.freshSymbol("K")])])[0] as Value;
  }
  if (delta === 0) node.fail("E0606", "the step is 0");
  const distance = delta > 0 ? dimSub(limit, start) : dimSub(start, limit);
  const length = countOf(distance, Math.abs(delta), start);
  if (typeof start !== "number" || typeof length !== "number" || length > longestList) return counted(node, start, length, delta);
  return sizes(
    Array.from({ length }, (_, i) => start + i * delta),
    1,
    dtype,
  );
}

/** A range from 0 to a size has as many elements as that; others may be empty. */
function countOf(distance: Dim, step: number, start: Dim): Dim {
  const count = dimCeilDiv(distance, step);
  return start === 0 && typeof count !== "number" ? count : dimMax(count, 0);
}

function knownOne(node: NodeContext, index: number): Dim | null {
  const value = node.input(index);
  const elements = knownElements(value) ?? (node.evaluated(value) ? node.staticIntegers(index, "a bound of the range") : null);
  return elements?.length === 1 ? (elements[0] as Dim) : null;
}

function counted(node: NodeContext, start: Dim, length: Dim, delta: number): Value {
  const { dtype } = node.type(0);
  const positions = iota(node, length);
  const scaled = delta === 1 ? positions : node.emit("math.mul", [positions, node.scalar(delta, "i64")]);
  const moved = start === 0 ? scaled : node.emit("math.add", [scaled, sizes([start], 0)]);
  return dtype === "i64" ? moved : node.emit("type.cast", [moved], { to: dtype });
}

export const rangeOps: OpTable = { Range: range };
