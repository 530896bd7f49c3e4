/** @file A choice between two functions. ONNX `If`, whose captured values are operands here. */
import type { TensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { bindArguments, joinTypes, resultType } from "../signature.ts";
import { called, demandOne, noGradient, noReference } from "./common.ts";

export const controlIf = defineOp({
  name: "control.if",
  since: 1,
  doc: "`then(xs)` where `condition` is true, else `else(xs)`. Both functions take the same values and give values of the same dtype and rank; a size in which they differ is a symbol that the op introduces. Only the chosen one runs. ONNX `If`, its captures as operands.",
  operands: [
    { name: "condition", role: "data", dtypes: ["bool"], doc: "One element, rank 0 or 1." },
    { name: "xs", role: "data", variadic: true, doc: "What both functions take." },
  ],
  results: [{ name: "ys", doc: "What the chosen function gives." }],
  // biome-ignore lint/suspicious/noThenProperty: what the case is called in the text
  attrs: { then: a.symbol("Function of the true case."), else: a.symbol("Function of the false case.") },
  infer(ctx) {
    demandOne(ctx, 0, "the condition");
    const { then: yes, else: no } = ctx.attrs;
    const [first, second] = [called(ctx, yes), called(ctx, no)];
    if (!first || !second) return ctx.declared ?? ctx.fail("its result types must be written where its functions are not at hand");
    const args = ctx.types.slice(1).map((_, i) => ctx.type(i + 1));
    const bound = bindArguments(ctx, yes, first.params, args, 1);
    const other = bindArguments(ctx, no, second.params, args, 1);
    if (first.results.length !== second.results.length)
      ctx.fail(`@${yes} gives ${first.results.length} values, @${no} ${second.results.length}`);
    return first.results.map((type, i) => {
      const declared = ctx.declared?.[i] ?? null;
      const types = [resultType(ctx, i, type, bound), resultType(ctx, i, second.results[i] as TensorType, other)] as const;
      return joinTypes(ctx, ...types, `result ${i}`, declared);
    });
  },
  reference: noReference("control.if"),
  execute({ inputs: [condition, ...xs], attrs, call }) {
    return call(Number(condition?.data[0]) === 0 ? attrs.else : attrs.then, xs);
  },
  work: () => ({ macs: 0 }),
  noGradient,
});
