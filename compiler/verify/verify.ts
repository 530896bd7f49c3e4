/**
 * @file The verifier: every rule of a module, every error collected, none thrown. It runs after each pass, so it does each op once and
 * builds no text before something is wrong.
 */
import type { Attr, AttrDict } from "../../ir-spec/core/attr.ts";
import type { Module } from "../../ir-spec/core/graph.ts";
import { type Problem, TersorError } from "../../ir-spec/core/problem.ts";
import { isNote } from "../../ir-spec/ops/attr-spec.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import { checkDict } from "./attr-rules.ts";
import { checkConstant, checkCycles, checkDepths, checkResource, cycles } from "./constant-rules.ts";
import { type Finding, Findings, type Site } from "./findings.ts";
import { checkFunction, type Profile } from "./function-rules.ts";

export type { Profile } from "./function-rules.ts";

export interface VerifyOptions {
  /** `lowered` admits `rt.*` ops only. */
  readonly profile?: Profile;
}

/** Every problem of the module; empty when it is sound. Never throws on a bad module. */
export function verifyModule(module: Module, registry: OpRegistry, options: VerifyOptions = {}): Problem[] {
  return findProblems(module, registry, options).map(({ site: _, ...problem }) => problem);
}

/** @throws TersorError with every problem. */
export function assertValid(module: Module, registry: OpRegistry, options: VerifyOptions = {}): void {
  const problems = verifyModule(module, registry, options);
  if (problems.length > 0) throw new TersorError(problems);
}

/** `verifyModule` with the sites, for whoever can show them in a text. */
export function findProblems(module: Module, registry: OpRegistry, options: VerifyOptions = {}): readonly Finding[] {
  const findings = new Findings(module);
  const profile = options.profile ?? "source";
  checkModule(findings);
  for (const resource of module.resources.values()) checkResource(findings, resource);
  for (const constant of module.constants.values()) {
    checkConstant(findings, registry, constant);
    if (profile === "lowered" && constant.kind === "derived" && !constant.op.startsWith("rt.")) {
      findings.report({ kind: "constant", name: constant.name }, "E0404", [constant.op]);
    }
  }
  checkCycles(findings);
  checkDepths(findings);
  for (const func of module.functions.values()) checkFunction(findings, registry, func, profile);
  checkRecursion(findings);
  return findings.list;
}

const moduleSite: Site = { kind: "module" };

function checkModule(findings: Findings): void {
  const { module } = findings;
  if (!/^1\.[0-9]+$/.test(module.version)) findings.report(moduleSite, "E0105", [module.version]);
  if (module.name === "") findings.report(moduleSite, "E0108", ['@""']);
  if (module.meta) checkDict(module.meta, { findings, site: moduleSite, dims: null, checkSymbols: false });
  const seen = new Set<string>();
  for (const table of [module.resources, module.functions, module.constants]) {
    for (const [key, { name }] of table) {
      if (key !== name) findings.report(moduleSite, "E0403", [`@${name} is filed under "${key}"`]);
      if (key === "") findings.report(moduleSite, "E0108", ['@""']);
      if (seen.has(key)) findings.report(moduleSite, "E0201", [key]);
      seen.add(key);
    }
  }
  checkDocs(findings);
}

/** A carriage return would be lost at a line's end. */
function checkDocs(findings: Findings): void {
  const { module } = findings;
  const check = (site: Site, doc: string | null) => {
    if (doc?.includes("\r")) findings.report(site, "E0407", ["a doc with a carriage return"]);
  };
  check(moduleSite, module.doc);
  check(moduleSite, module.metaDoc);
  for (const { name, doc } of module.resources.values()) check({ kind: "resource", name }, doc);
  for (const { name, doc } of module.constants.values()) check({ kind: "constant", name }, doc);
  for (const func of module.functions.values()) {
    check({ kind: "function", name: func.name }, func.doc);
    for (const [index, op] of func.ops.entries()) if (op.doc !== null) check({ kind: "op", func: func.name, index }, op.doc);
  }
}

function checkRecursion(findings: Findings): void {
  const { functions } = findings.module;
  const calls = (name: string): readonly string[] => {
    const called = new Set<string>();
    for (const op of functions.get(name)?.ops ?? []) if (op.attrs.size > 0) collectSymbols(op.attrs, called);
    return [...called].filter((symbol) => functions.has(symbol));
  };
  for (const path of cycles(functions.keys(), calls)) {
    findings.report({ kind: "function", name: path[0] ?? "" }, "E0220", [path.map((name) => `@${name}`).join(" -> ")]);
  }
}

/** Symbols that attributes name, notes apart, in order of mention. */
export function collectSymbols(attrs: AttrDict, into: Set<string>): Set<string> {
  for (const [key, value] of attrs) if (!isNote(key)) collectFrom(value, into);
  return into;
}

function collectFrom(attr: Attr, into: Set<string>): void {
  if (attr.kind === "symbol") into.add(attr.value);
  else if (attr.kind === "list") for (const item of attr.value) collectFrom(item, into);
  else if (attr.kind === "dict") collectSymbols(attr.value, into);
}
