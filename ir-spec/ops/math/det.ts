/** @file Determinants of square matrices, by LU decomposition with partial pivoting. */
import { type Dim, dimMul, dimProduct } from "../../core/dim.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { demandDim, floats } from "../nn/checks.ts";
import { oneToOne } from "../shape/axis-maps.ts";

export const det = defineOp({
  name: "math.det",
  since: 1,
  doc: "Determinants of the matrices that the last two axes of `x` hold; 1 for a matrix without elements. ONNX `Det`.",
  operands: [{ name: "x", role: "data", axes: ["...", "rows", "columns"], dtypes: floats }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer(ctx) {
    const { dtype, shape } = ctx.type(0);
    if (shape.length < 2) ctx.fail(`x holds matrices on its last two axes, got rank ${shape.length}`, 0);
    const [rows, columns] = shape.slice(-2) as [Dim, Dim];
    demandDim(ctx, rows, columns, (has, wants) => `a determinant is of a square matrix, got ${has}x${wants}`, 0);
    return [tensorType(dtype, shape.slice(0, -2))];
  },
  reference({ input, outputs }) {
    const x = input(0);
    const size = x.shape[x.shape.length - 1] ?? 0;
    const shape = outputs[0]?.shape ?? [];
    const count = shape.reduce((n, d) => n * d, 1);
    const values = asFloat64(x.data);
    const y = Float64Array.from({ length: count }, (_, i) => determinant(values.slice(i * size * size, (i + 1) * size * size), size));
    return [roundedTensor(x.dtype, shape, y)];
  },
  work: ({ types }) => ({ macs: dimMul(dimProduct(types[0]?.shape ?? []), types[0]?.shape.at(-1) ?? 1) }),
  noGradient: "it takes the inverse of x, for which there is no op",
  maps: ({ types }) => (types[0]?.shape ?? []).slice(0, -2).map((_, i) => oneToOne(0, i, i)),
  select: ({ side, axis, types }) =>
    side === "operand" && axis >= (types[0]?.shape.length ?? 0) - 2
      ? { refuse: "a matrix without a row or a column has another determinant" }
      : { attrs: {} },
});

/** Of a row-major matrix, which is overwritten. */
function determinant(m: Float64Array, size: number): number {
  const at = (row: number, column: number) => m[row * size + column] as number;
  let product = 1;
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let row = k + 1; row < size; row++) if (Math.abs(at(row, k)) > Math.abs(at(pivot, k))) pivot = row;
    const value = at(pivot, k);
    if (value === 0) return 0;
    product *= pivot === k ? value : -value;
    for (let column = k; pivot !== k && column < size; column++) {
      const swapped = at(k, column);
      m[k * size + column] = at(pivot, column);
      m[pivot * size + column] = swapped;
    }
    for (let row = k + 1; row < size; row++) {
      const factor = at(row, k) / value;
      for (let column = k; column < size; column++) m[row * size + column] = at(row, column) - factor * at(k, column);
    }
  }
  return product;
}
