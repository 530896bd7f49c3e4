/**
 * @file Which values share a buffer. Greedy interval colouring over the steps (Chaitin's idea on straight-line code): a value whose life begins after another's has ended may take its
 * buffer. Lives include the step that defines and the last that reads, so no dispatch reads and writes one buffer.
 */
import { lastUses, type PlanFunction, type PlanOperand, type PlanStep } from "../../backend.ts";

/** Value or constant that a view shows: constants are ids from `values.length` on. */
export function storages(func: PlanFunction, isView: (step: PlanStep) => boolean): Int32Array {
  const ids = Int32Array.from(func.values, (_, i) => i);
  for (const step of func.steps) {
    const [source, [result]] = [step.operands[0], step.results];
    if (!isView(step) || !source || result === undefined || source.kind === "absent") continue;
    ids[result] = storageOf(source, func, ids);
  }
  return ids;
}

export function storageOf(operand: Exclude<PlanOperand, { readonly kind: "absent" }>, func: PlanFunction, ids: Int32Array): number {
  return operand.kind === "constant" ? func.values.length + operand.constant : (ids[operand.value] as number);
}

export interface Colouring {
  /** Buffer of each storage that was asked for, by value id. */
  readonly bufferOf: ReadonlyMap<number, number>;
  /** Bytes of each buffer. */
  readonly sizes: readonly number[];
}

interface Life {
  readonly id: number;
  readonly first: number;
  last: number;
}

/** @param bytes of a storage; null: it has its own place already */
export function colour(func: PlanFunction, ids: Int32Array, bytes: (id: number) => number | null): Colouring {
  const bufferOf = new Map<number, number>();
  const sizes: number[] = [];
  const busyUntil: number[] = [];
  for (const { id, first, last } of lives(func, ids)) {
    const size = bytes(id);
    if (size === null) continue;
    const chosen = bestFree(sizes, busyUntil, first, size) ?? sizes.push(0) - 1;
    sizes[chosen] = Math.max(sizes[chosen] ?? 0, size);
    busyUntil[chosen] = last;
    bufferOf.set(id, chosen);
  }
  return { bufferOf, sizes };
}

/** In order of their beginning. */
function lives(func: PlanFunction, ids: Int32Array): readonly Life[] {
  const last = lastUses(func);
  const byStorage = new Map<number, Life>();
  const begin = (value: number, first: number) => {
    const id = ids[value] as number;
    const own = byStorage.get(id);
    const end = Math.max(first, last[value] as number);
    if (own) own.last = Math.max(own.last, end);
    else if (id < func.values.length) byStorage.set(id, { id, first, last: end });
  };
  for (let value = 0; value < func.params; value++) begin(value, -1);
  func.steps.forEach((step, at) => {
    for (const value of step.results) begin(value, at);
  });
  return [...byStorage.values()];
}

/** The smallest free buffer that is large enough, else the largest free one, to grow. */
function bestFree(sizes: readonly number[], busyUntil: readonly number[], first: number, size: number): number | null {
  let best: number | null = null;
  for (const [buffer, own] of sizes.entries()) {
    if ((busyUntil[buffer] as number) >= first) continue;
    if (best === null || better(own, sizes[best] as number, size)) best = buffer;
  }
  return best;
}

function better(own: number, than: number, size: number): boolean {
  if (own >= size) return than < size || own < than;
  return than < size && own > than;
}
