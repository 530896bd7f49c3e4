/** @file Constants that functions reach, through definitions, in order of first mention. */
import type { Constant, Func, Module } from "../../ir-spec/index.ts";

/** Names mentioned by a function's ops and returns, each once, in order. */
export function constantsOf(func: Func): readonly string[] {
  const names = new Set<string>();
  for (const op of func.ops) for (const operand of op.operands) if (typeof operand === "string") names.add(operand);
  for (const operand of func.returns) if (typeof operand === "string") names.add(operand);
  return [...names];
}

export function reachableConstants(module: Module, roots?: Iterable<string>): ReadonlyMap<string, Constant> {
  const reached = new Map<string, Constant>();
  const pending = [...(roots ?? [...module.functions.values()].flatMap(constantsOf))].reverse();
  while (pending.length > 0) {
    const name = pending.pop() as string;
    const constant = module.constants.get(name);
    if (!constant || reached.has(name)) continue;
    reached.set(name, constant);
    if (constant.kind === "derived") for (const operand of [...constant.operands].reverse()) if (operand !== null) pending.push(operand);
  }
  return reached;
}
