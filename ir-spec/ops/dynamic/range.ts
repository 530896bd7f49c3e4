/** @file Numbers in equal steps, as many as fit. */
import type { DType } from "../../core/dtype.ts";
import { isFloat } from "../../core/dtype.ts";
import { TersorError } from "../../core/problem.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { demandOne } from "../control/common.ts";
import { defineOp } from "../define.ts";
import { numericTypes } from "../dtype-sets.ts";
import { isWide } from "../math/elementwise.ts";
import { declaredSize, noReference } from "./sized.ts";

const bound = (name: string, doc: string) => ({ name, role: "data", dtypes: numericTypes, doc }) as const;

export const range = defineOp({
  name: "dynamic.range",
  since: 1,
  doc: "`y[k] = start + k * delta` for all `k` from 0 on with `y[k]` before `limit`. Their number is a symbol that the op introduces; a `delta` of 0 is error E0503. ONNX `Range`.",
  operands: [
    bound("start", "One element."),
    bound("limit", "One element; it is not reached."),
    bound("delta", "One element; the step, negative ones go down."),
  ],
  results: [{ name: "y", axes: ["steps"] }],
  attrs: {},
  infer(ctx) {
    const { dtype } = ctx.type(0);
    ["start", "limit", "delta"].forEach((name, i) => {
      demandOne(ctx, i, name);
      if (ctx.type(i).dtype !== dtype) ctx.fail(`start is ${dtype}, ${name} is ${ctx.type(i).dtype}`, i);
    });
    return [tensorType(dtype, [declaredSize(ctx, 0, 0, 1)])];
  },
  reference: noReference("dynamic.range"),
  execute({ inputs: [start = null, limit = null, delta = null] }) {
    return start && limit && delta ? [steps(start.dtype, first(start), first(limit), first(delta))] : [];
  },
  work: () => ({ macs: 0 }),
  noGradient: "the number of its elements depends on values",
});

type Element = number | bigint;
const first = ({ data }: HostTensor): Element => data[0] as Element;

/** More are no model but a mistake. */
const most = 2 ** 28;

function steps(dtype: DType, start: Element, limit: Element, delta: Element): HostTensor {
  if (Number(delta) === 0) throw new TersorError({ code: "E0503", message: "dynamic.range: delta is 0", operand: 2 });
  const wide = typeof start === "bigint" && typeof limit === "bigint" && typeof delta === "bigint";
  const distance = wide ? Number(limit - start) : Number(limit) - Number(start);
  const count = Math.max(Math.ceil(distance / Number(delta)), 0);
  if (!(count <= most))
    throw new TersorError({ code: "E0503", message: `dynamic.range: ${count} elements, at most ${most} are made`, operand: 1 });
  if (isFloat(dtype))
    return roundedTensor(
      dtype,
      [count],
      Float64Array.from({ length: count }, (_, k) => Number(start) + k * Number(delta)),
    );
  const y = hostTensor(dtype, [count]);
  for (let k = 0; k < count; k++) {
    if (isWide(y.data)) y.data[k] = BigInt(start) + BigInt(k) * BigInt(delta);
    else y.data[k] = Number(start) + k * Number(delta);
  }
  return y;
}
