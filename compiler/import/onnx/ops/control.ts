/**
 * @file Operators that run subgraphs. What is known while importing leaves no control flow behind: a known condition takes its branch, a short loop with a known number of iterations is written out. Anything
 * else becomes an op of the dialect `control` and functions of the module.
 */
import { type Dim, dimEquals, dimKey, dimSymbols, type TensorType, tensorType } from "../../../../ir-spec/index.ts";
import { Spoiled } from "../errors.ts";
import { countNodes } from "../free-names.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { GraphProto } from "../proto/gen/onnx.js";
import { knownElements, sizes, type Value } from "../value.ts";
import { scan } from "./scan.ts";
import { mostCopies, mostWrittenOut, stacked } from "./unrolled.ts";

/** The value's only element, a number or an expression over sizes; null when a run decides it. */
function knownScalar(node: NodeContext, value: Value): Dim | null {
  const [element, ...others] = knownElements(value) ?? [];
  if (element !== undefined && others.length === 0) return element;
  const tensor = node.evaluated(value);
  return tensor?.data.length === 1 ? Number(tensor.data[0]) : null;
}

function conditional(node: NodeContext): readonly Value[] {
  const [then, otherwise] = [node.graph("then_branch"), node.graph("else_branch")];
  const truth = knownScalar(node, node.input(0));
  if (truth === null) return choose(node, then, otherwise);
  const verdict = typeof truth === "number" ? truth !== 0 : node.assume(truth);
  if (typeof truth !== "number") node.require(truth, verdict ? 1 : 0);
  return node.subgraphs.inline(verdict ? then : otherwise, [], { keepNames: true });
}

/** Both branches as functions of what either captures. */
function choose(node: NodeContext, then: GraphProto, otherwise: GraphProto): readonly Value[] {
  const { subgraphs } = node;
  const captures = subgraphs.captures([then, otherwise]);
  const [yes, no] = both(
    () => subgraphs.define(then, "then", [], captures),
    () => subgraphs.define(otherwise, "else", [], captures),
  );
  if (yes.results.length !== no.results.length)
    node.fail("E0606", `the branches give ${yes.results.length} and ${no.results.length} values`);
  const types = yes.results.map((type, i) => joined(node, type, no.results[i] as TensorType, i));
  // biome-ignore lint/suspicious/noThenProperty: an attribute of the op
  return node.emitTyped("control.if", [node.input(0), ...captures], { then: yes.name, else: no.name }, types);
}

/** Runs both, so that the problems of both are told. */
function both<A, B>(first: () => A, second: () => B): readonly [A, B] {
  let made: A | null = null;
  try {
    made = first();
  } catch (error) {
    if (!(error instanceof Spoiled)) throw error;
  }
  const other = second();
  if (made === null) throw new Spoiled();
  return [made, other];
}

/** Sizes in which the branches differ get a symbol. */
function joined(node: NodeContext, a: TensorType, b: TensorType, index: number): TensorType {
  if (a.dtype !== b.dtype) node.fail("E0606", `output ${index} is ${a.dtype} in one branch and ${b.dtype} in the other`);
  if (a.shape.length !== b.shape.length) {
    const hint = "export the model with fixed shapes, so that the condition is known, or give both branches one rank";
    node.fail("E0605", `output ${index} has rank ${a.shape.length} in one branch and ${b.shape.length} in the other`, hint);
  }
  const shape = a.shape.map((dim, axis) => (dimEquals(dim, b.shape[axis] as Dim) ? dim : node.freshSymbol("K")));
  return tensorType(a.dtype, shape);
}

interface LoopParts {
  readonly body: GraphProto;
  /** null: no bound. */
  readonly trips: Value | null;
  readonly condition: Value | null;
  readonly carried: readonly Value[];
  readonly scans: number;
}

function loop(node: NodeContext): readonly Value[] {
  const body = node.graph("body");
  const [trips, condition] = [0, 1].map((i) => (node.has(i) ? node.input(i) : null)) as [Value | null, Value | null];
  const carried = Array.from({ length: Math.max(node.inputCount - 2, 0) }, (_, i) => node.input(i + 2));
  const scans = body.output.length - 1 - carried.length;
  if (scans < 0) node.fail("E0606", `the body gives ${body.output.length} values, ${carried.length + 1} are needed`);
  const parts = { body, trips, condition, carried, scans };
  return writtenOut(node, parts) ?? loopOp(node, parts);
}

/** Copies of the body, one behind the other, when it is known how many; else null. */
function writtenOut(node: NodeContext, parts: LoopParts): readonly Value[] | null {
  const most = parts.trips ? knownScalar(node, parts.trips) : Number.POSITIVE_INFINITY;
  const begin = parts.condition ? knownScalar(node, parts.condition) : 1;
  if (typeof most !== "number" || typeof begin !== "number") return null;
  const nodes = Math.min(most, mostCopies) * countNodes(parts.body);
  if (nodes > mostWrittenOut || nodes > node.subgraphs.room) return null;
  return node.tentatively(() => copiesOf(node, parts, most, begin !== 0));
}

/** null when it takes too many, or a run decides when it ends. */
function copiesOf(node: NodeContext, { body, carried, scans }: LoopParts, most: number, begin: boolean): readonly Value[] | null {
  let values = carried;
  let goOn = begin;
  const stacks: Value[][] = Array.from({ length: scans }, () => []);
  for (let i = 0; i < most && goOn; i++) {
    if (i >= mostCopies) return null;
    const [flag, ...results] = node.subgraphs.inline(body, [sizes([i], 0), sizes([1], 0, "bool"), ...values]);
    const known = flag ? knownScalar(node, flag) : null;
    if (typeof known !== "number") return null;
    goOn = known !== 0;
    values = results.slice(0, carried.length);
    stacks.forEach((list, k) => void list.push(results[carried.length + k] as Value));
  }
  if (stacks.some((list) => list.length === 0)) return null;
  return [...values, ...stacks.map((list) => stacked(node, list))];
}

/** How often carried sizes may turn out to change before it is given up. */
const mostWidenings = 4;

function loopOp(node: NodeContext, parts: LoopParts): readonly Value[] {
  const { body, trips, condition, carried } = parts;
  const captures = node.subgraphs.captures([body]);
  let types = carried.map(({ type }) => type);
  const changing = new Set<string>();
  for (let i = 0; i < mostWidenings; i++) {
    const made = node.subgraphs.define(body, "body", [tensorType("i64", []), sizes([1], 0, "bool"), ...types], captures);
    const nexts = made.results.slice(1, types.length + 1);
    const wider = types.map((type, k) => widened(node, type, nexts[k] as TensorType, k, changing));
    if (wider.every((type, k) => type === types[k])) {
      const results = resultTypes(node, types, changing, made.results.slice(types.length + 1));
      const attrs = { body: made.name, carried: carried.length };
      return node.emitTyped("control.loop", [trips, condition, ...carried, ...captures], attrs, results);
    }
    made.drop();
    types = wider;
  }
  return node.fail("E0605", "the sizes of what the loop carries do not settle", "export the model with fixed shapes");
}

/** The type under which the body takes a carried value: a size that an iteration changes gets a symbol of its own. The same object when nothing changes. */
function widened(node: NodeContext, type: TensorType, next: TensorType, index: number, changing: Set<string>): TensorType {
  if (type.dtype !== next.dtype)
    node.fail("E0606", `carried value ${index} is ${type.dtype} at first and ${next.dtype} after an iteration`);
  if (type.shape.length !== next.shape.length)
    node.fail("E0605", `carried value ${index} has rank ${type.shape.length} at first and ${next.shape.length} after an iteration`);
  const settled = (dim: Dim, axis: number) => changing.has(dimKey(dim)) || dimEquals(dim, next.shape[axis] as Dim);
  if (type.shape.every(settled)) return type;
  const shape = type.shape.map((dim, axis) => {
    if (settled(dim, axis)) return dim;
    const symbol = node.freshSymbol("K");
    changing.add(symbol.key);
    return symbol;
  });
  return tensorType(type.dtype, shape);
}

/** Carried sizes that change, and how many iterations there are, only a run tells: symbols. */
function resultTypes(
  node: NodeContext,
  params: readonly TensorType[],
  changing: ReadonlySet<string>,
  stacks: readonly TensorType[],
): readonly TensorType[] {
  const last = params.map(({ dtype, shape }) =>
    tensorType(
      dtype,
      shape.map((dim) => (changing.has(dimKey(dim)) ? node.freshSymbol("K") : dim)),
    ),
  );
  const trips = stacks.length > 0 ? [node.freshSymbol("K")] : [];
  const told = (dim: Dim) => [...dimSymbols(dim)].every((name) => !changing.has(name));
  return [
    ...last,
    ...stacks.map((type) => tensorType(type.dtype, [...trips, ...type.shape.map((dim) => (told(dim) ? dim : node.freshSymbol("K")))])),
  ];
}

/** Of a tensor, or of nothing: values that may be either do not exist here. */
const hasElement = (node: NodeContext): Value => sizes([node.has(0) ? 1 : 0], 0, "bool");
const getElement = (node: NodeContext): Value => node.input(0);

export const controlOps: OpTable = {
  If: conditional,
  Loop: loop,
  Scan: scan,
  OptionalHasElement: hasElement,
  OptionalGetElement: getElement,
};
