/** @file `--data SPEC` on the command line. */
import type { DataSet } from "../data/dataset.ts";
import { openDataSpec } from "../data/spec.ts";
import { listFolder, readBytes } from "./files.ts";

export function openData(spec: string, split: "train" | "validation" | "test", limit?: number): Promise<DataSet> {
  return openDataSpec(spec, { readFile: readBytes, listDir: listFolder, split, ...(limit === undefined ? {} : { limit }) });
}
