/**
 * @file What a session may use. A file is a few bytes that can ask for any amount of work, so every backend adds up, from shapes alone and before it runs, how many element operations
 * and bytes a load or a run would take, and refuses what is above the caller's limits. The defaults stop what no machine would finish; an app that opens strangers' files sets its own.
 */
import { RuntimeError } from "./errors.ts";

export interface RunLimits {
  /** Most element operations (multiply-adds, element reads and writes) of `init` at load, and of one run. */
  readonly maxWork: number;
  /** Most bytes that constants and values of a session may take together. */
  readonly maxMemory: number;
  /** Present for a part of a session, whose parts share the limits. */
  readonly share?: LimitShare;
}

type Resource = "work" | "memory";

/** One part's account with the others. */
export interface LimitShare {
  /** What the other parts take. */
  others(what: Resource): number;
  /** What this part takes, from now on. */
  take(what: Resource, amount: number): void;
}

function inAll(amount: number, what: Resource, { share }: RunLimits): number {
  share?.take(what, amount);
  return amount + (share?.others(what) ?? 0);
}

/** Ten minutes of a fast core; what 32-bit addresses reach. */
export const defaultLimits: RunLimits = { maxWork: 1e12, maxMemory: 2 ** 32 };

/** @throws RuntimeError R0410 */
export function demandWork(own: number, limits: RunLimits, what: string, where: string): void {
  const [work, { maxWork }] = [inAll(own, "work", limits), limits];
  if (work <= maxWork) return;
  throw new RuntimeError(
    "R0410",
    `${what} would take ${work} operations, the limit is ${maxWork}: load(source, { maxWork }) allows more`,
    where,
  );
}

/** @throws RuntimeError R0411 */
export function demandMemory(own: number, limits: RunLimits, what: string, where: string): void {
  const [bytes, { maxMemory }] = [inAll(own, "memory", limits), limits];
  if (bytes <= maxMemory) return;
  throw new RuntimeError(
    "R0411",
    `${what} would take ${bytes} bytes, the limit is ${maxMemory}: load(source, { maxMemory }) allows more`,
    where,
  );
}

/** Steps of a loop over a shape: an axis of size 0 empties the tensor, but loops over the other axes may still run. */
export function span(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * Math.max(1, size), 1);
}
