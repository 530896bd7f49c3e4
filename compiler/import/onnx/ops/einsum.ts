/**
 * @file `Einsum`: any equation, with ellipsis, repeated and implicit labels. Operands are folded from the left; each pair becomes one batched matrix product: labels that both have and that are needed later are the
 * batch, those that both have and nobody needs are summed over, the others are rows and columns.
 */
import { type Dim, dimEquals, dimProduct, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

/** A tensor whose axes carry labels, none twice. */
interface Term {
  readonly value: Value;
  readonly labels: readonly string[];
}

function einsum(node: NodeContext): Value {
  const equation = node.attributes.string("equation", "").replace(/\s+/g, "");
  const [left = "", right] = equation.split("->");
  const inputs = left.split(",");
  if (!/^[a-zA-Z.,]*(->[a-zA-Z.]*)?$/.test(equation) || inputs.length !== node.inputCount)
    node.fail("E0606", `the equation "${equation}" does not go with ${node.inputCount} inputs`);
  const widest = Math.max(...inputs.map((text, i) => node.rank(i) - text.replace("...", "").length));
  const labels = inputs.map((text, i) => labelsOf(node, text, node.rank(i), widest));
  const output =
    right === undefined
      ? implicitOutput(labels, widest)
      : labelsOf(node, right, right.replace("...", "").length + (right.includes("...") ? widest : 0), widest);
  const terms = labels.map((own, i) => diagonal(node, { value: node.input(i), labels: own }));
  const needed = (from: number) => new Set([...output, ...terms.slice(from).flatMap((term) => term.labels)]);
  let result = summed(node, terms[0] as Term, needed(1));
  for (let i = 1; i < terms.length; i++)
    result = product(node, result, summed(node, terms[i] as Term, new Set([...needed(i + 1), ...result.labels])), needed(i + 1));
  return ordered(node, result, output);
}

/** One label per axis; the axes of the ellipsis are `0`, `1` ... counted so that the last ones meet. */
function labelsOf(node: NodeContext, text: string, rank: number, widest: number): readonly string[] {
  const [before = "", after] = text.split("...");
  const covered = rank - before.length - (after ?? "").length;
  if (after === undefined ? covered !== 0 : covered < 0) node.fail("E0606", `"${text}" does not name ${rank} axes`);
  const dots = Array.from({ length: after === undefined ? 0 : covered }, (_, i) => `${widest - covered + i}`);
  return [...before, ...dots, ...(after ?? "")];
}

/** The ellipsis, then the labels that stand once, in alphabetical order. */
function implicitOutput(inputs: readonly (readonly string[])[], widest: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const label of inputs.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const single = [...counts].flatMap(([label, count]) => (/[a-zA-Z]/.test(label) && count === 1 ? [label] : []));
  return [...Array.from({ length: widest }, (_, i) => `${i}`).filter((label) => counts.has(label)), ...single.sort()];
}

/** A label that stands twice takes the diagonal of its two axes. */
function diagonal(node: NodeContext, { value, labels }: Term): Term {
  const second = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (second < 0) return { value, labels };
  const first = labels.indexOf(labels[second] as string);
  const rest = labels.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const { shape } = value.type;
  const size = node.staticDim(shape[second] as Dim, "a repeated label's size");
  const turned = node.emit("shape.transpose", [value], { perm: [...rest, first, second] });
  const kept = rest.map((axis) => shape[axis] as Dim);
  const flat = node.reshape(turned, [...kept, size * size]);
  const places = Array.from({ length: size }, (_, i) => i * (size + 1));
  const index = node.literal(tensorType("i64", [size]), encodeNumbers("i64", [size], places));
  const picked = node.emit("shape.gather", [flat, index], { axis: rest.length });
  return diagonal(node, { value: picked, labels: [...rest.map((axis) => labels[axis] as string), labels[first] as string] });
}

/** Labels that nobody needs are summed over. */
function summed(node: NodeContext, { value, labels }: Term, needed: ReadonlySet<string>): Term {
  const axes = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  if (axes.length === 0) return { value, labels };
  return { value: node.emit("reduce.sum", [value], { axes, keepdims: false }), labels: labels.filter((label) => needed.has(label)) };
}

function product(node: NodeContext, a: Term, b: Term, needed: ReadonlySet<string>): Term {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const [x, y] = [widened(node, a, b, shared), widened(node, b, a, shared)];
  const batch = shared.filter((label) => needed.has(label));
  const inner = shared.filter((label) => !needed.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const sizes = (term: Term, labels: readonly string[]) => labels.map((label) => term.value.type.shape[term.labels.indexOf(label)] as Dim);
  const [n, k] = [sizes(x, batch), dimProduct(sizes(x, inner))];
  const left = node.reshape(turned(node, x, [...batch, ...rows, ...inner]), [...n, dimProduct(sizes(x, rows)), k]);
  const right = node.reshape(turned(node, y, [...batch, ...inner, ...columns]), [...n, k, dimProduct(sizes(y, columns))]);
  const value = node.reshape(node.emit("nn.matmul", [left, right]), [...n, ...sizes(x, rows), ...sizes(y, columns)]);
  return { value, labels: [...batch, ...rows, ...columns] };
}

/** A size of 1 that meets a larger one (under an ellipsis) is repeated. */
function widened(node: NodeContext, term: Term, other: Term, shared: readonly string[]): Term {
  const shape = term.value.type.shape.map((dim, axis) => {
    const label = term.labels[axis] as string;
    const partner = shared.includes(label) ? (other.value.type.shape[other.labels.indexOf(label)] as Dim) : dim;
    return dim === 1 ? partner : dim;
  });
  const same = shape.every((dim, axis) => dimEquals(dim, term.value.type.shape[axis] as Dim));
  return same ? term : { ...term, value: node.emit("shape.broadcast", [term.value], { shape }) };
}

function turned(node: NodeContext, { value, labels }: Term, order: readonly string[]): Value {
  const perm = order.map((label) => labels.indexOf(label));
  return perm.every((axis, i) => axis === i) ? value : node.emit("shape.transpose", [value], { perm });
}

function ordered(node: NodeContext, term: Term, output: readonly string[]): Value {
  const missing = output.find((label) => !term.labels.includes(label));
  if (missing !== undefined) node.fail("E0606", `no input has the label "${missing}" of the result`);
  return turned(node, term, output);
}

export const einsumOps: OpTable = { Einsum: einsum };
