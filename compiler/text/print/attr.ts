/** @file Attributes, dicts and docs as canonical text. */
import type { Attr, AttrDict } from "../../../ir-spec/core/attr.ts";
import { dimKey } from "../../../ir-spec/core/dim.ts";
import { f64Bits, printFloat } from "../../../ir-spec/core/float-text.ts";
import { printType } from "../../../ir-spec/core/type.ts";
import { isEnumWord, quoteName } from "../names.ts";

/** @throws RangeError on an enum member that is not a bare word: the verifier refuses it before. */
export function printAttr(attr: Attr, hexFloats = false): string {
  switch (attr.kind) {
    case "int":
    case "bool":
      return String(attr.value);
    case "float":
      return printFloat("f64", attr.bits ?? f64Bits(attr.value), hexFloats);
    case "string":
      return JSON.stringify(attr.value);
    case "enum":
      if (!isEnumWord(attr.value)) throw new RangeError(`enum member ${JSON.stringify(attr.value)} is not a bare word`);
      return attr.value;
    case "symbol":
      return `@${quoteName(attr.value)}`;
    case "type":
      return printType(attr.value);
    case "dim":
      return `dim[${attr.introduces ? "?" : ""}${dimKey(attr.value)}]`;
    case "list":
      return `[${attr.value.map((item) => printAttr(item, hexFloats)).join(", ")}]`;
    case "dict":
      return `{${printEntries(attr.value, hexFloats)}}`;
  }
}

export function printEntries(dict: AttrDict, hexFloats: boolean): string {
  return [...dict].map(([key, value]) => `${quoteName(key)} = ${printAttr(value, hexFloats)}`).join(", ");
}

/** ` {k = v}` of an op, or nothing. */
export function printDict(dict: AttrDict, hexFloats: boolean): string {
  return dict.size === 0 ? "" : ` {${printEntries(dict, hexFloats)}}`;
}

/** ` { k = v }` of `meta` and resources, or nothing. */
export function printSpacedDict(dict: AttrDict, hexFloats: boolean): string {
  return dict.size === 0 ? "" : ` { ${printEntries(dict, hexFloats)} }`;
}

export function printDoc(doc: string | null, indent: string): string[] {
  if (doc === null) return [];
  return doc.split("\n").map((line) => (line === "" ? `${indent}///` : `${indent}/// ${line}`));
}
