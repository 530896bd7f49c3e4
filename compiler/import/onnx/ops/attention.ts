/**
 * @file `Attention` (opset 23 and 24) and `RotaryEmbedding`: scaled dot products with grouped heads, masks, a cache of earlier keys and values, as ONNX's function bodies order them: scale, softcap, mask, softmax.
 * Masks that depend on sizes only are constants. A row in which everything is masked gives zeros.
 */
import { type Dim, type DType, dimEquals, dimMul, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { dtypeOf } from "../tensor.ts";
import type { Value } from "../value.ts";

interface Heads {
  /** `[batch, heads, sequence, size]` */
  readonly value: Value;
  readonly flat: boolean;
}

/** `[batch, sequence, heads * size]` becomes `[batch, heads, sequence, size]`. */
function withHeads(node: NodeContext, value: Value, attribute: string): Heads {
  const { shape } = value.type;
  if (shape.length === 4) return { value, flat: false };
  const [batch = 1, sequence = 1, width = 1] = shape;
  const heads = node.attributes.int(attribute, 0);
  const size = node.staticDim(width, "the hidden size");
  if (heads < 1 || size % heads !== 0) node.fail("E0606", `${attribute} = ${heads} does not divide the hidden size ${size}`);
  const split = node.reshape(value, [batch, sequence, heads, size / heads]);
  return { value: node.emit("shape.transpose", [split], { perm: [0, 2, 1, 3] }), flat: true };
}

/** Earlier keys or values before the new ones. */
function cached(node: NodeContext, past: number, now: Value): Value {
  return node.has(past) ? node.emit("shape.concat", [node.input(past), now], { axis: 2 }) : now;
}

/** Each head of keys or values for as many heads of queries as share it. */
function repeated(node: NodeContext, value: Value, heads: number): Value {
  const [batch = 1, own = 1, sequence = 1, size = 1] = value.type.shape;
  const count = node.staticDim(own, "the number of heads");
  if (count === heads) return value;
  if (heads % count !== 0) node.fail("E0606", `${heads} heads of queries do not share ${count} of keys evenly`);
  const spread = node.emit("shape.broadcast", [node.reshape(value, [batch, count, 1, sequence, size])], {
    shape: [batch, count, heads / count, sequence, size],
  });
  return node.reshape(spread, [batch, heads, sequence, size]);
}

const masked = Number.NEGATIVE_INFINITY;

/** 0 where a query may look, -inf where not; null where there is nothing to mask. */
function bias(node: NodeContext, queries: Dim, keys: Dim, past: Dim, dtype: DType): Value | null {
  const parts = [given(node, keys, dtype), causal(node, queries, keys, past, dtype), padding(node, keys, dtype)];
  return parts.reduce<Value | null>((sum, part) => (part === null ? sum : sum === null ? part : node.emit("math.add", [sum, part])), null);
}

/** The mask input, shorter ones with what they do not name masked. */
function given(node: NodeContext, keys: Dim, dtype: DType): Value | null {
  if (!node.has(3)) return null;
  const mask = node.input(3);
  const values =
    mask.type.dtype === "bool"
      ? node.emit("math.where", [mask, node.scalar(0, dtype), node.scalar(masked, dtype)])
      : mask.type.dtype === dtype
        ? mask
        : node.emit("type.cast", [mask], { to: dtype });
  const { shape } = values.type;
  const named = shape[shape.length - 1] as Dim;
  if (dimEquals(named, keys)) return values;
  const missing = node.staticDim(keys, "the number of keys") - node.staticDim(named, "the mask's last size");
  const none = shape.map(() => 0);
  return node.emit("shape.pad", [values], {
    before: none,
    after: none.map((_, i) => (i === shape.length - 1 ? missing : 0)),
    value: masked,
  });
}

function counting(node: NodeContext, count: number, shape: readonly number[], dtype: DType): Value {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return node.literal(tensorType(dtype, shape), encodeNumbers(dtype, shape, numbers));
}

/** A query sees the keys up to its own place, which is behind the cache or, with a number of real keys, at their end. */
function causal(node: NodeContext, queries: Dim, keys: Dim, past: Dim, dtype: DType): Value | null {
  if (!node.attributes.flag("is_causal", false)) return null;
  const [rows, columns] = [node.staticDim(queries, "the number of queries"), node.staticDim(keys, "the number of keys")];
  if (node.has(6)) {
    const lengths = node.input(6);
    const own = node.reshape(counting(node, rows, [rows], lengths.type.dtype), [1, 1, rows, 1]);
    const offset = node.emit("math.sub", [
      node.reshape(lengths, [lengths.type.shape[0] as Dim, 1, 1, 1]),
      node.scalar(rows, lengths.type.dtype),
    ]);
    const later = node.emit("math.less", [node.emit("math.add", [own, offset]), counting(node, columns, [columns], lengths.type.dtype)]);
    return node.emit("math.where", [later, node.scalar(masked, dtype), node.scalar(0, dtype)]);
  }
  const before = node.staticDim(past, "the number of cached keys");
  const values = Array.from({ length: rows * columns }, (_, i) => (i % columns > Math.floor(i / columns) + before ? masked : 0));
  return node.literal(tensorType(dtype, [rows, columns]), encodeNumbers(dtype, [rows, columns], values));
}

/** Keys beyond the number of real ones of each sample. */
function padding(node: NodeContext, keys: Dim, dtype: DType): Value | null {
  if (!node.has(6)) return null;
  const lengths = node.input(6);
  const columns = node.staticDim(keys, "the number of keys");
  const real = node.emit("math.less", [
    counting(node, columns, [columns], lengths.type.dtype),
    node.reshape(lengths, [lengths.type.shape[0] as Dim, 1, 1, 1]),
  ]);
  return node.emit("math.where", [real, node.scalar(0, dtype), node.scalar(masked, dtype)]);
}

/** Probabilities; zeros for a row that looks nowhere, where a softmax would give NaN. */
function probabilities(node: NodeContext, scores: Value, mask: Value | null, precision: DType): Value {
  const { dtype } = scores.type;
  const cast = (value: Value, to: DType) => (value.type.dtype === to ? value : node.emit("type.cast", [value], { to }));
  const soft = cast(node.emit("math.softmax", [cast(scores, precision)], { axis: 3 }), dtype);
  if (!mask) return soft;
  const top = node.emit("reduce.max", [mask], { axes: [mask.type.shape.length - 1], keepdims: true });
  return node.emit("math.where", [node.emit("math.equal", [top, node.scalar(masked, dtype)]), node.scalar(0, dtype), soft]);
}

function attention(node: NodeContext): readonly Value[] {
  const { attributes } = node;
  const q = withHeads(node, node.input(0), "q_num_heads");
  const keys = cached(node, 4, withHeads(node, node.input(1), "kv_num_heads").value);
  const values = cached(node, 5, withHeads(node, node.input(2), "kv_num_heads").value);
  attributes.ignore("q_num_heads", "kv_num_heads");
  const [batch = 1, ownHeads = 1, queries = 1, ownSize = 1] = q.value.type.shape;
  const [heads, size] = [node.staticDim(ownHeads, "the number of heads"), node.staticDim(ownSize, "the size of a head")];
  const { dtype } = q.value.type;
  const root = node.scalar(Math.sqrt(attributes.float("scale", 1 / Math.sqrt(size))), dtype);
  const k = node.emit("shape.transpose", [repeated(node, keys, heads)], { perm: [0, 1, 3, 2] });
  const raw = node.emit("nn.matmul", [node.emit("math.mul", [q.value, root]), node.emit("math.mul", [k, root])]);
  const cap = attributes.float("softcap", 0);
  const capped = cap === 0 ? raw : softcapped(node, raw, cap);
  const past = node.has(4) ? (node.type(4).shape[2] as Dim) : 0;
  const mask = bias(node, queries, keys.type.shape[2] as Dim, past, dtype);
  const scores = mask ? node.emit("math.add", [capped, mask]) : capped;
  const precision = attributes.has("softmax_precision") ? dtypeOf(attributes.int("softmax_precision", 1), "softmax_precision") : null;
  const soft = probabilities(node, scores, mask, precision ?? dtype);
  const mixed = node.emit("nn.matmul", [soft, repeated(node, values, heads)]);
  const shown = [raw, capped, scores, soft][attributes.int("qk_matmul_output_mode", 0)] ?? raw;
  return [q.flat ? joined(node, mixed, batch, queries) : mixed, keys, values, shown];
}

function softcapped(node: NodeContext, scores: Value, cap: number): Value {
  const limit = node.scalar(cap, scores.type.dtype);
  return node.emit("math.mul", [node.emit("math.tanh", [node.emit("math.div", [scores, limit])]), limit]);
}

/** Heads side by side again. */
function joined(node: NodeContext, value: Value, batch: Dim, queries: Dim): Value {
  const [, heads = 1, , size = 1] = value.type.shape;
  return node.reshape(node.emit("shape.transpose", [value], { perm: [0, 2, 1, 3] }), [batch, queries, dimMul(heads, size)]);
}

/** Pairs of values turned by the angles of their place (Su et al., 2021): halves of the head beside each other, or neighbours. */
function rotaryEmbedding(node: NodeContext): Value {
  const { value: x, flat } = withHeads(node, node.input(0), "num_heads");
  node.attributes.ignore("num_heads");
  const [batch = 1, heads = 1, sequence = 1, ownSize = 1] = x.type.shape;
  const size = node.staticDim(ownSize, "the size of a head");
  const turned = node.attributes.int("rotary_embedding_dim", 0) || size;
  const half = turned / 2;
  const angles = (index: number) => {
    const table = node.input(index);
    const rows = node.has(3) ? node.emit("shape.gather", [table, node.input(3)], { axis: 0 }) : table;
    return node.reshape(node.emit("shape.slice", [rows], { axes: [2], starts: [0], ends: [half] }), [batch, 1, sequence, half]);
  };
  const [cos, sin] = [angles(1), angles(2)];
  const cut = (from: Value, start: number, end: number, step = 1) =>
    node.emit("shape.slice", [from], { axes: [3], starts: [start], ends: [end], steps: [step] });
  const interleaved = node.attributes.flag("interleaved", false);
  const [a, b] = interleaved ? [cut(x, 0, turned, 2), cut(x, 1, turned, 2)] : [cut(x, 0, half), cut(x, half, turned)];
  const mul = (p: Value, q: Value) => node.emit("math.mul", [p, q]);
  const real = node.emit("math.sub", [mul(cos, a), mul(sin, b)]);
  const imaginary = node.emit("math.add", [mul(sin, a), mul(cos, b)]);
  const pairs = interleaved
    ? node.reshape(
        node.emit(
          "shape.concat",
          [real, imaginary].map((v) => node.reshape(v, [batch, heads, sequence, half, 1])),
          { axis: 4 },
        ),
        [batch, heads, sequence, turned],
      )
    : node.emit("shape.concat", [real, imaginary], { axis: 3 });
  const whole = turned === size ? pairs : node.emit("shape.concat", [pairs, cut(x, turned, size)], { axis: 3 });
  return flat ? joined(node, whole, batch, sequence) : whole;
}

export const attentionOps: OpTable = { Attention: attention, RotaryEmbedding: rotaryEmbedding };
