/** @file Names that a subgraph takes from around it, those of the graphs inside of it included. */
import { deepest } from "./body-context.ts";
import { ImportFailure } from "./errors.ts";
import type { GraphProto } from "./proto/gen/onnx.js";

const found = new WeakMap<GraphProto, ReadonlySet<string>>();

/** In order of first mention. @throws ImportFailure E0605 when graphs nest too deep */
export function freeNames(graph: GraphProto, depth = 0): ReadonlySet<string> {
  const known = found.get(graph);
  if (known) return known;
  if (depth > deepest) throw new ImportFailure("E0605", `subgraphs nest more than ${deepest} deep`);
  const own = new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ""),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  const free = new Set<string>();
  const use = (name: string) => void (name !== "" && !own.has(name) && free.add(name));
  for (const node of graph.node) {
    node.input.forEach(use);
    for (const { g } of node.attribute) if (g) freeNames(g, depth + 1).forEach(use);
  }
  for (const { name } of graph.output) use(name);
  found.set(graph, free);
  return free;
}

/** Nodes of a graph and of the graphs inside of it. */
export function countNodes(graph: GraphProto, depth = 0): number {
  if (depth > deepest) throw new ImportFailure("E0605", `subgraphs nest more than ${deepest} deep`);
  return graph.node.reduce(
    (sum, node) => sum + 1 + node.attribute.reduce((inner, { g }) => inner + (g ? countNodes(g, depth + 1) : 0), 0),
    0,
  );
}
