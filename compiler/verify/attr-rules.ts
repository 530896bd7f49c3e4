/** @file Attributes apart from their op's record: symbols are defined, dims are known, and each has a text form. */
import type { Attr, AttrDict } from "../../ir-spec/core/attr.ts";
import { isDimSymbolName } from "../../ir-spec/core/dim.ts";
import { isNote } from "../../ir-spec/ops/attr-spec.ts";
import { isEnumWord } from "../text/names.ts";
import type { DimRules } from "./dim-rules.ts";
import type { Findings, Site } from "./findings.ts";

export interface AttrRules {
  readonly findings: Findings;
  readonly site: Site;
  /** null where dim symbols have no scope. */
  readonly dims: DimRules | null;
  /** Symbols in notes and `meta` may dangle. */
  readonly checkSymbols: boolean;
}

export function checkDict(dict: AttrDict, rules: AttrRules): void {
  for (const [key, value] of dict) checkAttr(value, rules.checkSymbols && isNote(key) ? { ...rules, checkSymbols: false } : rules);
}

function checkAttr(attr: Attr, rules: AttrRules): void {
  const { findings, site, dims } = rules;
  switch (attr.kind) {
    case "int":
      if (!isInt64(attr.value)) findings.report(site, "E0407", [`the integer ${attr.value}`]);
      break;
    case "enum":
      if (!isEnumWord(attr.value)) findings.report(site, "E0407", [`the enum member ${JSON.stringify(attr.value)}`]);
      break;
    case "symbol":
      if (rules.checkSymbols && !isDefined(findings, attr.value))
        findings.report(site, "E0204", [attr.value, "constant, function or resource"]);
      break;
    case "type":
      dims?.use(site, attr.value.shape);
      break;
    case "dim":
      if (typeof attr.value === "number") findings.report(site, "E0407", ["a static dim (it is an int)"]);
      else if (!attr.introduces) dims?.use(site, [attr.value]);
      else if (isDimSymbolName(attr.value.key)) dims?.introduce(site, attr.value.key);
      else findings.report(site, "E0407", [`dim[?${attr.value.key}]`]);
      break;
    case "list":
      for (const item of attr.value) checkAttr(item, rules);
      break;
    case "dict":
      checkDict(attr.value, rules);
      break;
  }
}

function isInt64(value: number | bigint): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value);
  return BigInt.asIntN(64, value) === value;
}

function isDefined({ module }: Findings, name: string): boolean {
  return module.constants.has(name) || module.functions.has(name) || module.resources.has(name);
}
