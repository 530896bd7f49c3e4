/** @file Ops of lowered modules: they name kernels of a target and have no meaning without it, so nothing here computes. */
import { type AttrDict, emptyAttrs } from "../core/attr.ts";
import { TersorError } from "../core/problem.ts";
import type { TensorType } from "../core/type.ts";
import { type AttrSpec, a } from "./attr-spec.ts";
import { defineOp, type InferContext, type OpDef } from "./define.ts";

const params: AttrSpec<AttrDict> = {
  type: "dict",
  doc: "What the kernel is told besides its operands.",
  required: false,
  fallback: emptyAttrs,
  read: (stored) => (stored.kind === "dict" ? stored.value : undefined),
  write: (value) => ({ kind: "dict", value }),
};

const backend = a.string("Backend that runs the step, where it is not the target's own.", "");

export const kernel = defineOp({
  name: "rt.kernel",
  since: 1,
  doc: "One kernel of the target, by its id in the manifest. Its result types are as written.",
  operands: [{ name: "x", role: "data", variadic: true, optional: true, doc: "What the kernel takes, any number." }],
  results: [{ name: "y" }],
  attrs: { kernel: a.string("Id of a row of the backend's manifest."), params, backend },
  infer: (ctx) => ctx.declared ?? undeclared(ctx),
  reference: () => notHere("rt.kernel"),
  work: () => ({ macs: 0 }),
  noGradient: "it is a kernel of a lowered module; differentiate before lowering",
});

export const copy = defineOp({
  name: "rt.copy",
  since: 1,
  doc: "Operands moved to another backend, where the results lie. Its result types are as written, else those of the operands.",
  operands: [{ name: "x", role: "data", variadic: true, doc: "What is moved." }],
  results: [{ name: "y" }],
  attrs: { backend },
  infer: (ctx) => ctx.declared ?? ctx.types.map((_, i) => ctx.type(i)),
  reference: () => notHere("rt.copy"),
  work: () => ({ macs: 0 }),
  noGradient: "it is a step of a lowered module; differentiate before lowering",
});

export const loweredOps: readonly OpDef[] = [kernel, copy];

function undeclared(ctx: InferContext<unknown>): readonly TensorType[] {
  return ctx.fail("its result types must be written: they do not follow from the operands");
}

function notHere(name: string): never {
  throw new TersorError({ code: "E0505", message: `${name} runs on its target only: interpret the module before lowering` });
}
