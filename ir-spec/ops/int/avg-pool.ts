/** @file Average pooling of integers, for windows that all have one count. */
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { ceilAttr, eachPaddedPlane, inferPool, poolAttrs, poolMaps, poolOps, poolWalk, selectPool } from "../nn/pool-types.ts";
import { roundShiftProduct } from "./fixed-point.ts";
import { inputZero } from "./layer.ts";
import { bytes, centred, checkOutput, checkProduct, checkZero, noGradient, outputAttrs, productAttrs, saturated } from "./output.ts";

/** 255 times this many still fits i32. */
export const mostSummed = 2 ** 23;

export const intAvgPool = defineOp({
  name: "int.avg_pool",
  since: 1,
  doc: [
    "`y[n, c, p] = clamp(round_shift(multiplier * sum_k (x[n, c, p * stride - begin + k] - x_zero), shift) + y_zero, min, max)`, padding adds 0.",
    "The window's count is part of `multiplier`, so it must be the same for all windows. `round_shift` as in `int.conv`.",
  ].join("\n"),
  operands: [{ name: "x", role: "data", axes: ["batch", "channels", "..."], dtypes: bytes }],
  results: [{ name: "y", axes: ["batch", "channels", "..."] }],
  attrs: { ...poolAttrs, ...ceilAttr, ...inputZero, ...productAttrs, ...outputAttrs },
  infer(ctx) {
    const x = ctx.type(0);
    const shape = inferPool(ctx, x.shape, ctx.attrs.ceil);
    const summed = ctx.attrs.kernel.reduce((n, size) => n * size, 1);
    if (summed > mostSummed) ctx.fail(`a window of ${summed} elements could overflow i32`);
    checkZero(ctx, "x_zero", ctx.attrs.x_zero, x.dtype);
    checkProduct(ctx);
    checkOutput(ctx);
    return [tensorType(ctx.attrs.to, shape)];
  },
  reference(ctx) {
    const x = ctx.input(0);
    const shape = ctx.outputs[0]?.shape ?? [];
    const walk = poolWalk(x.shape, shape, ctx.attrs);
    const { bases, offsets } = walk.windows;
    const sums = new Int32Array(walk.planes * bases.length);
    eachPaddedPlane(walk, centred(x, ctx.attrs.x_zero), 0, (padded, plane) => {
      for (let p = 0; p < bases.length; p++) {
        const base = bases[p] as number;
        let sum = 0;
        for (let k = 0; k < offsets.length; k++) sum += padded[base + (offsets[k] as number)] as number;
        sums[plane * bases.length + p] = sum;
      }
    });
    const { multiplier, shift } = ctx.attrs;
    return [saturated(shape, ctx.attrs, (i) => roundShiftProduct(sums[i] as number, multiplier, shift))];
  },
  work: ({ outputs, attrs }) => poolOps(outputs[0], attrs),
  noGradient,
  maps: () => poolMaps([0]),
  select: selectPool,
});
