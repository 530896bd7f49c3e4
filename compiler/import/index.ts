/** @file Models from elsewhere. */
export { detectFormat, type ModelFormat } from "./detect.ts";
export { type ImportCode, importCodes } from "./onnx/errors.ts";
export type { ExternalData, ExternalFile } from "./onnx/external-data.ts";
export { type ImportOptions, importOnnx } from "./onnx/import.ts";
export { supportedOperators } from "./onnx/table.ts";
