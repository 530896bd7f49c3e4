/** @file The runtime's errors: a stable code, a message, and where. */

export class RuntimeError extends Error {
  /** `R01xx` file, `R02xx` program, `R03xx` session and inputs, `R04xx` backend. */
  readonly code: string;
  readonly where: string;

  /** @param cause what it was made from, where another part failed */
  constructor(code: string, message: string, where = "", cause?: unknown) {
    super(`error[${code}]: ${where ? `${where}: ` : ""}${message}`, cause === undefined ? undefined : { cause });
    this.name = "RuntimeError";
    this.code = code;
    this.where = where;
  }
}
