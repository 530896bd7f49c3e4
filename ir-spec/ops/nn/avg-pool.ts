/** @file Average pooling and its gradient. */
import { compareDims, dimKey } from "../../core/dim.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { floats } from "./checks.ts";
import { ceilAttr, eachPaddedPlane, inferPool, type PoolWalk, poolAttrs, poolMaps, poolOps, poolWalk, selectPool } from "./pool-types.ts";
import { copyCropped, stepsOf, stridesOf, windowCount } from "./window.ts";

const countPad = { count_pad: a.bool("padding counts as zeros in the mean; else the mean is over elements of x only", false) };

export const avgPool = defineOp({
  name: "nn.avg_pool",
  since: 1,
  doc: [
    "`y[n, c, p] = mean_k x[n, c, p * stride - begin + k]` over the elements inside x, or with `count_pad` inside x and its declared padding (what a",
    "`ceil` window reaches beyond that never counts). ONNX `AveragePool` without dilations.",
  ].join("\n"),
  operands: [{ name: "x", role: "data", axes: ["batch", "channels", "..."], dtypes: floats }],
  results: [{ name: "y", axes: ["batch", "channels", "..."] }],
  attrs: { ...poolAttrs, ...ceilAttr, ...countPad },
  infer: (ctx) => [tensorType(ctx.type(0).dtype, inferPool(ctx, ctx.type(0).shape, ctx.attrs.ceil))],
  reference(ctx) {
    const x = ctx.input(0);
    const shape = ctx.outputs[0]?.shape ?? [];
    const walk = poolWalk(x.shape, shape, ctx.attrs);
    const { bases, offsets } = walk.windows;
    const counts = elementCounts(walk, x.shape, ctx.attrs.count_pad, ctx.attrs.kernel);
    const y = new Float64Array(walk.planes * bases.length);
    eachPaddedPlane(walk, asFloat64(x.data), 0, (padded, plane) => {
      for (let p = 0; p < bases.length; p++) {
        const base = bases[p] as number;
        let sum = 0;
        for (let k = 0; k < offsets.length; k++) sum += padded[base + (offsets[k] as number)] as number;
        y[plane * bases.length + p] = sum / (counts[p] as number);
      }
    });
    return [roundedTensor(x.dtype, shape, y)];
  },
  work: ({ outputs, attrs }) => poolOps(outputs[0], attrs),
  gradient({ builder, operands, grads, attrs }) {
    const { ceil: _, ...rest } = attrs;
    return [builder.one("nn.avg_pool_grad", [grads[0] ?? null], { spatial: builder.typeOf(operands[0] ?? null).shape.slice(2), ...rest })];
  },
  maps: () => poolMaps([0]),
  select: selectPool,
});

export const avgPoolGrad = defineOp({
  name: "nn.avg_pool_grad",
  since: 1,
  doc: "Adjoint of `nn.avg_pool`: each dy, divided by its window's count, is added over its window. `spatial` gives the sizes of x. No ONNX equivalent.",
  operands: [{ name: "dy", role: "data", axes: ["batch", "channels", "..."], dtypes: floats }],
  results: [{ name: "dx", axes: ["batch", "channels", "..."] }],
  attrs: { spatial: a.dims("spatial sizes of x"), ...poolAttrs, ...countPad },
  infer(ctx) {
    const dy = ctx.type(0);
    const { spatial } = ctx.attrs;
    if (spatial.length !== dy.shape.length - 2)
      ctx.fail(`spatial has ${spatial.length} sizes, dy has ${dy.shape.length - 2} spatial axes`, 0);
    const x = [...dy.shape.slice(0, 2), ...spatial];
    const [floor, ceil] = [inferPool(ctx, x, false), inferPool(ctx, x, true)];
    dy.shape.forEach((size, axis) => {
      const [low, high] = [floor[axis] ?? 1, ceil[axis] ?? 1];
      const fits = compareDims(size, low) !== false || compareDims(size, high) !== false;
      if (!fits) ctx.fail(`dy has ${dimKey(size)} on axis ${axis}, the pool makes ${dimKey(low)} (${dimKey(high)} with ceil)`, 0);
    });
    return [tensorType(dy.dtype, x)];
  },
  reference(ctx) {
    const dy = ctx.input(0);
    const shape = ctx.outputs[0]?.shape ?? [];
    const walk = poolWalk(shape, dy.shape, ctx.attrs);
    const { bases, offsets, padded } = walk.windows;
    const counts = elementCounts(walk, shape, ctx.attrs.count_pad, ctx.attrs.kernel);
    const [upstream, dx, room] = [asFloat64(dy.data), new Float64Array(walk.planes * walk.plane), new Float64Array(padded)];
    for (let plane = 0; plane < walk.planes; plane++) {
      room.fill(0);
      for (let p = 0; p < bases.length; p++) {
        const share = (upstream[plane * bases.length + p] as number) / (counts[p] as number);
        spread(room, bases[p] as number, offsets, share);
      }
      copyCropped(walk.windows, room, dx, plane * walk.plane);
    }
    return [roundedTensor(dy.dtype, shape, dx)];
  },
  work: ({ types, attrs }) => poolOps(types[0] ?? undefined, attrs),
  gradient({ builder, operands, grads, attrs }) {
    const dy = builder.typeOf(operands[0] ?? null);
    const { spatial, ...rest } = attrs;
    const steps = stepsOf(attrs, spatial.length);
    const floored = spatial.every(
      (size, i) => compareDims(windowCount(size, attrs.kernel[i] ?? 1, steps, i), dy.shape[i + 2] ?? 1) === true,
    );
    return [builder.one("nn.avg_pool", [grads[0] ?? null], { ...rest, ceil: !floored })];
  },
  maps: () => poolMaps([0]),
  select: selectPool,
});

function spread(room: Float64Array, base: number, offsets: Int32Array, share: number): void {
  for (let k = 0; k < offsets.length; k++) {
    const at = base + (offsets[k] as number);
    room[at] = (room[at] as number) + share;
  }
}

/** How many elements each window's mean is over: a product over axes of how far the window lies inside. */
function elementCounts(walk: PoolWalk, x: readonly number[], countPadding: boolean, kernel: readonly number[]): Float64Array {
  const { steps } = walk;
  const input = x.slice(2);
  const perAxis = input.map((size, axis) => {
    const [begin, end, stride] = [steps.begin[axis] as number, steps.end[axis] as number, steps.stride[axis] as number];
    const [low, high] = countPadding ? [0, begin + size + end] : [begin, begin + size];
    return (p: number) => Math.min(p * stride + (kernel[axis] as number), high) - Math.max(p * stride, low);
  });
  const counts = new Float64Array(walk.windows.bases.length);
  const { output } = walk;
  const strides = stridesOf(output);
  for (let p = 0; p < counts.length; p++) {
    counts[p] = perAxis.reduce(
      (product, count, axis) => product * count(Math.floor(p / (strides[axis] as number)) % (output[axis] as number)),
      1,
    );
  }
  return counts;
}
