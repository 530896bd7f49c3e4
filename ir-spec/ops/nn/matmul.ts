/** @file Batched matrix product with numpy's broadcasting. */
import { compareDims, type Dim, dimEquals, dimMul, dimProduct } from "../../core/dim.ts";
import type { Operand } from "../../core/graph.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { countOf } from "../../core/tensor.ts";
import type { TensorType } from "../../core/type.ts";
import { type AxisMap, type Builder, defineOp, type InferContext } from "../define.ts";
import { demandDim, demandOneDtype, dimAt, floats, withShape } from "./checks.ts";
import { addProducts, transposed } from "./dot-products.ts";

export const matmul = defineOp({
  name: "nn.matmul",
  since: 1,
  doc: [
    "`y[..., m, n] = sum_k a[..., m, k] * b[..., k, n]`; leading axes broadcast as numpy's. A rank-1 `a` is a row, a rank-1 `b` a column, and the axis",
    "added for it is dropped from the result. ONNX `MatMul`.",
  ].join("\n"),
  operands: [
    { name: "a", role: "data", axes: ["...", "rows", "in"], dtypes: floats },
    { name: "b", role: "data", axes: ["...", "in", "columns"], dtypes: floats },
  ],
  results: [{ name: "y", axes: ["...", "rows", "columns"] }],
  attrs: {},
  infer(ctx) {
    const [a, b] = [ctx.type(0), ctx.type(1)];
    demandOneDtype(ctx, ["a", "b"]);
    if (a.shape.length === 0 || b.shape.length === 0) ctx.fail("a scalar has no rows: use math.mul", a.shape.length === 0 ? 0 : 1);
    const [left, right] = matrices(a.shape, b.shape);
    const [inner, depth] = [left[left.length - 1] as Dim, right[right.length - 2] as Dim];
    demandDim(ctx, inner, depth, (has, wants) => `a has ${has} columns, b has ${wants} rows`, 1);
    const batch = broadcastBatch(ctx, left.slice(0, -2), right.slice(0, -2));
    return [withShape(a, resultShape(batch, left, right, a, b))];
  },
  reference(ctx) {
    const [a, b] = [ctx.input(0), ctx.input(1)];
    const [left, right] = matrices(a.shape, b.shape);
    const shape = ctx.outputs[0]?.shape ?? [];
    const batch = shape.slice(0, shape.length - (a.shape.length > 1 ? 1 : 0) - (b.shape.length > 1 ? 1 : 0));
    const values = batchedProduct(asFloat64(a.data), left as readonly number[], asFloat64(b.data), right as readonly number[], batch);
    return [roundedTensor(a.dtype, shape, values)];
  },
  work: ({ types, outputs }) => ({ macs: dimMul(dimProduct(outputs[0]?.shape ?? []), types[0]?.shape.at(-1) ?? 0) }),
  gradient({ builder, operands, results, grads, wanted }) {
    const [a = null, b = null] = operands;
    const [typeA, typeB] = [builder.typeOf(a), builder.typeOf(b)];
    const [left, right] = matrices(typeA.shape, typeB.shape);
    const batch = builder.typeOf(results[0] ?? null).shape.slice(0, Math.max(left.length, right.length) - 2);
    const dy = builder.one("shape.reshape", [grads[0] ?? null], { shape: [...batch, left.at(-2), right.at(-1)] });
    const [aMatrix, bMatrix] = [asMatrix(builder, a, left), asMatrix(builder, b, right)];
    return [
      wanted[0] ? sumTo(builder, builder.one("nn.matmul", [dy, swapped(builder, bMatrix)]), left, typeA) : null,
      wanted[1] ? sumTo(builder, builder.one("nn.matmul", [swapped(builder, aMatrix), dy]), right, typeB) : null,
    ];
  },
  maps({ types, outputs }) {
    const [a, b] = [types[0]?.shape ?? [], types[1]?.shape ?? []];
    const y = outputs[0]?.shape ?? [];
    const map = (operand: number, axis: number, resultAxis: number): AxisMap => ({
      operand,
      operandAxes: [axis],
      result: 0,
      resultAxes: [resultAxis],
    });
    const inner: AxisMap[] = [];
    if (a.length > 1) inner.push(map(0, a.length - 2, y.length - (b.length > 1 ? 2 : 1)));
    if (b.length > 1) inner.push(map(1, b.length - 1, y.length - 1));
    const batch = Math.max(a.length, b.length) - 2;
    const leading = [a, b].flatMap((shape, operand) =>
      shape.slice(0, -2).flatMap((dim, axis) => {
        const resultAxis = batch - (shape.length - 2) + axis;
        return dimEquals(dim, y[resultAxis] ?? -1) ? [map(operand, axis, resultAxis)] : [];
      }),
    );
    return [...inner, ...leading];
  },
  select: ({ attrs }) => ({ attrs }),
});

/** Both shapes as (stacks of) matrices: a rank-1 left is one row, a rank-1 right one column. */
function matrices(a: readonly Dim[], b: readonly Dim[]): [readonly Dim[], readonly Dim[]] {
  return [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b];
}

export function broadcastBatch(ctx: InferContext<unknown>, a: readonly Dim[], b: readonly Dim[]): readonly Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (x === 1) return y;
    if (y === 1 || compareDims(x, y) === true) return x;
    demandDim(ctx, x, y, (has, wants) => `leading axes do not broadcast: ${has} and ${wants}`, 1);
    return typeof x === "number" ? x : y;
  });
}

function resultShape(batch: readonly Dim[], left: readonly Dim[], right: readonly Dim[], a: TensorType, b: TensorType): readonly Dim[] {
  const rows = a.shape.length > 1 ? [dimAt(withShape(a, left), left.length - 2)] : [];
  const columns = b.shape.length > 1 ? [dimAt(withShape(b, right), right.length - 1)] : [];
  return [...batch, ...rows, ...columns];
}

/** Stacks of products of row-major matrices, given with the shapes of the stacks: `batch` is the broadcast of their leading axes. */
export function batchedProduct(
  a: Float64Array,
  left: readonly number[],
  b: Float64Array,
  right: readonly number[],
  batch: readonly number[],
): Float64Array {
  const [m, k] = left.slice(-2) as [number, number];
  const n = right[right.length - 1] as number;
  const y = new Float64Array(countOf(batch) * m * n);
  const turned = new Map<number, Float64Array>();
  for (let i = 0; i < countOf(batch); i++) {
    const [ai, bi] = [batchIndex(i, batch, left.slice(0, -2)), batchIndex(i, batch, right.slice(0, -2))];
    const columns = turned.get(bi) ?? transposed(b, bi * k * n, k, n);
    turned.set(bi, columns);
    addProducts(m, n, k, a.subarray(ai * m * k, (ai + 1) * m * k), columns, y, i * m * n, n);
  }
  return y;
}

/** Index of the matrix of `shape` (aligned right, size 1 repeats) that the row-major result index reads. */
function batchIndex(index: number, batch: readonly number[], shape: readonly number[]): number {
  let [rest, at, stride] = [index, 0, 1];
  for (let axis = batch.length - 1; axis >= 0; axis--) {
    const size = batch[axis] as number;
    const own = shape[axis - batch.length + shape.length];
    if (own !== undefined && own !== 1) at += (rest % size) * stride;
    stride *= own ?? 1;
    rest = Math.floor(rest / size);
  }
  return at;
}

function asMatrix(builder: Builder, value: Operand, shape: readonly Dim[]): Operand {
  return builder.typeOf(value).shape.length === shape.length ? value : builder.one("shape.reshape", [value], { shape });
}

/** The last two axes swapped. */
function swapped(builder: Builder, value: Operand): Operand {
  const rank = builder.typeOf(value).shape.length;
  const perm = Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
  return builder.one("shape.transpose", [value], { perm });
}

/** Adjoint of broadcasting `matrix` shapes: sums the axes that were repeated, then gives the operand's own shape. */
function sumTo(builder: Builder, value: Operand, matrix: readonly Dim[], type: TensorType): Operand {
  const from = builder.typeOf(value).shape;
  const extra = from.length - matrix.length;
  const axes = from.flatMap((dim, i) => (i < extra || (i < from.length - 2 && !dimEquals(dim, matrix[i - extra] ?? 1)) ? [i] : []));
  const summed = axes.length > 0 ? builder.one("reduce.sum", [value], { axes }) : value;
  if (axes.length === extra && matrix.length === type.shape.length) return summed;
  return builder.one("shape.reshape", [summed], { shape: type.shape });
}
