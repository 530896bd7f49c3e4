/** @file Ops that call functions: their functions become graphs inside the node, and what they capture the values of the graph around. */
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

const inside = (count: number) => new Array<null>(count).fill(null);

function conditional(op: OpCall): ResultNode {
  const captured = op.inputs().slice(1);
  const attrs = { then_branch: op.body("then", captured), else_branch: op.body("else", captured) };
  return { ...op.result("If", [op.input(0)], attrs), all: true };
}

/** The body of a `Loop` also takes the condition on which the iteration began. */
function loop(op: OpCall): ResultNode {
  const carried = op.int("carried");
  const [trips = "", condition = "", ...xs] = op.inputs();
  const body = op.body("body", [...inside(carried + 1), ...xs.slice(carried)], "condition");
  return { ...op.result("Loop", [trips, condition, ...xs.slice(0, carried)], { body }), all: true };
}

function scan(op: OpCall): ResultNode {
  const [carried, scanned] = [op.int("carried"), op.int("scanned")];
  const xs = op.inputs();
  const body = op.body("body", [...inside(carried + scanned), ...xs.slice(carried + scanned)]);
  return { ...op.result("Scan", xs.slice(0, carried + scanned), { body, num_scan_inputs: attribute.int(scanned) }), all: true };
}

export const controlRows: ExportTable = { "control.if": conditional, "control.loop": loop, "control.scan": scan };
