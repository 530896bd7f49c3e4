/**
 * @file What the ops of this dialect have in common: sizes of their results follow from elements, not from types, so the declared type introduces a symbol (`tensor<2x?Kxi64>`) that is
 * bound when the op has run. Like the ops that call functions they have `execute` in place of a reference, which keeps folding and decompositions away from them.
 */
import type { Dim } from "../../core/dim.ts";
import { TersorError } from "../../core/problem.ts";
import type { InferContext } from "../define.ts";

/** The size that the result's declared type has on the axis. @throws through `fail` when nothing was declared */
export function declaredSize(ctx: InferContext<unknown>, result: number, axis: number, rank: number): Dim {
  const shape = ctx.declared?.[result]?.shape;
  if (!shape || shape.length !== rank)
    return ctx.fail(`only a run tells the size of result ${result}: write its type, of rank ${rank}, with a symbol`);
  const size = shape[axis] as Dim;
  if (typeof size === "number")
    ctx.fail(`axis ${axis} of result ${result} is declared ${size}, and only a run tells it: write a symbol there`);
  return size;
}

export function noReference(name: string): () => never {
  return () => {
    throw new TersorError({ code: "E0506", message: `${name}: its results have no size before it runs` });
  };
}
