/** @file Analyses cached per module object: a changed module is another object, so nothing is ever stale. */
import type { Module, OpRegistry } from "../../ir-spec/index.ts";
import type { Analysis } from "./pass.ts";

export class AnalysisCache {
  private readonly registry: OpRegistry;
  private readonly tables = new WeakMap<Module, Map<Analysis<unknown>, unknown>>();

  constructor(registry: OpRegistry) {
    this.registry = registry;
  }

  get<T>(analysis: Analysis<T>, module: Module): T {
    let table = this.tables.get(module);
    if (!table) {
      table = new Map();
      this.tables.set(module, table);
    }
    if (!table.has(analysis)) table.set(analysis, analysis.compute(module, this.registry));
    return table.get(analysis) as T;
  }
}
