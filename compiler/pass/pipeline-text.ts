/**
 * @file Pipeline text: `prune-magnitude{sparsity=50% scope=global},share-weights{clusters=16}` (IR.md section 6). Its own small lexer, since names may
 * hold dashes and `%` touches its number; `printPipeline(parsePipeline(t))` is `t` in canonical spacing.
 */
import { TersorError } from "../../ir-spec/index.ts";
import type { PipelineValue } from "./options.ts";

export interface PipelineItem {
  readonly pass: string;
  readonly options: Readonly<Record<string, PipelineValue>>;
}

const tokenPattern =
  /\s*(?:([{}[\],=])|("(?:[^"\\]|\\.)*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?%?)(?![A-Za-z0-9_.%-])|([A-Za-z_][A-Za-z0-9_.-]*))/y;

interface Token {
  readonly kind: "punctuation" | "string" | "number" | "name" | "end";
  readonly text: string;
  readonly at: number;
}

/** @throws TersorError E0701 with the column. */
export function parsePipeline(text: string): readonly PipelineItem[] {
  return new PipelineParser(text).parse();
}

export function printPipeline(items: readonly PipelineItem[]): string {
  return items.map(printItem).join(",");
}

function printItem({ pass, options }: PipelineItem): string {
  const entries = Object.entries(options).map(([name, value]) => `${name}=${printValue(value)}`);
  return entries.length === 0 ? pass : `${pass}{${entries.join(" ")}}`;
}

function printValue(value: PipelineValue): string {
  if (typeof value === "string")
    return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(value) && value !== "true" && value !== "false" ? value : JSON.stringify(value);
  if (typeof value === "object") return `[${value.map(printValue).join(", ")}]`;
  return Object.is(value, -0) ? "-0" : String(value);
}

class PipelineParser {
  private readonly text: string;
  private readonly tokens: readonly Token[];
  private next = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokenize(text);
  }

  parse(): readonly PipelineItem[] {
    const items: PipelineItem[] = [];
    if (this.peek().kind === "end") return items;
    do items.push(this.item());
    while (this.accept(","));
    if (this.peek().kind !== "end") this.fail(`expected "," or the end, found "${this.peek().text}"`);
    return items;
  }

  private item(): PipelineItem {
    const pass = this.name("a pass name");
    const options = new Map<string, PipelineValue>();
    if (!this.accept("{")) return { pass, options: {} };
    while (!this.accept("}")) {
      const at = this.peek();
      const name = this.name("an option name or }");
      if (options.has(name)) this.fail(`option "${name}" is given twice`, at);
      if (!this.accept("=")) this.fail(`expected "=" after "${name}"`);
      options.set(name, this.value());
    }
    return { pass, options: Object.fromEntries(options) };
  }

  private value(): PipelineValue {
    const token = this.advance();
    if (token.kind === "string") return this.string(token);
    if (token.kind === "number") return this.number(token);
    if (token.kind === "name") return token.text === "true" ? true : token.text === "false" ? false : token.text;
    if (token.text === "[") return this.list();
    return this.fail(`expected a value, found "${token.text || "the end"}"`, token);
  }

  private string(token: Token): string {
    try {
      return JSON.parse(token.text) as string;
    } catch {
      return this.fail("this is no JSON string: control characters and unknown escapes are not allowed", token);
    }
  }

  private number(token: Token): number {
    const value = token.text.endsWith("%") ? Number(token.text.slice(0, -1)) / 100 : Number(token.text);
    return Number.isFinite(value) ? value : this.fail(`${token.text} is out of range`, token);
  }

  private list(): readonly PipelineValue[] {
    const values: PipelineValue[] = [];
    if (this.accept("]")) return values;
    do values.push(this.value());
    while (this.accept(","));
    if (!this.accept("]")) this.fail('expected "," or "]"');
    return values;
  }

  private name(what: string): string {
    const token = this.advance();
    return token.kind === "name" ? token.text : this.fail(`expected ${what}, found "${token.text || "the end"}"`, token);
  }

  private accept(text: string): boolean {
    if (this.peek().kind !== "punctuation" || this.peek().text !== text) return false;
    this.next++;
    return true;
  }

  private peek(): Token {
    return this.tokens[this.next] as Token;
  }

  private advance(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.next++;
    return token;
  }

  private fail(message: string, token: Token = this.peek()): never {
    throw pipelineError(this.text, token.at, message);
  }
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(tokenPattern.source, "y");
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const start = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) {
      const at = text.length - text.slice(start).trimStart().length;
      throw pipelineError(text, at, `unexpected character ${JSON.stringify(text[at])}`);
    }
    const [, punctuation, string, number, name] = match;
    const found = (punctuation ?? string ?? number ?? name) as string;
    const kind = punctuation ? "punctuation" : string ? "string" : number ? "number" : "name";
    tokens.push({ kind, text: found, at: pattern.lastIndex - found.length });
  }
  tokens.push({ kind: "end", text: "", at: text.length });
  return tokens;
}

function pipelineError(text: string, at: number, message: string): TersorError {
  return new TersorError({ code: "E0701", message: `${message}\n    ${text}\n    ${" ".repeat(at)}^`, where: `pipeline:${at + 1}` });
}
