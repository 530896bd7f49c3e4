/** @file A loop over the first axis of its operands, one iteration per element. ONNX `Scan`; other axes and directions are transposes and slices around it. */
import { type Dim, dimKey } from "../../core/dim.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { printType, type TensorType, tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp, type InferContext } from "../define.ts";
import { bindArguments, resultType, type Signature } from "../signature.ts";
import { called, noGradient, noReference, sliceOf, stack } from "./common.ts";
import { changingSymbols } from "./loop.ts";

interface ScanAttrs {
  readonly body: string;
  readonly carried: number;
  readonly scanned: number;
}

export const controlScan = defineOp({
  name: "control.scan",
  since: 1,
  doc: "Runs `body(carried.., x[t].., captured..) -> (carried.., y[t]..)` for t = 0 .. T - 1, where T is the first size of every scanned `x`. Gives the last carried values and each `y` stacked along a new first axis of size T. Carried types do not change. ONNX `Scan` along first axes, forwards, its captures as operands.",
  operands: [
    { name: "xs", role: "data", variadic: true, doc: "First values of what is carried, what is scanned, what the body captures." },
  ],
  results: [{ name: "ys", doc: "Last values of what is carried, then what was stacked." }],
  attrs: {
    body: a.symbol("Function of one iteration."),
    carried: a.int("How many values are carried."),
    scanned: a.int("How many are scanned, at least one."),
  },
  infer(ctx) {
    const body = called(ctx, ctx.attrs.body);
    const length = scannedLength(ctx);
    return body
      ? scanTypes(ctx, body, length)
      : (ctx.declared ?? ctx.fail("its result types must be written where its function is not at hand"));
  },
  reference: noReference("control.scan"),
  execute({ inputs, attrs, declared, call }) {
    const { body, carried: count, scanned } = attrs;
    let carried = inputs.slice(0, count) as HostTensor[];
    const over = inputs.slice(count, count + scanned) as HostTensor[];
    const captured = inputs.slice(count + scanned);
    const stacks: HostTensor[][] = (declared ?? []).slice(count).map(() => []);
    for (let t = 0; t < (over[0]?.shape[0] ?? 0); t++) {
      const results = call(body, [...carried, ...over.map((x) => sliceOf(x, t)), ...captured]);
      carried = results.slice(0, count);
      stacks.forEach((list, k) => void list.push(results[count + k] as HostTensor));
    }
    return [...carried, ...stacks.map((list, k) => stack(list, declared?.[count + k] ?? null))];
  },
  work: () => ({ macs: 0 }),
  noGradient,
});

function scannedLength(ctx: InferContext<ScanAttrs>): Dim {
  const { carried, scanned } = ctx.attrs;
  if (carried < 0 || scanned < 1 || carried + scanned > ctx.types.length)
    ctx.fail(`${carried} carried and ${scanned} scanned values: at least one must be scanned, and ${ctx.types.length} are given`);
  const sizes = ctx.types.slice(carried, carried + scanned).map((_, i) => {
    const type = ctx.type(carried + i);
    return type.shape[0] ?? ctx.fail(`a scanned value has rank 0: ${printType(type)}`, carried + i);
  });
  const length = sizes[0] as Dim;
  sizes.forEach((size, i) => {
    ctx.require(size, length, `scanned values have first sizes ${dimKey(length)} and ${dimKey(size)}`, carried + i);
  });
  return length;
}

function scanTypes(ctx: InferContext<ScanAttrs>, body: Signature, length: Dim): readonly TensorType[] {
  const { body: name, carried: count, scanned } = ctx.attrs;
  const args = ctx.types.map((_, i) => {
    const type = ctx.type(i);
    return i >= count && i < count + scanned ? tensorType(type.dtype, type.shape.slice(1)) : type;
  });
  const bindings = bindArguments(ctx, name, body.params, args, 0);
  if (body.results.length < count) ctx.fail(`@${name} gives ${body.results.length} values, ${count} are carried`);
  const changing = changingSymbols(ctx, body.params, body.results.slice(0, count));
  if (changing.size > 0) ctx.fail(`the carried size ${[...changing].join(", ")} changes: a scan keeps its types, a loop need not`);
  return body.results.map((type, i) => {
    if (i < count) return resultType(ctx, i, type, bindings);
    const declared = ctx.declared?.[i] ?? null;
    const item = resultType(ctx, i, type, bindings, declared && tensorType(declared.dtype, declared.shape.slice(1)));
    return tensorType(type.dtype, [length, ...item.shape]);
  });
}
