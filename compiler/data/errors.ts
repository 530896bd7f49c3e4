/** @file What can be wrong with data, one code each, and the error that carries it. */

/** Code -> what it stands for. The message of an error adds the values at hand. */
export const DATA_ERRORS = {
  D0101: "the file ends early",
  D0102: "not a file of this format",
  D0103: "the sizes in the file contradict each other",
  D0104: "compressed data is damaged",
  D0105: "a label is out of range",
  D0106: "the header cannot be read",
  D0107: "an element type that is not supported",
  D0108: "Fortran order is not supported",
  D0109: "a zip feature that is not supported",
  D0110: "the data spec cannot be read",
  D0111: "a file of the data set is missing",
  D0112: "samples outside the data set",
  D0113: "the preprocessing does not fit the data",
  D0114: "the arrays are not a data set",
  D0115: "an input is neither f32 nor u8",
  D0116: "the picture is too large",
} as const satisfies Record<string, string>;

/** Code of a data error. */
export type DataErrorCode = keyof typeof DATA_ERRORS;

/** Bad data: `code` says which kind, `where` the file (and entry or byte) or the spec. */
export class DataError extends Error {
  readonly code: DataErrorCode;
  readonly where: string;

  constructor(code: DataErrorCode, where: string, detail: string) {
    super(`${where}: error[${code}]: ${DATA_ERRORS[code]}: ${detail}`);
    this.name = "DataError";
    this.code = code;
    this.where = where;
  }
}
