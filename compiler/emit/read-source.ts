/** @file Reads the source module back from a `.tsr` file: what `print x.tsr` shows and every command takes that accepts a compiled model. */
import type { Module } from "../../ir-spec/core/graph.ts";
import { readModule } from "../../runtime/backends/reference/index.ts";
import { type OpenOptions, openFile } from "../../runtime/index.ts";

/** The module as it was emitted. @throws RuntimeError R01xx, R02xx; R0207 when the file keeps no source */
export function readSource(bytes: Uint8Array, options: OpenOptions = {}): Module {
  return readModule(openFile(bytes, options));
}
