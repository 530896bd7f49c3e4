/** @file The encoder of `sample/rle`. */
import type { WeightEncoder } from "tersor/compiler";
import { decoder } from "./decoder.mts";

export const codec: WeightEncoder = {
  id: "sample/rle",
  decoder,
  npmPackage: "tersor-plugin-sample",
  encode({ bytes }) {
    const runs: number[] = [];
    for (let start = 0; start < bytes.length; ) {
      let end = start + 1;
      while (end < bytes.length && end - start < 255 && bytes[end] === bytes[start]) end++;
      runs.push(end - start, bytes[start] ?? 0);
      start = end;
    }
    return { bytes: Uint8Array.from(runs), params: new Uint8Array() };
  },
};
