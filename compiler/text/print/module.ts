/** @file A module as canonical text (GRAMMAR.md, "How it prints"): meta, resources, functions, constants, a blank line between them. */
import type { Constant, Resource } from "../../../ir-spec/core/constant.ts";
import type { Module } from "../../../ir-spec/core/graph.ts";
import { printLocation } from "../../../ir-spec/core/location.ts";
import { printType } from "../../../ir-spec/core/type.ts";
import type { OpRegistry } from "../../../ir-spec/ops/registry.ts";
import { quoteName } from "../names.ts";
import { printDict, printDoc, printEntries, printSpacedDict } from "./attr.ts";
import { type DataOptions, printData } from "./data.ts";
import { printFunction } from "./function.ts";
import { orderConstants } from "./order.ts";

export interface PrintOptions {
  /** Not needed: the text holds no op's defaults. Accepted so that callers may pass what they pass to the reader. */
  readonly registry?: OpRegistry;
  /** Data longer than this many bytes prints as its hash and length: readable, verifiable, not runnable. */
  readonly elide?: number;
  /** Finite floats as `0x1.8p-7`. */
  readonly hexFloats?: boolean;
}

/** Canonical text, LF, with a line end. @throws RangeError on what has no text form; a verified module has one. */
export function printModule(module: Module, options: PrintOptions = {}): string {
  const hexFloats = options.hexFloats ?? false;
  const data: DataOptions = { elide: options.elide ?? Number.POSITIVE_INFINITY, hexFloats };
  const sections = [
    printMeta(module, hexFloats),
    [...module.resources.values()].flatMap((resource) => printResource(resource, hexFloats)),
    ...[...module.functions.values()].map((func) => printFunction(func, hexFloats)),
    orderConstants(module).flatMap(({ constant, depth }) => printConstant(constant, "  ".repeat(depth + 1), data)),
  ];
  const body = sections.filter((lines) => lines.length > 0).map((lines) => `${lines.join("\n")}\n`);
  const doc = printDoc(module.doc, "").map((line) => `${line}\n`);
  return `tersor ${module.version}\n\n${doc.join("")}module @${quoteName(module.name)} {\n${body.join("\n")}}\n`;
}

function printMeta({ meta, metaDoc }: Module, hexFloats: boolean): string[] {
  if (!meta) return [];
  const dict = meta.size === 0 ? "{}" : `{ ${printEntries(meta, hexFloats)} }`;
  return [...printDoc(metaDoc, "  "), `  meta ${dict}`];
}

function printResource(resource: Resource, hexFloats: boolean): string[] {
  const dict = printSpacedDict(resource.attrs, hexFloats);
  return [...printDoc(resource.doc, "  "), `  resource @${quoteName(resource.name)} = ${JSON.stringify(resource.path)}${dict}`];
}

function printConstant(constant: Constant, indent: string, options: DataOptions): string[] {
  const loc = constant.loc.length === 0 ? "" : ` ${printLocation(constant.loc)}`;
  const head = `${indent}const @${quoteName(constant.name)} : ${printType(constant.type)} = `;
  return [...printDoc(constant.doc, indent), `${head}${definition(constant, options)}${loc}`];
}

function definition(constant: Constant, options: DataOptions): string {
  if (constant.kind === "data") return printData(constant.type, constant.storage, options);
  const operands = constant.operands.map((operand) => (operand === null ? "_" : `@${quoteName(operand)}`));
  return `${constant.op}(${operands.join(", ")})${printDict(constant.attrs, options.hexFloats)}`;
}
