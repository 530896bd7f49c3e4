/** @file Every kernel that a plan names must be there before it is prepared; a missing one is named with the package that brings it and the line to type. */
import { type Backend, copyKernel, type Plan } from "./backend.ts";
import { RuntimeError } from "./errors.ts";

/** @param companions that run steps of the plan @throws RuntimeError R0403 */
export function requireKernels(own: Backend, plan: Plan, companions: ReadonlyMap<string, Backend> = new Map()): void {
  for (const { kernel, backend: name } of [...plan.init.steps, ...plan.main.steps]) {
    const backend = companions.get(name ?? "") ?? own;
    const copies = companions.size > 0 && kernel === copyKernel;
    if (!copies && !backend.hasKernel(kernel)) throw missingKernel(backend.name, kernel, plan);
  }
}

function missingKernel(backend: string, id: string, plan: Plan): RuntimeError {
  const where = `backend ${backend}`;
  const slash = id.indexOf("/");
  if (slash < 0) return new RuntimeError("R0403", `kernel ${id} is missing: the file is newer than this runtime, update tersor`, where);
  const plugin = id.slice(0, slash);
  const npmPackage = requiredPackage(plan, id) ?? `tersor-plugin-${plugin}`;
  const name = plugin.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "");
  const lines = `npm install ${npmPackage}; import { ${name} } from "${npmPackage}/runtime"; ${backend}({ extend: [${name}] })`;
  return new RuntimeError("R0403", `kernel ${id} is missing, it comes with the package ${npmPackage}: ${lines}`, where);
}

function requiredPackage(plan: Plan, id: string): string | null {
  const view = plan.file?.view;
  const found = view?.requirements.find((r) => view.strings[r.id] === id);
  return found && view ? (view.strings[found.npmPackage] ?? null) : null;
}
