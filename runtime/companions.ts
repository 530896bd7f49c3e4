/** @file Mixed plans: steps that another backend than the plan's own runs. That backend must be among those that `load` was given; what is missing is said with the line to write. */
import type { Backend, Plan } from "./backend.ts";
import { RuntimeError } from "./errors.ts";

/**
 * Backends that run steps of the plan beside its own, by name; empty for most plans.
 * @throws RuntimeError R0415 where one was not given, R0406 where the plan's backend works with no such
 */
export function companionsOf(plan: Plan, backend: Backend, given: readonly Backend[]): ReadonlyMap<string, Backend> {
  const names = new Set([...plan.init.steps, ...plan.main.steps].flatMap((step) => step.backend ?? []));
  names.delete(backend.name);
  return new Map([...names].map((name) => [name, companion(name, plan, backend, given)]));
}

function companion(name: string, plan: Plan, { name: own, companions = [] }: Backend, given: readonly Backend[]): Backend {
  const where = `plan ${plan.target}`;
  if (!companions.includes(name)) throw new RuntimeError("R0406", `backend ${own} takes no steps of backend ${name}`, where);
  const found = given.find((backend) => backend.name === name);
  if (found) return found;
  const steps = plan.main.steps.filter((step) => step.backend === name).length;
  const line = `import { ${name} } from "tersor/runtime/${name}"; load(source, { backends: [${own}(), ${name}()] })`;
  throw new RuntimeError("R0415", `${steps} of its steps run on backend ${name}, which was not given: ${line}`, where);
}
