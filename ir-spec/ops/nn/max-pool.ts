/** @file Max pooling and its gradient. */

import { isFloat } from "../../core/dtype.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { demandDim, demandOneDtype, floats } from "./checks.ts";
import { ceilAttr, eachPaddedPlane, inferPool, poolAttrs, poolMaps, poolOps, poolWalk, selectPool } from "./pool-types.ts";
import { copyCropped, dilationAttr, type Windows } from "./window.ts";

const attrs = { ...poolAttrs, ...dilationAttr, ...ceilAttr };

export const maxPool = defineOp({
  name: "nn.max_pool",
  since: 1,
  doc: [
    "`y[n, c, p] = max_k x[n, c, p * stride - begin + k * dilation]` over the elements inside x; padding never wins. NaN wins over all.",
    "Padding must be smaller than the window. ONNX `MaxPool` (one result).",
  ].join("\n"),
  operands: [{ name: "x", role: "data", axes: ["batch", "channels", "..."], dtypes: [...floats, "i8", "u8"] }],
  results: [{ name: "y", axes: ["batch", "channels", "..."] }],
  attrs,
  infer: (ctx) => [tensorType(ctx.type(0).dtype, inferPool(ctx, ctx.type(0).shape, ctx.attrs.ceil))],
  reference(ctx) {
    const x = ctx.input(0);
    const shape = ctx.outputs[0]?.shape ?? [];
    const walk = poolWalk(x.shape, shape, ctx.attrs);
    const { bases } = walk.windows;
    const y = new Float64Array(walk.planes * bases.length);
    eachPaddedPlane(walk, asFloat64(x.data), Number.NEGATIVE_INFINITY, (padded, plane) => {
      for (let p = 0; p < bases.length; p++) y[plane * bases.length + p] = padded[firstMaximum(walk.windows, padded, p)] as number;
    });
    return [exactTensor(x, shape, y)];
  },
  work: ({ outputs, attrs: a }) => poolOps(outputs[0], a),
  gradient: ({ builder, operands, grads, attrs: a }) => [builder.one("nn.max_pool_grad", [operands[0] ?? null, grads[0] ?? null], a)],
  maps: () => poolMaps([0]),
  select: selectPool,
});

export const maxPoolGrad = defineOp({
  name: "nn.max_pool_grad",
  since: 1,
  doc: "Adjoint of `nn.max_pool` at x: each dy goes to the first maximum of its window, in row-major order. No ONNX equivalent.",
  operands: [
    { name: "x", role: "data", axes: ["batch", "channels", "..."], dtypes: floats },
    { name: "dy", role: "data", axes: ["batch", "channels", "..."], dtypes: floats },
  ],
  results: [{ name: "dx", axes: ["batch", "channels", "..."] }],
  attrs,
  infer(ctx) {
    const [x, dy] = [ctx.type(0), ctx.type(1)];
    demandOneDtype(ctx, ["x", "dy"]);
    const made = inferPool(ctx, x.shape, ctx.attrs.ceil);
    if (dy.shape.length !== made.length) ctx.fail(`x has rank ${made.length}, dy has rank ${dy.shape.length}`, 1);
    made.forEach((size, axis) => {
      demandDim(ctx, dy.shape[axis] ?? 1, size, (has, wants) => `dy has ${has} on axis ${axis}, the pool makes ${wants}`, 1);
    });
    return [x];
  },
  reference(ctx) {
    const [x, dy] = [ctx.input(0), ctx.input(1)];
    const walk = poolWalk(x.shape, dy.shape, ctx.attrs);
    const { bases, padded: size } = walk.windows;
    const [upstream, dx, room] = [asFloat64(dy.data), new Float64Array(x.data.length), new Float64Array(size)];
    eachPaddedPlane(walk, asFloat64(x.data), Number.NEGATIVE_INFINITY, (padded, plane) => {
      room.fill(0);
      for (let p = 0; p < bases.length; p++) {
        const at = firstMaximum(walk.windows, padded, p);
        room[at] = (room[at] as number) + (upstream[plane * bases.length + p] as number);
      }
      copyCropped(walk.windows, room, dx, plane * walk.plane);
    });
    return [roundedTensor(x.dtype, x.shape, dx)];
  },
  work: ({ types, attrs: a }) => poolOps(types[1] ?? undefined, a),
  noGradient: "second derivatives of max_pool are not defined where windows tie; none is given",
  maps: () => poolMaps([0, 1]),
  select: selectPool,
});

/** Where in the padded plane window p has its first maximum; a NaN is a maximum. */
function firstMaximum({ bases, offsets }: Windows, padded: Float64Array, p: number): number {
  const base = bases[p] as number;
  let at = base + (offsets[0] as number);
  let best = padded[at] as number;
  for (let k = 1; k < offsets.length; k++) {
    const candidate = base + (offsets[k] as number);
    const value = padded[candidate] as number;
    if (value > best || (Number.isNaN(value) && !Number.isNaN(best))) [at, best] = [candidate, value];
  }
  return at;
}

/** Values that came from `like` need no rounding. */
function exactTensor(like: HostTensor, shape: readonly number[], values: Float64Array): HostTensor {
  if (isFloat(like.dtype)) return roundedTensor(like.dtype, shape, values);
  const y = hostTensor(like.dtype, shape);
  // Padding alone (dilated windows over a small input) has no integer maximum: the smallest value of the dtype.
  for (let i = 0; i < values.length; i++) y.data[i] = Math.max(values[i] as number, like.dtype === "i8" ? -128 : 0);
  return y;
}
