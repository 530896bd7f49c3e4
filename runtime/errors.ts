/** @file The runtime's errors: a stable code, a message, and where. */

export class RuntimeError extends Error {
  /** `R01xx` file, `R02xx` program, `R03xx` session and inputs, `R04xx` backend. */
  readonly code: string;
  readonly where: string;

  constructor(code: string, message: string, where = "") {
    super(`error[${code}]: ${where ? `${where}: ` : ""}${message}`);
    this.name = "RuntimeError";
    this.code = code;
    this.where = where;
  }
}
