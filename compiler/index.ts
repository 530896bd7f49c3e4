/** @file Public entry `tersor/compiler`: source to bytes. */

export {
  type AxisIndices,
  type ChannelGroup,
  type ChannelGroups,
  channelGroups,
  channelGroupsOf,
  type FixedAxis,
  shown,
} from "./analysis/channel-groups.ts";
export { constantPlace, type Place, type Site, valuePlace } from "./analysis/channel-sites.ts";
export { type Layer, layerElements, layerMatrix, layers, layersOf } from "./analysis/layers.ts";
export { constantsOf, reachableConstants } from "./analysis/reachable.ts";
export { computeStoredBytes, dataBytes, storedBytes } from "./analysis/stored-bytes.ts";
export { definitionOf, floatLeaf, leafValues, matchesAny, type Weight, type WeightUse, weights, weightsOf } from "./analysis/weights.ts";
export * from "./calibrate/index.ts";
export * from "./compile.ts";
export { checkConfig, defineConfig, type TersorConfig } from "./config/config.ts";
export type { CostContext, CostFamily } from "./cost/family.ts";
export { type CostModel, costModel, type Families } from "./cost/model.ts";
export { costProfile } from "./cost/plugin.ts";
export type { PlanPorts, PlanStepCost, Prediction, StepPrediction } from "./cost/predict.ts";
export { type CostProfile, type Fingerprint, readProfile } from "./cost/profile.ts";
export type { CostStep, CostTensor, DimSizes } from "./cost/step.ts";
export { type DataSet, dataSet, type InputBatch } from "./data/dataset.ts";
export { digits } from "./data/digits/digits.ts";
export type { EncodeContext, Encoded, WeightEncoder } from "./emit/codec.ts";
export { describeFile } from "./emit/describe-file.ts";
export { type BuildInfo, type EmitOptions, emitFile, type Preprocessing } from "./emit/emit.ts";
export { declaredPreprocessing, modulePreprocessing, type PreprocessingDeclaration, withPreprocessing } from "./emit/preprocessing.ts";
export { readSource } from "./emit/read-source.ts";
export * from "./export/index.ts";
export { importOnnx } from "./import/index.ts";
export { interpret } from "./interpret/interpret.ts";
export { describeFloatCluster, type FloatCluster, type Legalized, type LegalizeOptions, legalize } from "./lower/legalize/legalize.ts";
export { type Lowered, lower } from "./lower/lower.ts";
export { planFor, predictPlan } from "./lower/plan.ts";
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
export * from "./rounding/index.ts";
export { costOf, type TargetLimits, type TargetSpec } from "./target/target.ts";
export { parseModule, printModule, type ResourceReader, readModule } from "./text/index.ts";
export * from "./train/index.ts";
export { verifyModule } from "./verify/verify.ts";
