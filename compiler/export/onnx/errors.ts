/** @file Codes of export errors. Export collects like import does: one exception carries the problem of every op that has one. */
import type { Location, Problem } from "../../../ir-spec/index.ts";

export const exportCodes = {
  /** ONNX has nothing for this op, and it does not decompose. */
  E1001: "op without ONNX form",
  /** The op is known, this form of it (a dtype, an attribute's value) cannot be said in ONNX. */
  E1002: "form of an op without ONNX form",
  /** `rt.*`: a plan holds kernels, not ops. */
  E1004: "lowered module",
  /** A size that no input's shape gives. */
  E1005: "symbolic size cannot be computed",
  /** A protobuf message ends at 2 GB. */
  E1006: "model too large",
  /** Only some versions of the standard operator set are written. */
  E1007: "unsupported operator set",
  /** An input, output or outside constant of an element type that ONNX does not have. */
  E1008: "element type without ONNX form",
  /** There is no `@main`. */
  E1009: "nothing to export",
} as const;

export type ExportCode = keyof typeof exportCodes;

/** Ends the export of one op or constant; the exporter adds where, and goes on with the rest. */
export class ExportFailure extends Error {
  readonly code: ExportCode;
  readonly hint: string | null;

  constructor(code: ExportCode, message: string, hint: string | null = null) {
    super(message);
    this.name = "ExportFailure";
    this.code = code;
    this.hint = hint;
  }

  at(where: string, loc: Location = []): Problem {
    return { code: this.code, message: this.message, where, loc, ...(this.hint === null ? {} : { hint: this.hint }) };
  }
}
