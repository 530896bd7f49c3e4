/**
 * @file TfIdfVectorizer on integers: counts of n-grams of a pool. Every window of a length and a skip is compared with every n-gram of that length, and the hits are added up; nothing in
 * it needs an op of its own. Pools of strings stay out.
 */
import { dimMul, dimSub, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { integerList } from "./iota.ts";

interface Pool {
  /** n of the n-grams. */
  readonly length: number;
  /** [n-gram][position]. */
  readonly grams: readonly (readonly number[])[];
  /** Index in the pool of the first of them. */
  readonly first: number;
}

/** The pools of each length, those of length 1 first; `ngram_counts` says where they start. */
function poolsOf(node: NodeContext): readonly Pool[] {
  const numbers = node.attributes.ints("pool_int64s");
  if (!numbers) return node.fail("E0605", "a pool of strings is not supported", "map words to integers before the model");
  const starts = node.attributes.ints("ngram_counts") ?? node.fail("E0606", "attribute ngram_counts is missing");
  let first = 0;
  return starts.map((start, i) => {
    const [length, end] = [i + 1, starts[i + 1] ?? numbers.length];
    if (end < start || (end - start) % length !== 0) node.fail("E0606", `${end - start} integers do not make n-grams of ${length}`);
    const count = (end - start) / length;
    const grams = Array.from({ length: count }, (_, g) => numbers.slice(start + g * length, start + (g + 1) * length));
    first += count;
    return { length, grams, first: first - count };
  });
}

/** f32 [batch, n-grams]: how often each occurs with this distance between its parts. Null where no window fits. */
function countsOf(node: NodeContext, rows: Value, { length, grams }: Pool, distance: number): Value | null {
  const [batch = 1, size = 0] = rows.type.shape;
  const reach = (length - 1) * distance;
  const windows = dimSub(size, reach);
  if (typeof windows === "number" && windows <= 0) return null;
  if (typeof windows !== "number") return node.fail("E0608", "the number of words must be static");
  const hits = Array.from({ length }, (_, part) => {
    const start = part * distance;
    const words = node.emit("shape.slice", [rows], { starts: [start], ends: [start + windows], axes: [1] });
    const wanted = integerList(
      node,
      grams.map((gram) => gram[part] as number),
      [1, 1, grams.length],
    );
    return node.emit("math.equal", [node.reshape(words, [batch, windows, 1]), wanted]);
  });
  const whole = hits.reduce((all, hit) => node.emit("math.and", [all, hit]));
  return node.emit("reduce.sum", [node.emit("type.cast", [whole], { to: "f32" })], { axes: [1] });
}

function floatList(node: NodeContext, values: readonly number[]): Value {
  return node.literal(tensorType("f32", [values.length]), encodeNumbers("f32", [values.length], values));
}

function tfIdfVectorizer(node: NodeContext): Value {
  const { attributes } = node;
  const int = (name: string) => attributes.int(name, null) ?? node.fail("E0606", `attribute ${name} is missing`);
  const [shortest, longest, skips] = [int("min_gram_length"), int("max_gram_length"), int("max_skip_count")];
  const mode = attributes.choice("mode", ["TF", "IDF", "TFIDF"], "TF");
  const places = attributes.ints("ngram_indexes") ?? node.fail("E0606", "attribute ngram_indexes is missing");
  const weights = attributes.floats("weights");
  const all = poolsOf(node);
  const used = all.filter(({ length, grams }) => length >= shortest && length <= longest && grams.length > 0);
  const x = node.input(0);
  const { shape } = x.type;
  if (shape.length > 2) node.fail("E0606", `the input must have 1 or 2 axes, got ${shape.length}`);
  const wide = x.type.dtype === "i64" ? x : node.emit("type.cast", [x], { to: "i64" });
  const rows = shape.length === 2 ? wide : node.reshape(wide, [1, ...(shape.length === 0 ? [1] : shape)]);
  const batch = rows.type.shape[0] ?? 1;
  const zeros = (count: number) => node.emit("shape.broadcast", [node.scalar(0, "f32")], { shape: [batch, count] });
  const counted = used.map((pool) => {
    // A single word has no parts to be apart.
    const distances = Array.from({ length: pool.length === 1 ? 1 : skips + 1 }, (_, i) => i + 1);
    const counts = distances.flatMap((distance) => countsOf(node, rows, pool, distance) ?? []);
    return counts.length === 0 ? zeros(pool.grams.length) : counts.reduce((sum, more) => node.emit("math.add", [sum, more]));
  });
  const size = Math.max(...places) + 1;
  const order = used.flatMap((pool) => pool.grams.map((_, g) => pool.first + g));
  // A column of zeros for the places that no n-gram has.
  const columns = node.emit("shape.concat", [...counted, zeros(1)], { axis: 1 });
  const from = new Array<number>(size).fill(order.length);
  order.forEach((gram, column) => {
    from[places[gram] ?? node.fail("E0606", `n-gram ${gram} has no index`)] = column;
  });
  const scale = new Array<number>(size).fill(1);
  for (const [gram, place] of places.entries()) scale[place] = weights?.[gram] ?? 1;
  const counts = node.emit("shape.gather", [columns, integerList(node, from)], { axis: 1 });
  const result = weighted(node, counts, mode, floatList(node, scale));
  return shape.length === 2 ? result : node.reshape(result, [dimMul(batch, size)]);
}

/** Counts, weights of what occurs, or both. */
function weighted(node: NodeContext, counts: Value, mode: "TF" | "IDF" | "TFIDF", weights: Value): Value {
  if (mode === "TF") return counts;
  const values = mode === "TFIDF" ? counts : node.emit("math.step", [counts]);
  return node.emit("math.mul", [values, weights]);
}

export const nGramOps: OpTable = { TfIdfVectorizer: tfIdfVectorizer };
