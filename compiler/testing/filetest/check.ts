/**
 * @file CHECK lines against an output, in the manner of LLVM's FileCheck: `CHECK` finds the next line that matches, `CHECK-NEXT` the one right after,
 * `CHECK-NOT` forbids any between its neighbours. Runs of blanks count as one; `{{...}}` is a regular expression.
 */
import type { Check } from "./directives.ts";

const blanks = (text: string) => text.replace(/[ \t]+/g, " ").trim();

function matcher(pattern: string): RegExp {
  const parts = blanks(pattern).split(/\{\{(.*?)\}\}/);
  return new RegExp(parts.map((part, i) => (i % 2 === 1 ? `(?:${part})` : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))).join(""));
}

/** The failures, in words. */
export function checkOutput(checks: readonly Check[], output: string): string[] {
  const lines = output.split("\n").map(blanks);
  const failures: string[] = [];
  let at = 0;
  let forbidden: Check[] = [];
  const forbid = (end: number) => {
    for (const check of forbidden) {
      const found = lines.slice(at, end).findIndex((line) => matcher(check.pattern).test(line));
      if (found >= 0) failures.push(`line ${check.line}: CHECK-NOT: ${check.pattern}\n  but there is: ${lines[at + found]}`);
    }
    forbidden = [];
  };
  for (const check of checks) {
    if (check.kind === "CHECK-NOT") {
      forbidden.push(check);
      continue;
    }
    const found = find(check, lines, at);
    if (found < 0) return [...failures, missing(check, lines, at)];
    forbid(found);
    at = found + 1;
  }
  forbid(lines.length);
  return failures;
}

function find(check: Check, lines: readonly string[], at: number): number {
  const pattern = matcher(check.pattern);
  if (check.kind === "CHECK-NEXT") return pattern.test(lines[at] ?? "") ? at : -1;
  for (let i = at; i < lines.length; i++) if (pattern.test(lines[i] ?? "")) return i;
  return -1;
}

function missing(check: Check, lines: readonly string[], at: number): string {
  const shown = lines.slice(at, at + 12).map((line) => `  | ${line}`);
  return `line ${check.line}: ${check.kind}: ${check.pattern}\n  not found ${check.kind === "CHECK-NEXT" ? "on the next line" : "from here"}:\n${shown.join("\n")}`;
}
