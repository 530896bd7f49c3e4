/**
 * @file Which ops of a body run on the target and which on its fallback. Assigning modules to two processors so that their times and the times of what passes between them are least
 * is a minimum cut (Stone, "Multiprocessor Scheduling with the Aid of Network Flow Algorithms", IEEE TSE 1977): source is the target, sink the fallback, an op's edges to both are what it costs there. An op
 * that the target can run leaves it only to save copies, never because it would be a little faster elsewhere: it was the target that was asked for. Each value counts as a copy of its own, though
 * values that cross together share one wait, so the cut errs towards fewer crossings.
 */
import type { Func, Op, Operand, ValueId } from "../../ir-spec/index.ts";
import type { CopyTerms } from "../../runtime/manifest.ts";
import { FlowGraph } from "./min-cut.ts";

export type Side = "target" | "fallback";

/** Microseconds of an op on either side; null where it cannot run. */
export interface SideCosts {
  readonly target: number | null;
  readonly fallback: number | null;
}

/** Ties go to the target. */
const preference = 1e-3;

/** The side of each op, in order. @param costs of each op @param bytes of a value @throws RangeError when an op can run on neither side */
export function placeOps(func: Func, costs: readonly SideCosts[], bytes: (value: ValueId) => number, rates: CopyRates): readonly Side[] {
  if (costs.every(({ target }) => target !== null)) return costs.map(() => "target");
  const graph = new FlowGraph();
  const [source, sink] = [graph.node(), graph.node()];
  const nodes = func.ops.map((_, i) => {
    const node = graph.node();
    const { target, fallback } = costs[i] as SideCosts;
    graph.edge(source, node, fallback === null ? Number.POSITIVE_INFINITY : Math.max(0, fallback - (target ?? 0)) + preference);
    graph.edge(node, sink, target === null ? Number.POSITIVE_INFINITY : 0);
    return node;
  });
  for (const { value, producer, readers, returned } of valuesOf(func)) {
    const down = copyTime(rates.readBack, bytes(value));
    const up = copyTime(rates.upload, bytes(value));
    const from = producer === null ? null : (nodes[producer] as number);
    const into = readers.map((op) => nodes[op] as number);
    if (from !== null) {
      // Made on the target, wanted on the fallback or outside: one read-back, however many want it.
      const wantedBelow = graph.node();
      graph.edge(from, wantedBelow, down);
      for (const reader of into) graph.edge(wantedBelow, reader, Number.POSITIVE_INFINITY);
      if (returned) graph.edge(wantedBelow, sink, Number.POSITIVE_INFINITY);
    }
    // Made on the fallback or given from outside, wanted on the target: one upload.
    const wantedAbove = graph.node();
    graph.edge(wantedAbove, from ?? sink, up);
    for (const reader of into) graph.edge(reader, wantedAbove, Number.POSITIVE_INFINITY);
  }
  const below = graph.sinkSide(source, sink);
  return nodes.map((node) => (below.has(node) ? "fallback" : "target"));
}

/** Microseconds of a copy: a wait, and a rate. */
export interface CopyRates {
  readonly upload: CopyTerms;
  readonly readBack: CopyTerms;
}

export function copyTime({ launch, byteNs }: CopyTerms, bytes: number): number {
  return launch + (bytes * byteNs) / 1000;
}

interface ValueUse {
  readonly value: ValueId;
  /** Index of the op that makes it; null: a parameter. */
  readonly producer: number | null;
  readonly readers: readonly number[];
  readonly returned: boolean;
}

function valuesOf(func: Func): readonly ValueUse[] {
  const readers = new Map<ValueId, Set<number>>();
  func.ops.forEach((op, i) => {
    for (const operand of op.operands) {
      if (typeof operand !== "number") continue;
      const known = readers.get(operand);
      if (known) known.add(i);
      else readers.set(operand, new Set([i]));
    }
  });
  const returned = new Set<Operand>(func.returns);
  const use = (value: ValueId, producer: number | null): ValueUse => {
    return { value, producer, readers: [...(readers.get(value) ?? [])], returned: returned.has(value) };
  };
  return [...func.params.map((value) => use(value, null)), ...func.ops.flatMap((op, i) => op.results.map((value) => use(value, i)))];
}

/** Ops of one side that run without anything of the other side between them. */
export interface Segment {
  readonly side: Side;
  /** Indices of ops, in order of execution. */
  readonly ops: readonly number[];
}

/**
 * An order in which sides change seldom: what is ready on a side runs there before the other's turn. Of the ready, the earliest in the body.
 * @param sides of each op
 */
export function segmentsOf(func: Func, sides: readonly Side[]): readonly Segment[] {
  const producers = new Map<ValueId, number>();
  func.ops.forEach((op, i) => {
    for (const result of op.results) producers.set(result, i);
  });
  const waiting = new Set(func.ops.keys());
  const segments: Segment[] = [];
  const ready = (op: Op) => op.operands.every((operand) => typeof operand !== "number" || !waiting.has(producers.get(operand) ?? -1));
  let side = sides[0] ?? "target";
  while (waiting.size > 0) {
    // The set keeps the body's order, in which operands come first: one pass takes everything that this side can run now.
    const ops: number[] = [];
    for (const i of waiting) {
      if (sides[i] !== side || !ready(func.ops[i] as Op)) continue;
      ops.push(i);
      waiting.delete(i);
    }
    if (ops.length > 0) segments.push({ side, ops });
    side = side === "target" ? "fallback" : "target";
  }
  return segments;
}
