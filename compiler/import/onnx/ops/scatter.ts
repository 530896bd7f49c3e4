/** @file Operators that write by index, into a copy. */
import type { Dim } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { iota } from "./iota.ts";

const reductions = ["none", "add", "mul", "max", "min"] as const;

/** `Scatter` of opset 9 is the same without a reduction. */
function scatterElements(node: NodeContext): Value {
  const axis = node.axis(node.attributes.int("axis", 0), node.rank(0));
  const reduction = node.attributes.choice("reduction", reductions, "none");
  return node.emit("shape.scatter_elements", node.inputs(), { axis, reduction });
}

const scatterNd = (node: NodeContext): Value =>
  node.emit("shape.scatter_nd", node.inputs(), { reduction: node.attributes.choice("reduction", reductions, "none") });

/**
 * New rows of a cache [batch, .., length, ..] from each batch element's own position on: a scatter of slices by [batch, .., position]. Circular caches go on at
 * their front.
 */
function tensorScatter(node: NodeContext): Value {
  const [cache, update] = [node.input(0), node.input(1)];
  const { shape } = update.type;
  const axis = node.axis(node.attributes.int("axis", -2), shape.length);
  if (axis === 0) node.fail("E0606", "axis 0 is the batch");
  const circular = node.attributes.choice("mode", ["linear", "circular"], "linear") === "circular";
  const rank = axis + 1;
  const lead = shape.slice(0, rank);
  const steps = iota(node, shape[axis] as Dim, rank, axis);
  const start = node.has(2) ? node.reshape(node.input(2), [lead[0] as Dim, ...new Array<Dim>(rank - 1).fill(1)]) : null;
  const position = start ? node.emit("math.add", [steps, start]) : steps;
  const length = node.scalar(node.staticDim(cache.type.shape[axis] as Dim, "the length of the cache"), "i64");
  const wrapped = circular ? node.emit("math.mod", [position, length]) : position;
  const grid = [...lead.slice(0, -1).map((size, i) => iota(node, size, rank, i)), wrapped];
  const columns = grid.map((value) => node.reshape(node.emit("shape.broadcast", [value], { shape: lead }), [...lead, 1]));
  return node.emit("shape.scatter_nd", [cache, node.emit("shape.concat", columns, { axis: rank }), update]);
}

export const scatterOps: OpTable = {
  TensorScatter: tensorScatter,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
};
