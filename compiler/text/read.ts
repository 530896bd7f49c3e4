/**
 * @file Text to module: tokens, syntax tree, lowering, verification. Lexer and syntax errors end the reading; names and types are checked
 * to the end and told all at once, in order of place.
 */
import type { ILexingError, IToken } from "chevrotain";
import type { Module } from "../../ir-spec/core/graph.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import { messageOf } from "../diagnostics/catalogue.ts";
import { type Diagnostic, placelessProblem, placeProblem, renderDiagnostics } from "../diagnostics/diagnostic.ts";
import { Source, type Span } from "../diagnostics/source.ts";
import type { Finding, Site } from "../verify/findings.ts";
import { findProblems } from "../verify/verify.ts";
import { type AstFunc, type AstModule, spanOf } from "./ast.ts";
import { LowerContext } from "./lower/context.ts";
import { lowerModule, type ResourceReader } from "./lower/module.ts";
import { readName } from "./names.ts";
import { parseTokens } from "./parser.ts";
import * as t from "./tokens.ts";

export interface ReadOptions {
  readonly registry: OpRegistry;
  /** For messages. */
  readonly file?: string;
  /** Bytes of a resource by its path; null when there are none, which is no error until they are needed. */
  readonly resources?: ResourceReader;
}

export interface TextReading {
  /** null when there is any problem. */
  readonly module: Module | null;
  readonly problems: readonly Diagnostic[];
}

export function parseModule(text: string, options: ReadOptions): TextReading {
  return read(new Source(text, options.file), options);
}

/** @throws TersorError with every problem; its message shows the lines and carets. */
export function readModule(text: string, options: ReadOptions): Module {
  const source = new Source(text, options.file);
  const { module, problems } = read(source, options);
  if (module) return module;
  const error = new TersorError(problems);
  error.message = renderDiagnostics(problems, source);
  throw error;
}

function read(source: Source, options: ReadOptions): TextReading {
  const lexed = t.lexer.tokenize(source.text);
  const bad = [...lexed.errors, ...lexed.tokens.flatMap(badSpan)].sort((a, b) => a.offset - b.offset);
  if (bad.length > 0) return failed(lexerProblems(source, bad));
  const deep = tooDeep(source, lexed.tokens);
  if (deep) return failed([deep]);
  const parsed = parseTokens(lexed.tokens);
  if (!parsed.ok) return failed([syntaxProblem(source, parsed.expected, parsed.token, lexed.tokens)]);
  return lower(source, parsed.module, options);
}

function failed(problems: readonly Diagnostic[]): TextReading {
  return { module: null, problems };
}

function lower(source: Source, ast: AstModule, options: ReadOptions): TextReading {
  const ctx = new LowerContext(source, options.registry);
  const module = lowerModule(ctx, ast, options.resources ?? (() => null));
  if (ctx.problems.length === 0) placeFindings(ctx, ast, findProblems(module, options.registry));
  if (ctx.problems.length === 0) return { module, problems: [] };
  return failed(inOrder(ctx.problems));
}

/** By place; the same thing at the same place once. */
function inOrder(problems: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  const once = problems.filter(({ code, line, column, message }) => {
    const key = `${line}:${column}:${code}:${message}`;
    return !seen.has(key) && seen.add(key);
  });
  return once.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** What only the whole module shows (cycles, slices, recursion), at the thing to blame. */
function placeFindings(ctx: LowerContext, ast: AstModule, findings: readonly Finding[]): void {
  for (const { site, ...problem } of findings) {
    const span = siteSpan(ast, site, problem.operand);
    if (span) ctx.place(span, problem);
    else ctx.problems.push(placelessProblem(ctx.source, problem));
  }
}

function siteSpan(ast: AstModule, site: Site, operand: number | undefined): Span | null {
  if (site.kind === "module") return spanOf(ast.name);
  if (site.kind === "op") {
    const op = functionOf(ast, site.func)?.ops[site.index];
    const blamed = operand === undefined ? op?.call.op : op?.call.operands[operand];
    return blamed ? spanOf(blamed) : null;
  }
  const item = ast.items.find((i) => i.kind !== "meta" && readName(i.name.image.slice(1)).name === site.name);
  return item && item.kind !== "meta" ? spanOf(item.name) : null;
}

function functionOf(ast: AstModule, name: string): AstFunc | null {
  return ast.items.find((item): item is AstFunc => item.kind === "func" && readName(item.name.image.slice(1)).name === name) ?? null;
}

/** After this many, the text is probably no text. */
const mostLexerErrors = 20;

type BadSpan = Pick<ILexingError, "offset" | "length">;

function badSpan(token: IToken): readonly BadSpan[] {
  return token.tokenType === t.Bad ? [{ offset: token.startOffset, length: token.image.length }] : [];
}

/** A string that does not end makes the rest of its line meaningless: told once. */
function lexerProblems(source: Source, errors: readonly BadSpan[]): Diagnostic[] {
  const problems: Diagnostic[] = [];
  for (const { offset, length } of errors.slice(0, 10 * mostLexerErrors)) {
    const problem = lexerProblem(source, offset, length);
    const last = problems.at(-1);
    if (last?.code === "E0102" && last.line === problem.line) continue;
    problems.push(problem);
    if (problems.length === mostLexerErrors) break;
  }
  return problems;
}

/** The lexer says where and how long; what it could have been is guessed from the first characters. */
function lexerProblem(source: Source, offset: number, length: number): Diagnostic {
  const text = source.text.slice(offset, offset + length);
  const place = (code: string, message: string, hint?: string) =>
    placeProblem(source, { start: offset, end: offset + length }, hint ? { code, message, hint } : { code, message });
  const before = source.text.slice(Math.max(0, offset - 6), offset);
  if (text.startsWith("<") && before === "tensor") {
    return place("E0107", messageOf("E0107", "a type is tensor<DIMSxDTYPE> on one line"));
  }
  if (before.endsWith("dim") && text.startsWith("[")) return place("E0107", messageOf("E0107", "dim[...] stands on one line"));
  if (text.startsWith('"'))
    return place("E0102", messageOf("E0102", "no closing quote on this line, or an escape that JSON does not have"));
  if (/^[%@]/.test(text)) return place("E0108", messageOf("E0108", text), 'a name has letters, digits, _ and dots, or stands in "quotes"');
  if (/^-?[0-9.]/.test(text)) return place("E0103", messageOf("E0103", numberAt(source.text, offset)));
  return place("E0101", messageOf("E0101", `${JSON.stringify(text.slice(0, 20))}`));
}

function numberAt(text: string, offset: number): string {
  return /^[-+0-9A-Za-z_.]{1,40}/.exec(text.slice(offset, offset + 40))?.[0] ?? text.charAt(offset);
}

const deepest = 200;

/** The parser recurses into brackets: hostile text must not exhaust its stack. */
function tooDeep(source: Source, tokens: readonly IToken[]): Diagnostic | null {
  let depth = 0;
  for (const token of tokens) {
    const { tokenType } = token;
    if (tokenType === t.LBracket || tokenType === t.LBrace) {
      if (++depth > deepest) return placeProblem(source, spanOf(token), { code: "E0106", message: messageOf("E0106", deepest) });
    } else if (tokenType === t.RBracket || tokenType === t.RBrace) depth--;
  }
  return null;
}

function syntaxProblem(source: Source, expected: string, token: IToken | null, tokens: readonly IToken[]): Diagnostic {
  const before = token ? tokens[tokens.indexOf(token) - 1] : tokens.at(-1);
  const doc = token?.tokenType === t.Doc ? token : before?.tokenType === t.Doc ? before : null;
  if (doc) return placeProblem(source, spanOf(doc), { code: "E0111", message: messageOf("E0111") });
  if (!token) {
    const span = before ? spanOf(before) : { start: 0, end: 1 };
    return placeProblem(source, span, { code: "E0104", message: messageOf("E0104", expected, "the end of the text") });
  }
  const found = token.image.length > 40 ? `${token.image.slice(0, 40)}...` : token.image;
  const problem = { code: "E0104", message: messageOf("E0104", expected, found) };
  const hint = syntaxHint(expected, token);
  return placeProblem(source, spanOf(token), hint ? { ...problem, hint } : problem);
}

/** Mistakes that hands make often. */
function syntaxHint(expected: string, token: IToken): string | null {
  if (token.image === "require") return "require [expression] == [expression] or a number, on one line";
  if (expected === "an op name") return "an op has a dialect and a name: nn.linear";
  if (expected === "a type") return "tensor<2x3xf32>";
  if (expected.startsWith("meta, resource") && token.tokenType === t.Value) return "ops stand inside a func";
  return null;
}
