/** @file Plugin `entropy`: lossless coding of weight data. See README.md. The decoder is part of the runtime. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { contextEncoder } from "./context-encoder.ts";
import { entropyCode } from "./entropy.ts";
import { huffmanEncoder } from "./huffman-encoder.ts";
import { lossless } from "./lossless.ts";
import { planesEncoder } from "./planes-encoder.ts";
import { rangeEncoder } from "./range-encoder.ts";
import { ransEncoder } from "./rans-encoder.ts";
import { rateDistortion } from "./rate-distortion.ts";

export { contextEncoder } from "./context-encoder.ts";
export { huffmanEncoder } from "./huffman-encoder.ts";
export { planesEncoder } from "./planes-encoder.ts";
export { rangeEncoder } from "./range-encoder.ts";
export { ransEncoder } from "./rans-encoder.ts";

export function entropy(): Plugin {
  return definePlugin({
    name: "entropy",
    version: "0.1.0",
    apiVersion: pluginApiVersion,
    passes: [rateDistortion, entropyCode, lossless],
    codecs: [ransEncoder, huffmanEncoder, rangeEncoder, contextEncoder, planesEncoder],
  });
}
