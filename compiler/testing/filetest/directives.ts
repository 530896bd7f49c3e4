/** @file What a `.tir` filetest says in its comments: how to run it and what to expect, and where. Parts are split by `// -----`. */

export type Command =
  | { readonly kind: "parse" | "verify" }
  | { readonly kind: "print"; readonly elide: number | null; readonly hexFloats: boolean }
  | { readonly kind: "opt"; readonly pipeline: string };

export interface Check {
  readonly kind: "CHECK" | "CHECK-NEXT" | "CHECK-NOT";
  readonly pattern: string;
  readonly line: number;
}

export interface ExpectedError {
  readonly text: string;
  /** The line that the error is expected on. */
  readonly line: number;
  /** null: any. */
  readonly column: number | null;
  /** Where the expectation stands. */
  readonly at: number;
}

/** `// run: @f([1.0]) ~= [2.0] within 1e-6 on reference, wasm`. */
export interface RunLine {
  readonly func: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly tolerance: number;
  readonly backends: readonly string[];
  readonly line: number;
}

export interface Part {
  /** The text with the lines before it blanked, so that places in it are places in the file. */
  readonly text: string;
  readonly commands: readonly Command[];
  readonly checks: readonly Check[];
  readonly errors: readonly ExpectedError[];
  readonly runs: readonly RunLine[];
}

/** A mistake in the test itself. */
export class FileTestError extends Error {}

export function readParts(text: string): readonly Part[] {
  const parts: Part[] = [];
  let lines: string[] = [];
  let before = 0;
  const flush = () => {
    const own = readPart(lines, before);
    const commands = own.commands.length > 0 ? own.commands : (parts[0]?.commands ?? defaultCommands(own));
    parts.push({ ...own, commands });
    before += lines.length + 1;
    lines = [];
  };
  for (const line of text.split("\n")) {
    if (/^\s*\/\/ -----\s*$/.test(line)) flush();
    else lines.push(line);
  }
  flush();
  return parts;
}

/** Errors alone need no RUN line. */
function defaultCommands(part: Part): readonly Command[] {
  return part.errors.length > 0 || part.runs.length > 0 ? [{ kind: "parse" }] : [];
}

function readPart(lines: readonly string[], before: number): Part {
  const commands: Command[] = [];
  const checks: Check[] = [];
  const errors: ExpectedError[] = [];
  const runs: RunLine[] = [];
  for (const [i, text] of lines.entries()) {
    const line = before + i + 1;
    const directive = /\/\/ (RUN|CHECK|CHECK-NEXT|CHECK-NOT|run|expected-error)(?:@|:| )/.exec(text);
    if (!directive) continue;
    const rest = text.slice(directive.index + 3);
    if (directive[1] === "RUN") commands.push(readCommand(rest.slice(4).trim(), line));
    else if (directive[1] === "run") runs.push(readRun(rest.slice(4).trim(), line));
    else if (directive[1] === "expected-error") errors.push(...readErrors(rest, line));
    else checks.push({ kind: directive[1] as Check["kind"], pattern: rest.slice(rest.indexOf(":") + 1).trim(), line });
  }
  return { text: "\n".repeat(before) + lines.join("\n"), commands, checks, errors, runs };
}

function readCommand(text: string, line: number): Command {
  const [name = "", ...options] = text.split(/\s+/);
  if (name === "parse" || name === "verify") return { kind: name };
  if (name === "print") {
    const elide = /--elide (\d+)/.exec(text);
    return { kind: "print", elide: elide ? Number(elide[1]) : null, hexFloats: options.includes("--hex-floats") };
  }
  const opt = /^opt\s+--pipeline\s+("(?:[^"\\]|\\.)*"|'[^']*'|\S+)$/.exec(text);
  if (!opt)
    throw new FileTestError(`line ${line}: "${text}" is none of: parse, verify, print [--elide N] [--hex-floats], opt --pipeline "..."`);
  const quoted = opt[1] ?? "";
  return { kind: "opt", pipeline: quoted.startsWith('"') ? JSON.parse(quoted) : quoted.replace(/^'|'$/g, "") };
}

/** `expected-error {{..}}`, `expected-error@+1 {{..}}`, with a column `expected-error:9 {{..}}`, `expected-error@-1:9 {{..}}`; several on one line. */
function readErrors(text: string, line: number): ExpectedError[] {
  const pattern = /expected-error\s*(?:@([+-]\d+))?(?::(\d+))?\s*\{\{(.*?)\}\}/g;
  const found = [...text.matchAll(pattern)].map(([, offset, column, message]) => ({
    text: message ?? "",
    line: line + Number(offset ?? 0),
    column: column === undefined ? null : Number(column),
    at: line,
  }));
  if (found.length === 0) throw new FileTestError(`line ${line}: expected-error needs {{text}}`);
  return found;
}

function readRun(text: string, line: number): RunLine {
  const run = /^@([A-Za-z0-9_.]+|"(?:[^"\\]|\\.)*")\((.*)\)\s*(==|~=)\s*(.*)$/.exec(text);
  if (!run) throw new FileTestError(`line ${line}: a run line is @f(inputs) == outputs, or ~= outputs within TOLERANCE, then on BACKENDS`);
  const [, name = "", inputs = "", sign, tail = ""] = run;
  const [, outputs = "", within, backends] = /^(.*?)(?:\s+within\s+(\S+))?(?:\s+on\s+([a-z0-9_, ]+))?$/.exec(tail) ?? [];
  const tolerance = sign === "==" ? 0 : Number(within);
  if (!(tolerance >= 0)) throw new FileTestError(`line ${line}: "~=" needs "within" and a number`);
  return {
    func: name.startsWith('"') ? JSON.parse(name) : name,
    inputs: splitTop(inputs),
    outputs: splitTop(outputs),
    tolerance,
    backends: (backends ?? "reference").split(",").map((backend) => backend.trim()),
    line,
  };
}

/** Splits at commas outside of brackets. */
function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text.charAt(i);
    if (c === "[" || c === "(" || c === "<") depth++;
    else if (c === "]" || c === ")" || c === ">") depth--;
    if (i < text.length && (c !== "," || depth > 0)) continue;
    const part = text.slice(start, i).trim();
    if (part !== "") parts.push(part);
    start = i + 1;
  }
  return parts;
}
