/** @file Problems of a module while they are collected: each with its site, so that a text can show them in place, and in words for everyone else. */
import type { Func, Module } from "../../ir-spec/core/graph.ts";
import type { Problem } from "../../ir-spec/core/problem.ts";
import { printType, type TensorType } from "../../ir-spec/core/type.ts";
import { limits } from "../../ir-spec/format/codes.ts";
import type { Code, MessageArgs } from "../diagnostics/catalogue.ts";
import { problemOf } from "../diagnostics/diagnostic.ts";
import { quoteName } from "../text/names.ts";

export type Site =
  | { readonly kind: "module" }
  | { readonly kind: "resource" | "constant" | "function"; readonly name: string }
  | { readonly kind: "op"; readonly func: string; readonly index: number };

export interface Finding extends Problem {
  readonly site: Site;
}

/** More are told to nobody, and each takes its time to describe. */
const mostFindings = 200;

export class Findings {
  readonly module: Module;
  readonly list: Finding[] = [];

  constructor(module: Module) {
    this.module = module;
  }

  report<C extends Code>(site: Site, code: C, args: MessageArgs<C>, operand?: number): void {
    this.add(site, problemOf(code, args, operand === undefined ? {} : { operand }));
  }

  add(site: Site, problem: Problem): void {
    if (this.list.length >= mostFindings) return;
    const where = describe(this.module, site);
    const loc = locationOf(this.module, site);
    this.list.push({ ...problem, site, ...(where === null ? {} : { where }), ...(loc.length > 0 ? { loc } : {}) });
  }
}

/** A static dim that is no size. */
export function checkSizes(findings: Findings, site: Site, type: TensorType): void {
  if (type.shape.some((dim) => typeof dim === "number" && !(Number.isSafeInteger(dim) && dim >= 0))) {
    findings.report(site, "E0407", [`the type ${printType(type)}`]);
  }
  if (type.shape.length > limits.rank) findings.report(site, "E0407", [`a type of rank ${type.shape.length}, above ${limits.rank},`]);
}

function locationOf(module: Module, site: Site) {
  if (site.kind === "op") return module.functions.get(site.func)?.ops[site.index]?.loc ?? [];
  return site.kind === "constant" ? (module.constants.get(site.name)?.loc ?? []) : [];
}

/** `@main: %3 = nn.conv`. */
function describe(module: Module, site: Site): string | null {
  if (site.kind === "module") return null;
  if (site.kind !== "op") return `${site.kind} @${quoteName(site.name)}`;
  const func = module.functions.get(site.func);
  const op = func?.ops[site.index];
  if (!func || !op) return null;
  const name = valueNames(func);
  return `@${quoteName(site.func)}: ${op.results.map(name).join(", ")} = ${op.name}`;
}

/** Values as they print: unnamed ones by number. */
export function valueNames(func: Func): (id: number) => string {
  const numbers = new Map<number, number>();
  const defined = [...func.params, ...func.ops.flatMap((op) => op.results)];
  for (const id of defined) if (func.values[id]?.name === null && !numbers.has(id)) numbers.set(id, numbers.size);
  return (id) => {
    const name = func.values[id]?.name ?? null;
    return name === null ? `%${numbers.get(id) ?? `?${id}`}` : `%${quoteName(name)}`;
  };
}
