/** @file One function as text. */

import type { Attr } from "../../../ir-spec/core/attr.ts";
import { type Dim, dimSymbols, isDimSymbolName, printDim } from "../../../ir-spec/core/dim.ts";
import type { Func, Op, Operand } from "../../../ir-spec/core/graph.ts";
import { printLocation } from "../../../ir-spec/core/location.ts";
import { printType, type TensorType } from "../../../ir-spec/core/type.ts";
import { valueNames } from "../../verify/findings.ts";
import { printRequire } from "../../verify/requires.ts";
import { quoteName } from "../names.ts";
import { printDict, printDoc } from "./attr.ts";

export function printFunction(func: Func, hexFloats: boolean): string[] {
  const name = valueNames(func);
  const typeOf = (id: number): TensorType => {
    const info = func.values[id];
    if (!info) throw new RangeError(`@${func.name} has no value ${id}`);
    return info.type;
  };
  const printer = new OpPrinter(name, typeOf, hexFloats);
  for (const id of func.params) printer.learn(typeOf(id).shape);
  const returned = func.returns.map((operand) => printer.operand(operand)).join(", ");
  return [
    ...printDoc(func.doc, "  "),
    ...printHeader(func, name, typeOf),
    ...func.ops.flatMap((op) => printer.print(op)),
    `    return${returned === "" ? "" : ` ${returned}`}`,
    "  }",
  ];
}

/** One line, or with `require`s one more for each and the brace on its own. */
function printHeader(func: Func, name: (id: number) => string, typeOf: (id: number) => TensorType): string[] {
  const params = func.params.map((id) => `${name(id)}: ${printType(typeOf(id))}`).join(", ");
  const results = func.results.map((result) => `${quoteName(result.name)}: ${printType(result.type)}`).join(", ");
  const carries = func.carries.map(({ param, result }) => `${name(param)} -> ${quoteName(result)}`).join(", ");
  const head = `  func @${quoteName(func.name)}(${params}) -> (${results})${carries === "" ? "" : ` carry (${carries})`}`;
  if (func.requires.length === 0) return [`${head} {`];
  return [head, ...func.requires.map((require) => `    ${printRequire(require)}`), "  {"];
}

/** Ops in order: the first lone mention of a symbol in result types gets its `?`. */
class OpPrinter {
  private readonly name: (id: number) => string;
  private readonly typeOf: (id: number) => TensorType;
  private readonly hexFloats: boolean;
  private readonly known = new Set<string>();

  constructor(name: (id: number) => string, typeOf: (id: number) => TensorType, hexFloats: boolean) {
    this.name = name;
    this.typeOf = typeOf;
    this.hexFloats = hexFloats;
  }

  learn(shape: readonly Dim[]): void {
    for (const dim of shape) dimSymbols(dim, this.known);
  }

  operand(operand: Operand): string {
    if (operand === null) return "_";
    return typeof operand === "number" ? this.name(operand) : `@${quoteName(operand)}`;
  }

  print(op: Op): string[] {
    const results = op.results.map(this.name).join(", ");
    const operands = op.operands.map((operand) => this.operand(operand)).join(", ");
    const attrs = printDict(op.attrs, this.hexFloats);
    for (const value of op.attrs.values()) this.learnIntroduced(value);
    const types = op.results.map((id) => this.resultType(this.typeOf(id))).join(", ");
    const loc = op.loc.length === 0 ? "" : ` ${printLocation(op.loc)}`;
    return [...printDoc(op.doc, "    "), `    ${results} = ${op.name}(${operands})${attrs} : ${types}${loc}`];
  }

  private learnIntroduced(attr: Attr): void {
    if (attr.kind === "dim" && attr.introduces) this.learn([attr.value]);
    else if (attr.kind === "list") for (const item of attr.value) this.learnIntroduced(item);
    else if (attr.kind === "dict") for (const item of attr.value.values()) this.learnIntroduced(item);
  }

  private resultType(type: TensorType): string {
    if (type.shape.every((dim) => typeof dim === "number" || this.known.has(dim.key))) return printType(type);
    const dims = type.shape.map((dim) => `${this.resultDim(dim)}x`);
    return `tensor<${dims.join("")}${type.dtype}>`;
  }

  private resultDim(dim: Dim): string {
    if (typeof dim === "number" || !isDimSymbolName(dim.key) || this.known.has(dim.key)) return printDim(dim);
    this.known.add(dim.key);
    return `?${dim.key}`;
  }
}
