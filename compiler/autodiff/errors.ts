/** @file The codes of differentiation and training, E09, and how they are raised. */
import { type Location, TersorError } from "../../ir-spec/index.ts";

/** Code -> what it stands for. The message of an error adds the values at hand. */
export const TRAINING_ERRORS = {
  E0901: "an op without a gradient",
  E0902: "a gradient of another type than its operand",
  E0903: "not a leaf",
  E0904: "not a loss",
  E0905: "a leaf that the loss does not depend on",
  E0906: "a function that cannot be differentiated",
  E0907: "data that does not fit the module",
  E0908: "the loss is not finite",
} as const satisfies Record<string, string>;

export type TrainingErrorCode = keyof typeof TRAINING_ERRORS;

export interface ErrorPlace {
  readonly where?: string;
  readonly loc?: Location;
  readonly hint?: string;
}

export function trainingError(code: TrainingErrorCode, detail: string, place: ErrorPlace = {}): TersorError {
  return new TersorError({ code, message: `${TRAINING_ERRORS[code]}: ${detail}`, ...place });
}
