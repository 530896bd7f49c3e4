/** @file Averages: `int.avg_pool` where all windows have one count, `int.mean`. The count goes into the factor. */
import { type Answer, type Cluster, outputAttrs, type Rule, refuse } from "../cluster.ts";
import { fixedPoint } from "../fixed-point.ts";

export const avgPoolRule: Rule = {
  ops: ["nn.avg_pool"],
  apply(cluster) {
    const { kernel, stride, pad, ceil, count_pad } = cluster.attrs as {
      readonly kernel: readonly number[];
      readonly stride: readonly number[];
      readonly pad: readonly number[];
      readonly ceil: boolean;
      readonly count_pad: boolean;
    };
    if (pad.some((size) => size > 0) && !count_pad) return refuse("windows at the border are over fewer elements");
    if (ceil && !divides(cluster, kernel, stride, pad)) return refuse("the last window is cut short (ceil)");
    const count = kernel.reduce((n, size) => n * size, 1);
    return averaged(cluster, "int.avg_pool", count, { kernel, stride, pad });
  },
};

/** ceil makes no partial window. */
function divides(cluster: Cluster, kernel: readonly number[], stride: readonly number[], pad: readonly number[]): boolean {
  const { shape } = cluster.reader.typeOf(cluster.op.operands[0] ?? null);
  return kernel.every((size, i) => {
    const extent = shape[i + 2];
    return typeof extent === "number" && (extent + (pad[i] ?? 0) + (pad[i + kernel.length] ?? 0) - size) % (stride[i] ?? 1) === 0;
  });
}

export const meanRule: Rule = {
  ops: ["reduce.mean"],
  apply(cluster) {
    const { shape } = cluster.reader.typeOf(cluster.op.operands[0] ?? null);
    const { axes, keepdims } = cluster.attrs as { readonly axes: readonly number[]; readonly keepdims: boolean };
    const sizes = axes.map((axis) => shape[axis < 0 ? axis + shape.length : axis]);
    if (sizes.some((size) => typeof size !== "number")) return refuse("the number of elements is not known before it runs");
    const count = sizes.reduce<number>((n, size) => n * Number(size), 1);
    return averaged(cluster, "int.mean", count, { axes, keepdims });
  },
};

const mostSummed = 2 ** 23;

function averaged(cluster: Cluster, op: string, count: number, attrs: Readonly<Record<string, unknown>>): Answer {
  const x = cluster.reader.dequantized(cluster.op.operands[0]);
  if (!x) return refuse("its input is not dequantized bytes with one scale");
  if (count > mostSummed || count < 1) return refuse(`a mean of ${count} elements`);
  const factor = fixedPoint(x.scale / (cluster.out.scale * count));
  if (!factor) return refuse("its factor has no multiplier and shift");
  return [{ op, operands: [x.codes], attrs: { ...attrs, x_zero: x.zero, ...factor, ...outputAttrs(cluster) } }];
}
