/** @file Numpy broadcasting: shapes, element offsets, and the sum that undoes it in gradients. */
import { compareDims, type Dim, dimEquals, dimKey } from "../../core/dim.ts";
import type { Operand } from "../../core/graph.ts";
import type { AxisMap, Builder, InferContext } from "../define.ts";

/** Sizes must be equal or 1; where a symbol decides, equality is required. */
export function broadcastShapes<A>(ctx: InferContext<A>, a: readonly Dim[], b: readonly Dim[], operand = 1): readonly Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - (rank - a.length)] ?? 1;
    const y = b[i - (rank - b.length)] ?? 1;
    if (dimEquals(x, y) || y === 1) return x;
    if (x === 1) return y;
    if (compareDims(x, y) === false)
      ctx.fail(`[${text(a)}] and [${text(b)}] do not broadcast: axis ${i} has ${dimKey(x)} and ${dimKey(y)}`, operand);
    ctx.require(x, y, `axis ${i} of the operands must be equal`, operand);
    return typeof x === "number" ? x : y;
  });
}

const text = (shape: readonly Dim[]): string => shape.map(dimKey).join(", ");

/** Sums a gradient over the axes along which `operand` was broadcast. */
export function unbroadcast(builder: Builder, grad: Operand, operand: Operand): Operand {
  const from = builder.typeOf(grad).shape;
  const to = builder.typeOf(operand).shape;
  const offset = from.length - to.length;
  const axes = from.flatMap((dim, i) => (i < offset || (to[i - offset] === 1 && dim !== 1) ? [i] : []));
  if (axes.length === 0) return grad;
  return builder.one("shape.reshape", [builder.one("reduce.sum", [grad], { axes })], { shape: to });
}

/** One axis to one, along every axis that is not broadcast. */
export function elementwiseMaps(operands: readonly (readonly Dim[] | null)[], out: readonly Dim[]): readonly AxisMap[] {
  return operands.flatMap((shape, operand) =>
    (shape ?? []).flatMap((dim, i): readonly AxisMap[] => {
      const axis = i + out.length - (shape?.length ?? 0);
      return dimEquals(dim, out[axis] ?? 1) ? [{ operand, operandAxes: [i], result: 0, resultAxes: [axis] }] : [];
    }),
  );
}

/** `[N, 3, 4]`, for messages. */
export function printShape(shape: readonly Dim[]): string {
  return `[${text(shape)}]`;
}
