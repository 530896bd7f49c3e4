/**
 * @file A problem found in a program or an input: a stable code, a message, and where. The catalogue of codes and the rendering with carets are the compiler's
 * (`compiler/diagnostics`); this is the shape that every room shares.
 */
import type { Location } from "./location.ts";

export interface Problem {
  /** e.g. `E0312`. */
  readonly code: string;
  readonly message: string;
  /** Function, op and operand, as far as they are known: `@main`, `%3 = nn.conv`, operand index. */
  readonly where?: string;
  readonly loc?: Location;
  /** Index of the operand that is to blame: the caret goes there. */
  readonly operand?: number;
  /** One line on what to do next. */
  readonly hint?: string;
}

/** One or more problems, as an exception. */
export class TersorError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[] | Problem) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(list.map((p) => `error[${p.code}]: ${p.where ? `${p.where}: ` : ""}${p.message}`).join("\n"));
    this.name = "TersorError";
    this.problems = list;
  }

  get code(): string {
    return this.problems[0]?.code ?? "E0000";
  }
}
