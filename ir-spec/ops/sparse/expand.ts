/** @file Sparse to dense and back: stored values into a tensor of zeros, and its adjoint. */
import { isStatic } from "../../core/dim.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { demandDim, dimAt } from "../nn/checks.ts";
import { denseElements, inferSparse, misplaced, positionsOf, sparseAttrs } from "./positions.ts";

export const expand = defineOp({
  name: "sparse.expand",
  since: 1,
  doc: [
    "A dense tensor of `shape` that holds `values` where `index` says and zeros elsewhere. `mask`: `index` has one bit per element, row-major, and bit 1",
    "takes the next value. `nm`: every group of `m` elements along `axis` holds `n` values; value i, row-major in the shape with `size / m * n` on that axis,",
    "goes to place `index[i]` of its group, places ascending. ONNX: `ScatterElements`.",
  ].join("\n"),
  operands: [
    { name: "values", role: "weight", axes: ["stored"] },
    { name: "index", role: "index", axes: ["entries"], dtypes: ["u1", "u2", "u4", "u8"] },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: sparseAttrs,
  infer(ctx) {
    const values = ctx.type(0);
    if (values.shape.length !== 1) ctx.fail(`values must have rank 1, has rank ${values.shape.length}`, 0);
    const stored = inferSparse(ctx, ctx.type(1), 1);
    if (stored !== null) demandDim(ctx, dimAt(values, 0), stored, (has, wants) => `${has} values, the index places ${wants}`, 0);
    return [tensorType(values.dtype, ctx.attrs.shape)];
  },
  reference(ctx) {
    const [values, index] = [ctx.input(0), ctx.input(1)];
    const positions = positionsOf(index.data as Uint8Array, ctx.attrs);
    if (positions.length !== values.data.length) throw misplaced(`it places ${positions.length} values, ${values.data.length} are given`);
    const y = hostTensor(values.dtype, ctx.attrs.shape);
    for (let i = 0; i < positions.length; i++) y.data[positions[i] as number] = values.data[i] as number | bigint;
    return [y];
  },
  work: ({ attrs }) => denseElements(attrs),
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [values = null, index = null] = operands;
    if (!wanted[0]) return [null, null];
    const { shape: _, ...format } = attrs;
    const count = dimAt(builder.typeOf(values), 0);
    return [builder.one("sparse.compress", [grads[0] ?? null, index], { count, ...format }), null];
  },
  select: () => ({ refuse: "stored values are not laid out by axis: cut the dense tensor and make its sparse form again" }),
});

export const compress = defineOp({
  name: "sparse.compress",
  since: 1,
  doc: "The elements of x where `index` says, in the order of `sparse.expand`'s values: its adjoint, and its inverse on what it stored. ONNX: `GatherElements`.",
  operands: [
    { name: "x", role: "data", axes: ["..."], doc: "The dense tensor." },
    { name: "index", role: "index", axes: ["entries"], dtypes: ["u1", "u2", "u4", "u8"] },
  ],
  results: [{ name: "values", axes: ["stored"] }],
  attrs: {
    count: a.int("number of values: the ones of the mask, or all entries of an nm index"),
    format: sparseAttrs.format,
    n: sparseAttrs.n,
    m: sparseAttrs.m,
    axis: sparseAttrs.axis,
  },
  infer(ctx) {
    const x = ctx.type(0);
    const { count } = ctx.attrs;
    const shape = x.shape.filter(isStatic);
    if (shape.length !== x.shape.length) ctx.fail("x must have a static shape", 0);
    const stored = inferSparse({ ...ctx, attrs: { ...ctx.attrs, shape } }, ctx.type(1), 1);
    if (stored !== null && stored !== count) ctx.fail(`count is ${count}, the index places ${stored}`, 1);
    return [tensorType(x.dtype, [count])];
  },
  reference(ctx) {
    const [x, index] = [ctx.input(0), ctx.input(1)];
    const positions = positionsOf(index.data as Uint8Array, { ...ctx.attrs, shape: x.shape });
    if (positions.length !== ctx.attrs.count) throw misplaced(`it places ${positions.length} values, count is ${ctx.attrs.count}`);
    const values = hostTensor(x.dtype, [positions.length]);
    for (let i = 0; i < positions.length; i++) values.data[i] = x.data[positions[i] as number] as number | bigint;
    return [values];
  },
  work: ({ attrs }) => ({ macs: 0, elementOps: attrs.count }),
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [x = null, index = null] = operands;
    if (!wanted[0]) return [null, null];
    const { count: _, ...format } = attrs;
    return [builder.one("sparse.expand", [grads[0] ?? null, index], { shape: builder.typeOf(x).shape, ...format }), null];
  },
  select: () => ({ refuse: "stored values are not laid out by axis: cut the dense tensor and make its sparse form again" }),
});
