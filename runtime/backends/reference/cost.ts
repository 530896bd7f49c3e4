/** @file What a source program costs, from its types, before it runs: element operations in all, and the most bytes that are alive at once. */
import { type Func, type Module, type Op, type Operand, operandType } from "../../../ir-spec/core/graph.ts";
import { staticShape, type TensorType } from "../../../ir-spec/core/type.ts";
import { hostBytes, opCost } from "../../../ir-spec/ops/budget.ts";
import type { OpRegistry } from "../../../ir-spec/ops/registry.ts";
import { demandMemory, demandWork, type RunLimits } from "../../limits.ts";
import { bindAttrs, bindType } from "./bind-dims.ts";

const where = "backend reference";

/**
 * Of the definitions that the function's operands need; each is evaluated once and kept.
 * @throws RuntimeError R0410, R0411
 */
export function constantsCost(module: Module, registry: OpRegistry, main: Func, limits: RunLimits): void {
  let [work, kept] = [0, 0];
  for (const name of neededConstants(module, main)) {
    const constant = module.constants.get(name);
    if (!constant) continue;
    kept += hostBytes(constant.type);
    let scratch = 0;
    if (constant.kind === "derived") {
      const types = constant.operands.map((operand) => (operand === null ? null : operandType(module, main, operand)));
      const cost = opCost(registry, constant.op, types, constant.attrs, [constant.type]);
      work += cost.work;
      scratch = cost.scratch;
    } else work += hostBytes(constant.type);
    demandWork(work, limits, "rebuilding the constants", where);
    demandMemory(kept + scratch, limits, "its constants", where);
  }
}

function neededConstants(module: Module, main: Func): ReadonlySet<string> {
  const needed = new Set<string>();
  const open: Operand[] = [...main.ops.flatMap((op) => op.operands), ...main.returns];
  for (let operand = open.pop(); operand !== undefined; operand = open.pop()) {
    if (typeof operand !== "string" || needed.has(operand)) continue;
    needed.add(operand);
    const constant = module.constants.get(operand);
    if (constant?.kind === "derived") open.push(...constant.operands);
  }
  return needed;
}

/**
 * Of one run with these sizes.
 * @throws RuntimeError R0410, R0411
 */
export function runCost(module: Module, registry: OpRegistry, main: Func, bindings: ReadonlyMap<string, number>, limits: RunLimits): void {
  const types = main.values.map(({ type }) => bindType(type, bindings));
  const typeOf = (operand: Operand): TensorType | null =>
    typeof operand === "number" ? (types[operand] ?? null) : operand === null ? null : operandType(module, main, operand);
  const dying = deaths(main);
  let alive = main.params.reduce((sum, id) => sum + hostBytes(types[id] as TensorType), 0);
  let work = 0;
  main.ops.forEach((op, at) => {
    const outputs = op.results.map((id) => types[id] as TensorType);
    // Sizes that depend on values: the run counts as it goes.
    if (![...op.operands.map(typeOf), ...outputs].every((type) => !type || staticShape(type.shape))) return;
    const cost = opCost(registry, op.name, op.operands.map(typeOf), bindAttrs(op.attrs, bindings), outputs);
    work += cost.work;
    alive += outputs.reduce((sum, type) => sum + knownBytes(type), 0);
    demandWork(work, limits, "a run with these shapes", where);
    demandMemory(alive + cost.scratch, limits, "a run with these shapes", where);
    for (const id of dying[at] ?? []) alive -= knownBytes(types[id] as TensorType);
  });
}

/** 0 where a size depends on values. */
const knownBytes = (type: TensorType): number => (staticShape(type.shape) ? hostBytes(type) : 0);

/** Values that no later op reads and nothing returns, by the op that reads or makes them last. */
function deaths(main: Func): readonly (readonly number[])[] {
  const last = new Map<number, number>();
  const touch = (op: Op, at: number) => {
    for (const id of [...op.operands, ...op.results]) if (typeof id === "number") last.set(id, at);
  };
  main.ops.forEach(touch);
  for (const operand of main.returns) if (typeof operand === "number") last.delete(operand);
  const dying: number[][] = main.ops.map(() => []);
  for (const [id, at] of last) dying[at]?.push(id);
  return dying;
}
