/** @file Public entry `tersor/runtime`: bytes to answers. */
export * from "./backend.ts";
export { BitModel, type BitCoder, probabilityBits } from "./codec/bit-coder.ts";
export type { DecodeContext, WeightDecoder } from "./codec/codec.ts";
export { codePlanes, contextCount, splitPlanes, type SymbolModel, unpackSymbols } from "./codec/symbols.ts";
export { RuntimeError } from "./errors.ts";
export * from "./manifest.ts";
export * from "./tensor.ts";
