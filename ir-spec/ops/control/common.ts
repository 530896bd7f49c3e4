/** @file What the ops that call functions have in common: they compute nothing themselves, so they have `execute` in place of a reference. */
import { TersorError } from "../../core/problem.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { printType, staticShape, type TensorType } from "../../core/type.ts";
import type { InferContext } from "../define.ts";
import type { Signature } from "../signature.ts";

/** The function's signature; null where nothing is known of functions. @throws through `fail` when there is no such function */
export function called(ctx: InferContext<unknown>, name: string): Signature | null {
  if (!ctx.callee) return null;
  return ctx.callee(name) ?? ctx.fail(`there is no function @${name}`);
}

/** @throws through `fail` unless the operand, where it is there, has one element. */
export function demandOne(ctx: InferContext<unknown>, operand: number, what: string): void {
  const type = ctx.types[operand];
  if (type && (type.shape.length > 1 || type.shape.some((dim) => dim !== 1)))
    ctx.fail(`${what} must have one element, got ${printType(type)}`, operand);
}

export function noReference(name: string): () => never {
  return () => {
    throw new TersorError({ code: "E0506", message: `${name} calls functions of its module: it runs only where they are at hand` });
  };
}

export const noGradient = "what runs depends on values; train a model without control flow";

/** Tensors of one shape, one behind the other along a new first axis. @throws TersorError E0507 */
export function stack(items: readonly HostTensor[], type: TensorType | null): HostTensor {
  const [first] = items;
  if (!first) return emptyStack(type);
  const y = hostTensor(first.dtype, [items.length, ...first.shape]);
  items.forEach((item, i) => {
    if (item.shape.join() !== first.shape.join()) {
      const [a, b] = [first, item].map(({ shape }) => `[${shape.join(", ")}]`);
      throw new TersorError({ code: "E0507", message: `what the body gives has shape ${a} at first and ${b} later: it cannot be stacked` });
    }
    (y.data as Float64Array).set(item.data as Float64Array, i * first.data.length);
  });
  return y;
}

/** Of a loop that ran no iteration. */
function emptyStack(type: TensorType | null): HostTensor {
  const shape = type && staticShape(type.shape.slice(1));
  if (type && shape) return hostTensor(type.dtype, [0, ...shape]);
  throw new TersorError({ code: "E0507", message: "the loop ran no iteration, and the size of what it would stack is not known" });
}

/** Element `index` of the first axis. */
export function sliceOf(x: HostTensor, index: number): HostTensor {
  const shape = x.shape.slice(1);
  const count = shape.reduce((product, size) => product * size, 1);
  return hostTensor(x.dtype, shape, x.data.slice(index * count, (index + 1) * count));
}
