/** @file Bytes of a `.tir` file to text. */
import { TersorError } from "../../ir-spec/core/problem.ts";
import { messageOf } from "../diagnostics/catalogue.ts";

/** A byte order mark at the start is dropped. @throws TersorError E0112 where it is not UTF-8 */
export function decodeText(bytes: Uint8Array, file?: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new TersorError({ code: "E0112", message: messageOf("E0112"), ...(file === undefined ? {} : { where: file }) });
  }
}
