/**
 * @file Ops for tests of what is op-agnostic (text, verifier, passes): any operands, any attribute, several results, declared types, requires.
 * They run (results are zeros, or the operand), so that random modules can be interpreted; no file ever holds them.
 */
import { dimAdd } from "../../ir-spec/core/dim.ts";
import { hostTensor } from "../../ir-spec/core/tensor.ts";
import { tensorType } from "../../ir-spec/core/type.ts";
import { a } from "../../ir-spec/ops/attr-spec.ts";
import { defineOp } from "../../ir-spec/ops/define.ts";
import type { OpSource } from "../../ir-spec/ops/registry.ts";

/** Any operands to the declared types, as many as are declared. Notes carry attributes of every kind. */
const any = defineOp({
  name: "kit.any",
  since: 1,
  doc: "Any operands to the declared types; every element is zero.",
  operands: [{ name: "x", role: "data", variadic: true, optional: true }],
  results: [{ name: "y" }],
  attrs: {
    int: a.int("An integer.", 0),
    float: a.float("A float.", 0),
    flag: a.bool("A flag.", false),
    text: a.string("A string.", ""),
    mode: a.enum(["fast", "exact", "in.between"], "A word.", "fast"),
    to: a.dtype("A dtype.", "f32"),
    ints: a.ints("Integers.", []),
    dims: a.dims("Sizes.", []),
    size: a.dim("A size.", 1),
  },
  infer: (ctx) => ctx.declared ?? ctx.fail("the result types must be written"),
  reference: (ctx) => ctx.outputs.map(({ dtype, shape }) => hostTensor(dtype, shape)),
  work: () => ({ macs: 0 }),
});

const same = defineOp({
  name: "kit.same",
  since: 1,
  doc: "`y = x`; where there are two operands their types must agree.",
  operands: [
    { name: "x", role: "data" },
    { name: "like", role: "data", optional: true },
  ],
  results: [{ name: "y" }],
  attrs: {},
  infer(ctx) {
    const [x, like] = [ctx.type(0), ctx.types[1]];
    if (!like) return [x];
    if (like.dtype !== x.dtype) ctx.fail(`x is ${x.dtype}, like is ${like.dtype}`, 1);
    if (like.shape.length !== x.shape.length) ctx.fail(`x has rank ${x.shape.length}, like has rank ${like.shape.length}`, 1);
    for (const [i, dim] of x.shape.entries()) ctx.require(dim, like.shape[i] ?? 0, `axis ${i} of x and like`, 1);
    return [x];
  },
  reference: (ctx) => [ctx.input(0)],
  work: () => ({ macs: 0 }),
});

const split = defineOp({
  name: "kit.split",
  since: 1,
  doc: "Two results: x, and a zero tensor whose first axis is one longer.",
  operands: [{ name: "x", role: "data" }],
  results: [{ name: "y" }, { name: "z" }],
  attrs: {},
  infer(ctx) {
    const { dtype, shape } = ctx.type(0);
    const [first, ...rest] = shape;
    if (first === undefined) ctx.fail("x needs an axis", 0);
    return [ctx.type(0), tensorType(dtype, [dimAdd(first ?? 0, 1), ...rest])];
  },
  reference: (ctx) => [ctx.input(0), ...ctx.outputs.slice(1).map(({ dtype, shape }) => hostTensor(dtype, shape))],
  work: () => ({ macs: 0 }),
});

const call = defineOp({
  name: "kit.call",
  since: 1,
  doc: "Names a function; `y = x`.",
  operands: [{ name: "x", role: "data" }],
  results: [{ name: "y" }],
  attrs: { body: a.symbol("The function."), required: a.int("A required attribute.") },
  infer: (ctx) => [ctx.type(0)],
  reference: (ctx) => [ctx.input(0)],
  work: () => ({ macs: 0 }),
});

export const kitOps: OpSource = { owner: "kit", ops: [any, same, split, call] };
