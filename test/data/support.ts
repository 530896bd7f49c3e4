/** @file The error that a reader of data ends with. */
import { DataError } from "../../compiler/data/errors.ts";

export async function dataFailure(call: () => unknown): Promise<DataError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error("no error");
}
