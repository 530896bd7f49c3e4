/** @file What all of lowering shares: the source, the ops, the names of the module, and the list of problems that grows while it goes on. */
import type { IToken } from "chevrotain";
import type { DimReading } from "../../../ir-spec/core/dim-text.ts";
import type { Problem } from "../../../ir-spec/core/problem.ts";
import type { TensorType } from "../../../ir-spec/core/type.ts";
import type { OpRegistry } from "../../../ir-spec/ops/registry.ts";
import type { Code, MessageArgs } from "../../diagnostics/catalogue.ts";
import { type Details, type Diagnostic, type Note, noteAt, placeProblem, problemOf } from "../../diagnostics/diagnostic.ts";
import type { Source, Span } from "../../diagnostics/source.ts";
import { spanOf } from "../ast.ts";
import { readName } from "../names.ts";

const mostProblems = 200;

export type SymbolKind = "constant" | "function" | "resource";

export interface SymbolEntry {
  readonly kind: SymbolKind;
  readonly span: Span;
}

export class LowerContext {
  readonly source: Source;
  readonly registry: OpRegistry;
  readonly problems: Diagnostic[] = [];
  /** Constants, functions and resources share one namespace. */
  readonly symbols = new Map<string, SymbolEntry>();
  /** Types by their text: a module has few. */
  readonly typeReadings = new Map<string, DimReading<TensorType>>();

  constructor(source: Source, registry: OpRegistry) {
    this.source = source;
    this.registry = registry;
  }

  /** So many problems are told and no more: nobody reads them, and placing each takes its time. */
  get isFull(): boolean {
    return this.problems.length >= mostProblems;
  }

  report<C extends Code>(code: C, span: Span, args: MessageArgs<C>, details: Details = {}): void {
    const { notes = [], ...rest } = details;
    this.place(span, problemOf(code, args, rest), notes);
  }

  place(span: Span, problem: Problem, notes: readonly Note[] = []): void {
    if (this.isFull) return;
    this.problems.push(placeProblem(this.source, span, problem, notes));
  }

  note(span: Span, message: string): Note {
    return noteAt(this.source, span, message);
  }

  /** Name of a symbol, a result or a key: what stands after its sigil. Reports an empty name or `_`; null for a number. */
  name(token: IToken, sigil: "" | "@" | "%"): string | null {
    const { name } = readName(token.image.slice(sigil.length));
    if (name === "" || (name === "_" && !token.image.endsWith('"'))) this.report("E0108", spanOf(token), [token.image]);
    return name;
  }

  /** A safe non-negative integer, or null with a report. */
  count(token: IToken, wanted: string): number | null {
    const value = Number(token.image);
    if (/^[0-9]+$/.test(token.image) && Number.isSafeInteger(value)) return value;
    this.report("E0109", spanOf(token), [token.image, wanted]);
    return null;
  }

  string({ image }: IToken): string {
    return image.includes("\\") ? JSON.parse(image) : image.slice(1, -1);
  }

  /** The declared symbol, or null with a report of what is wrong. */
  symbol(token: IToken, wanted: SymbolKind | null): string | null {
    const name = this.name(token, "@") ?? "";
    const entry = this.symbols.get(name);
    if (entry && (wanted === null || entry.kind === wanted)) return name;
    if (entry)
      this.report("E0211", spanOf(token), [name, entry.kind, wanted ?? "symbol"], { notes: [this.note(entry.span, "defined here")] });
    else this.report("E0204", spanOf(token), [name, wanted ?? "constant, function or resource"]);
    return null;
  }
}

/** Text of `///` comments: one leading space lost, joined by newline; null when there are none. */
export function lowerDocs(docs: readonly IToken[]): string | null {
  if (docs.length === 0) return null;
  return docs.map((doc) => doc.image.slice(3).replace(/^ /, "").replace(/\r$/, "")).join("\n");
}
