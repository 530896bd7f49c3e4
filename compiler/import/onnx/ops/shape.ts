/** @file Operators that move or rename axes. */
import { type Dim, dimDiv, dimEquals, dimKey, dimMul, dimProduct, shapeEquals, tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { knownElements, sizes, type Value } from "../value.ts";
import { isIndexType } from "./fold.ts";

/** A reshape to these sizes; a symbolic size that stays in its place is copied (0), so that the text does not repeat it. */
function reshapeTo(node: NodeContext, value: Value, shape: readonly Dim[]): Value {
  if (shapeEquals(value.type.shape, shape)) return value;
  const same = (dim: Dim, i: number) => typeof dim !== "number" && dimEquals(dim, value.type.shape[i] ?? -1);
  return node.reshape(
    value,
    shape.map((dim, i) => (same(dim, i) ? 0 : dim)),
  );
}

/** Lists of sizes keep their elements when their rank changes between 0 and 1. */
function reshapeSizes(node: NodeContext, rank: number): Value | null {
  const value = node.input(0);
  const elements = isIndexType(value.type.dtype) && value.type.shape.length <= 1 && rank <= 1 ? knownElements(value) : null;
  return elements && (rank === 1 || elements.length === 1) ? sizes(elements, rank === 0 ? 0 : 1, value.type.dtype) : null;
}

function reshape(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  const target =
    node.opset < 5 ? (node.attributes.ints("shape") ?? node.fail("E0606", "attribute shape is missing")) : node.knownIntegers(1);
  const zero = node.attributes.flag("allowzero", false);
  if (target === null)
    return zero ? node.fail("E0605", "allowzero = 1 with a computed shape is not supported") : computedShape(node, "reshape");
  if (zero && target.includes(0)) return emptyOf(node, target);
  return reshapeSizes(node, target.length) ?? reshapeTo(node, node.input(0), node.keepBatch(target));
}

/** A shape that only a run tells: every size of the result is a new symbol. */
export function computedShape(node: NodeContext, op: "reshape" | "broadcast", x = node.input(0), index = 1): Value {
  const length = node.listLength(index, "the shape");
  const rank = op === "reshape" ? length : Math.max(length, x.type.shape.length);
  const shape = node.input(index);
  const wide = shape.type.dtype === "i64" ? shape : node.emit("type.cast", [shape], { to: "i64" });
  const type = () => [
    tensorType(
      x.type.dtype,
      Array.from({ length: rank }, () => node.freshSymbol("K")),
    ),
  ];
  return node.emitDynamic(`dynamic.${op}`, [x, wide], {}, type)[0] ?? x;
}

/** With `allowzero` a 0 is a size of 0: the result has no elements, whatever the input's are. */
function emptyOf(node: NodeContext, target: readonly Dim[]): Value {
  const sizes = target.map((dim) => node.staticDim(dim, "the shape"));
  const count = dimProduct(node.type(0).shape);
  if (sizes.includes(-1) || (typeof count === "number" && count !== 0))
    node.fail("E0606", `${dimKey(count)} elements do not fill [${sizes.join(", ")}]`);
  return node.literal(tensorType(node.type(0).dtype, sizes), new Uint8Array(0));
}

/** To a matrix: the axes before `axis`, and the others. */
function flatten(node: NodeContext): Value {
  const { shape } = node.type(0);
  const given = node.attributes.int("axis", 1);
  const axis = given === shape.length ? given : node.axis(given, shape.length);
  if (axis === 1) return node.reshape(node.input(0), [0, -1]);
  return reshapeTo(node, node.input(0), [dimProduct(shape.slice(0, axis)), dimProduct(shape.slice(axis))]);
}

/** Axes are an attribute up to opset 12 and an input since; null when they are left out. */
function axesOf(node: NodeContext, rank: number): readonly number[] | null {
  const given = node.opset < 13 ? node.attributes.ints("axes") : node.has(1) ? node.staticIntegers(1, "the list of axes") : null;
  const axes = given?.map((axis) => node.axis(axis, rank)) ?? null;
  if (axes && new Set(axes).size !== axes.length) node.fail("E0606", `an axis is listed twice in [${axes.join(", ")}]`);
  return axes;
}

function squeeze(node: NodeContext): Value {
  const { shape } = node.type(0);
  const axes = axesOf(node, shape.length) ?? shape.flatMap((size, i) => (size === 1 ? [i] : []));
  for (const axis of axes) {
    const size = shape[axis] as Dim;
    if (typeof size !== "number" && !node.hasBatch(size)) node.require(size, 1);
    else if (size !== 1) node.fail("E0606", `axis ${axis} has size ${dimKey(size)}, only an axis of size 1 can be removed`);
  }
  const kept = shape.filter((_, i) => !axes.includes(i));
  return reshapeSizes(node, kept.length) ?? reshapeTo(node, node.input(0), kept);
}

function unsqueeze(node: NodeContext): Value {
  const { shape } = node.type(0);
  const given = node.opset < 13 ? (node.attributes.ints("axes") ?? []) : node.staticIntegers(1, "the list of axes");
  const rank = shape.length + given.length;
  const axes = new Set(given.map((axis) => node.axis(axis, rank)));
  if (axes.size !== given.length) node.fail("E0606", `an axis is listed twice in [${given.join(", ")}]`);
  const rest = [...shape];
  const wider = Array.from({ length: rank }, (_, i): Dim => (axes.has(i) ? 1 : (rest.shift() as Dim)));
  return reshapeSizes(node, rank) ?? reshapeTo(node, node.input(0), wider);
}

function transpose(node: NodeContext): Value {
  const rank = node.rank(0);
  const perm = node.attributes.ints("perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return node.emit("shape.transpose", [node.input(0)], { perm });
}

/** Broadcasts in both directions: a 1 in the wanted shape keeps the input's size. */
function expand(node: NodeContext): Value {
  const { shape } = node.type(0);
  const target = node.knownIntegers(1);
  if (target === null) return computedShape(node, "broadcast");
  const rank = Math.max(shape.length, target.length);
  const from = (list: readonly Dim[], i: number): Dim => list[i - (rank - list.length)] ?? 1;
  const wanted = Array.from({ length: rank }, (_, i): Dim => (from(target, i) === 1 ? from(shape, i) : from(target, i)));
  return shapeEquals(shape, wanted) ? node.input(0) : node.emit("shape.broadcast", [node.input(0)], { shape: wanted });
}

/** [batch, channels, height, width] of the input. */
function image(node: NodeContext): readonly [Dim, Dim, Dim, Dim] {
  const [n, c, h, w] = node.type(0).shape;
  if (n === undefined || c === undefined || h === undefined || w === undefined || node.rank(0) !== 4) {
    node.fail("E0606", `the input must have 4 axes, got ${node.rank(0)}`);
  }
  return [n, c, h, w];
}

function blockSize(node: NodeContext): number {
  const block = node.attributes.int("blocksize", 0);
  if (block < 1) node.fail("E0606", `blocksize must be positive, got ${block}`);
  return block;
}

function depthToSpace(node: NodeContext): Value {
  const [, c, h, w] = image(node);
  const b = blockSize(node);
  const depth = dimDiv(c, b * b);
  if (!dimEquals(dimMul(depth, b * b), c)) node.fail("E0606", `${dimKey(c)} channels do not divide into blocks of ${b} x ${b}`);
  const mode = node.attributes.choice("mode", ["DCR", "CRD"], "DCR");
  const [split, perm] =
    mode === "DCR"
      ? [
          [0, b, b, depth, h, w],
          [0, 3, 4, 1, 5, 2],
        ]
      : [
          [0, depth, b, b, h, w],
          [0, 1, 4, 2, 5, 3],
        ];
  const moved = node.emit("shape.transpose", [node.reshape(node.input(0), split)], { perm });
  return node.reshape(moved, [0, depth, dimMul(h, b), dimMul(w, b)]);
}

function spaceToDepth(node: NodeContext): Value {
  const [, c, h, w] = image(node);
  const b = blockSize(node);
  const [rows, columns] = [dimDiv(h, b), dimDiv(w, b)];
  if (!dimEquals(dimMul(rows, b), h) || !dimEquals(dimMul(columns, b), w)) {
    node.fail("E0606", `${dimKey(h)} x ${dimKey(w)} does not divide into blocks of ${b} x ${b}`);
  }
  const split = node.reshape(node.input(0), [0, c, rows, b, columns, b]);
  return node.reshape(node.emit("shape.transpose", [split], { perm: [0, 3, 5, 1, 2, 4] }), [0, dimMul(c, b * b), rows, columns]);
}

export const shapeOps: OpTable = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
