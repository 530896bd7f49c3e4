/** @file Where max pooling found its maxima: the second result of ONNX `MaxPool`, apart from the pool so that the pool stays one op with one result. */
import { asFloat64 } from "../../core/rounded.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { floats } from "./checks.ts";
import { ceilAttr, eachPaddedPlane, inferPool, type PoolAttrs, poolAttrs, poolMaps, poolOps, poolWalk, selectPool } from "./pool-types.ts";
import { copyPadded, dilationAttr } from "./window.ts";

export const maxPoolIndex = defineOp({
  name: "nn.max_pool_index",
  since: 1,
  doc: [
    "Index in x, flat and row-major over all its axes, of the first maximum of each window of `nn.max_pool` with the same attributes; NaN is a maximum,",
    "-1 where a window holds only padding. ONNX `MaxPool`, result `Indices` with `storage_order = 0`.",
  ].join("\n"),
  operands: [{ name: "x", role: "data", axes: ["batch", "channels", "..."], dtypes: [...floats, "i8", "u8"] }],
  results: [{ name: "indices", axes: ["batch", "channels", "..."], doc: "i64" }],
  attrs: { ...poolAttrs, ...dilationAttr, ...ceilAttr },
  infer: (ctx) => [tensorType("i64", inferPool(ctx, ctx.type(0).shape, ctx.attrs.ceil))],
  reference: (ctx) => [maximaOf(ctx.input(0), ctx.outputs[0]?.shape ?? [], ctx.attrs)],
  work: ({ outputs, attrs }) => poolOps(outputs[0], attrs),
  noGradient: "its result is an index",
  maps: () => poolMaps([0]),
  // Indices are flat: without a channel or a sample those behind it have others.
  select: (ctx) => (ctx.axis > 1 ? selectPool(ctx) : { refuse: `axis ${ctx.axis} is indexed: the elements would be numbered anew` }),
});

function maximaOf(x: HostTensor, shape: readonly number[], attrs: PoolAttrs): HostTensor {
  const walk = poolWalk(x.shape, shape, attrs);
  const { bases, offsets, padded: size } = walk.windows;
  // Of each padded position its index in the plane, -1 in the padding.
  const places = new Float64Array(size).fill(-1);
  copyPadded(
    walk.windows,
    Float64Array.from({ length: walk.plane }, (_, i) => i),
    0,
    places,
  );
  const indices = hostTensor("i64", shape);
  eachPaddedPlane(walk, asFloat64(x.data), 0, (padded, plane) => {
    for (let p = 0; p < bases.length; p++) {
      const at = firstInside(padded, places, offsets, bases[p] as number);
      indices.data[plane * bases.length + p] = at < 0 ? -1n : BigInt(plane * walk.plane + at);
    }
  });
  return indices;
}

function firstInside(padded: Float64Array, places: Float64Array, offsets: Int32Array, base: number): number {
  let [best, at] = [0, -1];
  for (const offset of offsets) {
    const place = places[base + offset] as number;
    const value = padded[base + offset] as number;
    if (place >= 0 && (at < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best)))) [best, at] = [value, place];
  }
  return at;
}
