/** @file Every way to fail, as `{code, message, where}` and an exit code: 1 the work failed, 2 wrong usage. */
import { TersorError } from "../../ir-spec/index.ts";
import { RuntimeError } from "../../runtime/index.ts";
import { DataError } from "../data/errors.ts";

/** Wrong usage: exit code 2. */
export class UsageError extends Error {
  readonly code = "E0001";
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly where: string;
  /** The whole text for people. */
  readonly text: string;
  readonly exitCode: 1 | 2;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof UsageError)
    return { code: error.code, message: error.message, where: "command line", text: `error: ${error.message}`, exitCode: 2 };
  if (error instanceof TersorError) return fromProblems(error);
  if (error instanceof RuntimeError || error instanceof DataError) {
    return { code: error.code, message: error.message, where: String(error.where ?? ""), text: error.message, exitCode: 1 };
  }
  if (isSystemError(error)) {
    const where = error.path ?? "";
    return {
      code: error.code === "ENOENT" ? "E0002" : "E0003",
      message: error.message,
      where,
      text: `error: ${error.message}`,
      exitCode: 1,
    };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "E0000", message, where: "", text: `internal error, please report it: ${message}`, exitCode: 1 };
}

function fromProblems(error: TersorError): Failure {
  const [first] = error.problems;
  const lines = error.problems.map((p) => {
    const hint = p.hint ? `\nhint: ${p.hint}` : "";
    const place = p.loc?.map((l) => [l.file, ...l.parts].join(":")).join(", ");
    return `error[${p.code}]: ${p.where ? `${p.where}: ` : ""}${p.message}${place ? `\n  from ${place}` : ""}${hint}`;
  });
  return { code: first?.code ?? "E0000", message: first?.message ?? "", where: first?.where ?? "", text: lines.join("\n"), exitCode: 1 };
}

function isSystemError(error: unknown): error is Error & { readonly code: string; readonly path?: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error;
}
