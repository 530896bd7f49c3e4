/** @file Public entry `tersor/runtime`: load a `.tsr` file and run it. */
export * from "./backend.ts";
export { type BitCoder, BitModel, probabilityBits } from "./codec/bit-coder.ts";
export { type SymbolForm, symbolForm } from "./codec/code-symbols.ts";
export type { DecodeContext, WeightDecoder } from "./codec/codec.ts";
export { hasCentre } from "./codec/context.ts";
export { ContextModel, type ProbabilityCoder } from "./codec/context-model.ts";
export { type CodeGrid, codeValue, codeValues, gridOf, Walk } from "./codec/context-symbols.ts";
export { baseChecksum, differenceType, hasDifferences, wordsOf } from "./codec/delta.ts";
export { maxCodeLength } from "./codec/huffman.ts";
export { builtinDecoders, decoderTable } from "./codec/index.ts";
export { planeCodecs, planeLayout } from "./codec/planes.ts";
export { Predictor, predictorCount } from "./codec/predictor.ts";
export { lowestState, maxFrequencyBits, stateCount } from "./codec/rans.ts";
export { codePlanes, contextCount, type SymbolModel, splitPlanes, unpackSymbols } from "./codec/symbols.ts";
export { DeviceTensor } from "./device-tensor.ts";
export { RuntimeError } from "./errors.ts";
export type { PortInfo } from "./interface.ts";
export { defaultLimits, type RunLimits } from "./limits.ts";
export type * from "./manifest.ts";
export { type FileBuildInfo, type ModelInfo, modelInfo, type SessionInfo, type SkippedBackend } from "./model-info.ts";
export { type OpenedFile, type OpenOptions, openFile } from "./open-file.ts";
export { bareSymbol, dimText, sizeOf } from "./plan-dim.ts";
export {
  imageShape,
  imageTensor,
  type PixelRows,
  prepareRows,
  type RgbaImage,
  rgbaRows,
} from "./preprocess-image.ts";
export {
  channelCount,
  type ImagePreprocessing,
  imageChannels,
  imageLayouts,
  imagePreprocessing,
  imagePreprocessingKeys,
  imageResizes,
  parseImagePreprocessing,
} from "./preprocess-record.ts";
export { filePlan, fileTargets, referenceTarget } from "./program.ts";
export type { ModelSource, Progress } from "./read-source.ts";
export { type LoadOptions, load, type RunOptions, Session } from "./session.ts";
export type { StepShapes, TensorShape } from "./step/step.ts";
export * from "./tensor.ts";
