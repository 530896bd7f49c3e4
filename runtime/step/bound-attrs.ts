/** @file Attributes of a step with their symbolic sizes evaluated. */
import type { PlanAttr } from "../backend.ts";

type Attrs = Readonly<Record<string, PlanAttr>>;

export function boundAttrs(attrs: Attrs, bindings: ReadonlyMap<string, number>): Attrs {
  return Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, bound(value, bindings)]));
}

function bound(value: PlanAttr, bindings: ReadonlyMap<string, number>): PlanAttr {
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item: PlanAttr) => bound(item, bindings));
  if (isDim(value)) return value.evaluate(bindings);
  return boundAttrs(value as Attrs, bindings);
}

interface DimLike {
  evaluate(bindings: ReadonlyMap<string, number>): number;
}

function isDim(value: object): value is DimLike {
  return "evaluate" in value && typeof value.evaluate === "function";
}
