/**
 * @file What evaluating an op costs, from the shapes alone and before it runs: element operations, and bytes of working memory. A few bytes of a hostile model can ask for a
 * window of a thousand million elements; a budget refuses by code what no caller would wait for.
 */
import type { AttrDict } from "../core/attr.ts";
import type { Dim } from "../core/dim.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { TersorError } from "../core/problem.ts";
import type { TensorType } from "../core/type.ts";
import type { OpRegistry } from "./registry.ts";

export interface OpCost {
  /** Multiply-adds, other element operations, and the elements that are read and written. */
  readonly work: number;
  /** Bytes that the reference function takes beside its inputs and outputs, at most. */
  readonly scratch: number;
}

/** All types static; of a type that is not, the cost is infinite. */
export function opCost(
  registry: OpRegistry,
  name: string,
  types: readonly (TensorType | null)[],
  stored: AttrDict,
  outputs: readonly TensorType[],
): OpCost {
  const def = registry.require(name);
  const attrs = registry.attrs(def, stored);
  const { macs, elementOps = 0 } = def.work({ types, attrs, outputs });
  const moved = [...types, ...outputs].reduce((sum, type) => sum + (type ? span(type.shape) : 0), 0);
  const padded = paddedElements(types, attrs, outputs);
  return { work: known(macs) + known(elementOps) + moved + 2 * padded, scratch: 8 * (moved + padded) };
}

const known = (dim: Dim): number => (typeof dim === "number" ? dim : Number.POSITIVE_INFINITY);

/** Steps of a loop over a shape: an axis of size 0 empties the tensor, but loops over the other axes may still run. */
function span(shape: readonly Dim[]): number {
  return shape.reduce<number>((product, dim) => product * Math.max(1, known(dim)), 1);
}

/** Windows are walked in a padded copy of one sample's planes: with the padding of a hostile file it dwarfs both tensors. */
function paddedElements(
  types: readonly (TensorType | null)[],
  attrs: Readonly<Record<string, unknown>>,
  outputs: readonly TensorType[],
): number {
  const pad = attrs.pad;
  if (!isNumbers(pad)) return 0;
  const tensors = [...types, ...outputs].flatMap((type) => (type && type.shape.length >= 3 ? [type.shape.slice(1)] : []));
  const rank = Math.max(0, ...tensors.map((shape) => shape.length));
  const kernel = isNumbers(attrs.kernel) ? attrs.kernel : [];
  return Array.from({ length: rank }, (_, axis) => {
    const size = Math.max(1, ...tensors.map((shape) => known(shape[axis] ?? 1)));
    const spatial = axis - 1;
    if (spatial < 0) return isNumbers(attrs.kernel) ? 1 : size;
    // A partial last window may reach beyond the padding by less than its size.
    return size + (pad[spatial] ?? 0) + (pad[spatial + rank - 1] ?? 0) + (attrs.ceil === true ? (kernel[spatial] ?? 1) : 0);
  }).reduce((product, size) => product * size, 1);
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}

/** Bytes of a value as the reference functions hold it: elements below a byte take one, half floats four. */
export function hostBytes(type: TensorType): number {
  const { bits, kind } = dtypeInfo(type.dtype);
  return type.shape.reduce<number>(
    (product, dim) => product * known(dim),
    kind === "float" ? Math.max(4, bits / 8) : Math.max(1, bits / 8),
  );
}

/** Counts down what is left of a budget. */
export class WorkBudget {
  readonly limit: number;
  private left: number;

  /** @param limit element operations */
  constructor(limit: number) {
    this.limit = limit;
    this.left = limit;
  }

  /** @throws TersorError E0520 */
  charge(name: string, work: number): void {
    this.left -= work;
    if (this.left >= 0) return;
    throw new TersorError({
      code: "E0520",
      message: `${name}: more than ${this.limit} operations: the budget of this run (maxWork) is spent`,
    });
  }
}
