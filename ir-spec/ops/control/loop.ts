/**
 * @file A loop whose length may depend on values. ONNX `Loop`; its condition on entry of an iteration is not handed to the body, where it is always true. A carried size keeps its value, or the
 * body takes it under a symbol that stands nowhere else in its parameters.
 */
import { type Dim, dimEquals, dimKey, dimSymbols, isDimSymbolName } from "../../core/dim.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { printType, type TensorType, tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp, type InferContext } from "../define.ts";
import { bindArguments, type DimBindings, resultType, type Signature } from "../signature.ts";
import { called, demandOne, noGradient, noReference, stack } from "./common.ts";

interface LoopAttrs {
  readonly body: string;
  readonly carried: number;
}

export const controlLoop = defineOp({
  name: "control.loop",
  since: 1,
  doc: "Runs `body(i, carried.., captured..) -> (go on, carried.., scanned..)` for i = 0, 1, .. while i < `trips` (no bound when absent) and the last `go on` (at first `condition`, true when absent) is true. Gives the last carried values, and of each scanned one the values of all iterations stacked along a new first axis. A carried size is invariant, or a symbol of its own in the body's parameters, and then the op introduces one. ONNX `Loop`, its captures as operands.",
  operands: [
    { name: "trips", role: "data", optional: true, dtypes: ["i64"], doc: "Most iterations, one element." },
    { name: "condition", role: "data", optional: true, dtypes: ["bool"], doc: "Whether to begin, one element." },
    { name: "xs", role: "data", variadic: true, doc: "First values of what is carried, then what the body captures." },
  ],
  results: [{ name: "ys", doc: "Last values of what is carried, then what was stacked." }],
  attrs: { body: a.symbol("Function of one iteration."), carried: a.int("How many values are carried.") },
  infer(ctx) {
    demandOne(ctx, 0, "the number of trips");
    demandOne(ctx, 1, "the condition");
    const body = called(ctx, ctx.attrs.body);
    if (!body) return ctx.declared ?? ctx.fail("its result types must be written where its function is not at hand");
    return loopTypes(ctx, body);
  },
  reference: noReference("control.loop"),
  execute({ inputs: [trips = null, condition = null, ...xs], attrs, declared, call }) {
    const { body, carried: count } = attrs;
    const most = trips ? Number(trips.data[0]) : Number.POSITIVE_INFINITY;
    let carried = xs.slice(0, count);
    const captured = xs.slice(count);
    const scanned: HostTensor[][] = (declared ?? []).slice(count).map(() => []);
    let goOn = condition === null || Number(condition.data[0]) !== 0;
    for (let i = 0; i < most && goOn; i++) {
      const iteration: HostTensor = { dtype: "i64", shape: [], data: BigInt64Array.of(BigInt(i)) };
      const [flag, ...results] = call(body, [iteration, ...carried, ...captured]);
      carried = results.slice(0, count);
      scanned.forEach((list, k) => void list.push(results[count + k] as HostTensor));
      goOn = Number(flag?.data[0]) !== 0;
    }
    return [...(carried as HostTensor[]), ...scanned.map((list, k) => stack(list, declared?.[count + k] ?? null))];
  },
  work: () => ({ macs: 0 }),
  noGradient,
});

function loopTypes(ctx: InferContext<LoopAttrs>, body: Signature): readonly TensorType[] {
  const { body: name, carried: count } = ctx.attrs;
  const args = ctx.types.slice(2).map((_, i) => ctx.type(i + 2));
  if (count < 0 || count > args.length) ctx.fail(`${count} values cannot be carried: ${args.length} are given`);
  const [first] = body.results;
  if (body.results.length < count + 1 || first?.dtype !== "bool")
    ctx.fail(`@${name} must give a bool and ${count} carried values, it gives ${body.results.map(printType).join(", ") || "nothing"}`);
  const bindings = bindArguments(ctx, name, body.params, [tensorType("i64", []), ...args], 1);
  const params = body.params.slice(1);
  const nexts = body.results.slice(1, count + 1);
  const changing = changingSymbols(ctx, params, nexts);
  for (const symbol of changing) bindings.delete(symbol);
  const carried = params.slice(0, count).map((type, i) => resultType(ctx, i, type, bindings));
  return [...carried, ...body.results.slice(count + 1).map((type, k) => stackedType(ctx, count + k, type, bindings))];
}

/** How many iterations there are is known when they are over: the declaration has a symbol for it. */
function stackedType(ctx: InferContext<LoopAttrs>, index: number, type: TensorType, bindings: DimBindings): TensorType {
  const declared = ctx.declared?.[index] ?? null;
  const trips = declared?.shape[0];
  if (trips === undefined || typeof trips === "number")
    ctx.fail(`result ${index} is stacked over the iterations: write its type with a symbol as first size`);
  const item = resultType(ctx, index, type, bindings, declared && tensorType(declared.dtype, declared.shape.slice(1)));
  return tensorType(type.dtype, [trips, ...item.shape]);
}

/** Symbols of carried sizes that the body changes. */
export function changingSymbols(
  ctx: Pick<InferContext<unknown>, "fail">,
  params: readonly TensorType[],
  nexts: readonly TensorType[],
): ReadonlySet<string> {
  const changing = new Set<string>();
  nexts.forEach((next, i) => {
    const param = params[i] as TensorType;
    if (next.dtype !== param.dtype || next.shape.length !== param.shape.length)
      ctx.fail(`carried value ${i} is ${printType(param)} in an iteration and ${printType(next)} in the next`);
    param.shape.forEach((dim, axis) => {
      const after = next.shape[axis] as Dim;
      if (dimEquals(dim, after)) return;
      if (typeof dim === "number" || !isDimSymbolName(dim.key))
        ctx.fail(
          `axis ${axis} of carried value ${i} is ${dimKey(dim)} in an iteration and ${dimKey(after)} in the next: take it under a symbol of its own`,
        );
      changing.add(dim.key);
    });
  });
  for (const symbol of changing) {
    const uses = params.flatMap(({ shape }) => shape.filter((dim) => dimSymbols(dim).has(symbol)));
    if (uses.length > 1) ctx.fail(`the carried size ${symbol} changes: it must stand once in the body's parameters`);
  }
  return changing;
}
