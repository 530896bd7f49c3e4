/**
 * @file Codes of import errors. Import collects: whatever can be checked without the failed part is checked, and one exception carries all
 * problems, so that a model with five unsupported nodes needs one run and not five.
 */
import type { Location, Problem } from "../../../ir-spec/index.ts";

export const importCodes = {
  /** The bytes are no ONNX file, or end too early. */
  E0601: "unreadable file",
  /** The bytes of an initializer do not fit its type and shape. */
  E0602: "bad tensor",
  /** Tensor data in another file. */
  E0603: "external data",
  /** No translation for this operator. */
  E0604: "unsupported operator",
  /** The operator is known, this form of it (an attribute's value, an extra output) is not. */
  E0605: "unsupported form of an operator",
  /** An attribute or an input is missing, has the wrong kind or an impossible value. */
  E0606: "invalid node",
  /** Names that are undefined, defined twice, or used before their definition. */
  E0607: "invalid graph",
  /** A value decides about shapes and is not known at compile time. */
  E0608: "value not known at compile time",
  /** An element type or a kind of value that the IR does not have. */
  E0609: "unsupported type",
  /** The graph does not treat the samples of a batch independently, or fixes the batch in its shapes. */
  E0610: "batch cannot be dynamic",
  /** The operator set is newer than this importer, or missing. */
  E0611: "unsupported operator set",
} as const;

export type ImportCode = keyof typeof importCodes;

/** Ends the translation of one node or tensor; the importer adds where, and goes on with the rest. */
export class ImportFailure extends Error {
  readonly code: ImportCode;
  readonly hint: string | null;

  constructor(code: ImportCode, message: string, hint: string | null = null) {
    super(message);
    this.name = "ImportFailure";
    this.code = code;
    this.hint = hint;
  }

  at(where: string, loc: Location): Problem {
    return { code: this.code, message: this.message, where, loc, ...(this.hint === null ? {} : { hint: this.hint }) };
  }
}

/** Ends a translation without a word: what it needs failed, and that has been told. */
export class Spoiled extends Error {}
