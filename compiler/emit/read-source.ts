/** @file Reads the source module back from a `.tsr` file: what `print x.tsr` shows and every command takes that accepts a compiled model. */
import type { Module } from "../../ir-spec/core/graph.ts";
import { readModule } from "../../runtime/backends/reference/index.ts";
import { type OpenOptions, openFile } from "../../runtime/index.ts";

/** What tools read was chosen by the person who runs them: a file may expand much more than an app would let it. */
export const toolExpansion = (bytes: Uint8Array): number => 2 ** 30 + 64 * bytes.length;

/** The module as it was emitted. Sections may decode to 1 GiB and 64 times the file unless `maxExpandedBytes` says otherwise. @throws RuntimeError R01xx, R02xx; R0207 when the file keeps no source */
export function readSource(bytes: Uint8Array, options: OpenOptions = {}): Module {
  return readModule(openFile(bytes, { maxExpandedBytes: toolExpansion(bytes), ...options }));
}
