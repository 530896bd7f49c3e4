/**
 * @file A problem with a place in a text, and its rendering: `file:line:col: error[code]: message`, the line, a caret with what to do next, notes.
 * The manner is that of rustc and of xDSL's lexer errors; see STYLE.md. Long lines (hex data) are cut around the caret.
 */
import { printLocation } from "../../ir-spec/core/location.ts";
import type { Problem } from "../../ir-spec/core/problem.ts";
import { type Code, type MessageArgs, messageOf } from "./catalogue.ts";
import type { Source, Span } from "./source.ts";

export interface Note {
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Diagnostic extends Problem {
  readonly file: string;
  /** From 1; 0 when the problem has no place in the text. */
  readonly line: number;
  readonly column: number;
  /** Characters under the caret, at least 1. */
  readonly length: number;
  readonly notes: readonly Note[];
}

export type Details = Omit<Partial<Problem>, "code" | "message"> & { readonly notes?: readonly Note[] };

/** A problem of the catalogue. */
export function problemOf<C extends Code>(code: C, args: MessageArgs<C>, details: Omit<Details, "notes"> = {}): Problem {
  return { ...details, code, message: messageOf(code, ...args) };
}

/** Puts a problem at a span of a text. */
export function placeProblem(source: Source, span: Span, problem: Problem, notes: readonly Note[] = []): Diagnostic {
  const { line, column } = source.position(span.start);
  const length = Math.max(1, Math.min(span.end, span.start + source.line(line).length - column + 1) - span.start);
  return { ...problem, file: source.file, line, column, length, notes };
}

/** A problem without a place in the text. */
export function placelessProblem(source: Source, problem: Problem): Diagnostic {
  return { ...problem, file: source.file, line: 0, column: 0, length: 1, notes: [] };
}

export function noteAt(source: Source, span: Span, message: string): Note {
  return { message, ...source.position(span.start) };
}

const widest = 140;

/** The whole message, several lines, without a line end. `source` is absent where the text is not at hand. */
export function renderDiagnostic(diagnostic: Diagnostic, source?: Source): string {
  const { file, line, column } = diagnostic;
  const where = line > 0 ? `${file}:${line}:${column}` : file;
  const context = line === 0 && diagnostic.where ? `${diagnostic.where}: ` : "";
  const lines = [`${where}: error[${diagnostic.code}]: ${context}${diagnostic.message}`];
  if (source && line > 0) lines.push(...excerpt(diagnostic, source));
  else if (diagnostic.hint) lines.push(`hint: ${diagnostic.hint}`);
  for (const note of diagnostic.notes) lines.push(`note: ${note.line ? `${file}:${note.line}:${note.column}: ` : ""}${note.message}`);
  if (diagnostic.loc && diagnostic.loc.length > 0) lines.push(`note: from ${printLocation(diagnostic.loc).slice(4, -1)}`);
  return lines.join("\n");
}

function excerpt(diagnostic: Diagnostic, source: Source): string[] {
  const text = source.line(diagnostic.line);
  const start = diagnostic.column - 1;
  const from = text.length <= widest ? 0 : Math.max(0, Math.min(start - 60, text.length - widest));
  const shown = text.slice(from, from + widest);
  const head = from > 0 ? "..." : "";
  const tail = from + widest < text.length ? "..." : "";
  const number = String(diagnostic.line).padStart(5);
  const indent = head.replace(/./g, " ") + text.slice(from, start).replace(/[^\t]/g, " ");
  const carets = "^".repeat(Math.max(1, Math.min(diagnostic.length, shown.length - (start - from))));
  const hint = diagnostic.hint ? ` ${diagnostic.hint}` : "";
  return [`${number} | ${head}${shown}${tail}`, `${" ".repeat(number.length)} | ${indent}${carets}${hint}`];
}

export function renderDiagnostics(diagnostics: readonly Diagnostic[], source?: Source): string {
  return diagnostics.map((d) => renderDiagnostic(d, source)).join("\n");
}
