/** @file Public entry `tersor/compiler`: source to bytes. */

export { constantsOf, reachableConstants } from "./analysis/reachable.ts";
export { computeStoredBytes, dataBytes, storedBytes } from "./analysis/stored-bytes.ts";
export { definitionOf, floatLeaf, leafValues, matchesAny, type Weight, type WeightUse, weights, weightsOf } from "./analysis/weights.ts";
export * from "./compile.ts";
export { type DataSet, dataSet } from "./data/dataset.ts";
export { digits } from "./data/digits/digits.ts";
export type { EncodeContext, Encoded, WeightEncoder } from "./emit/codec.ts";
export { importOnnx } from "./import/index.ts";
export { interpret } from "./interpret/interpret.ts";
export { type Lowered, lower } from "./lower/lower.ts";
export * from "./pass/manager.ts";
export * from "./pass/options.ts";
export * from "./pass/pass.ts";
export * from "./pass/pipeline-text.ts";
export * from "./pass/registry.ts";
export { generalPasses, preparePipeline } from "./passes/index.ts";
export * from "./plugin/host.ts";
export * from "./plugin/plugin.ts";
export { Random } from "./random/random.ts";
export { deriveConstant, redefineAs } from "./rewrite/derive.ts";
export { applyRewrites, type Rewrite, type RewriteContext } from "./rewrite/rewrite.ts";
export type { TargetSpec } from "./target/target.ts";
export { parseModule, printModule, readModule } from "./text/index.ts";
