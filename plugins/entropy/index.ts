/** @file Plugin `entropy`: lossless coding of weight data. See README.md. The decoder is part of the runtime. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { contextEncoder } from "./context-encoder.ts";
import { deltaEncoder } from "./delta-encoder.ts";
import { entropyCode } from "./entropy.ts";
import { huffmanEncoder } from "./huffman-encoder.ts";
import { losslessPass } from "./lossless.ts";
import { planesEncoder } from "./planes-encoder.ts";
import { rangeEncoder } from "./range-encoder.ts";
import { ransEncoder } from "./rans-encoder.ts";
import { rateDistortion } from "./rate-distortion.ts";

export { contextEncoder } from "./context-encoder.ts";
export { huffmanEncoder } from "./huffman-encoder.ts";
export { planesEncoder } from "./planes-encoder.ts";
export { rangeEncoder } from "./range-encoder.ts";
export { ransEncoder } from "./rans-encoder.ts";

export interface EntropyOptions {
  /** A `.tsr` file: `lossless` stores differences to its sections where they are smaller. Whoever reads the result needs it again: `load(source, { base })`, `tersor convert --base`. */
  readonly base?: Uint8Array;
}

export function entropy({ base }: EntropyOptions = {}): Plugin {
  return definePlugin({
    name: "entropy",
    version: "0.1.0",
    apiVersion: pluginApiVersion,
    passes: [rateDistortion, entropyCode, losslessPass(base !== undefined)],
    codecs: [ransEncoder, huffmanEncoder, rangeEncoder, contextEncoder, planesEncoder, ...(base ? [deltaEncoder(base)] : [])],
  });
}
