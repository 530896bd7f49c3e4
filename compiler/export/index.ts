/** @file Exporters: the IR to other formats. */
export { attribute, type NodeAttr, type NodeAttrs } from "./onnx/builder.ts";
export type { ExportRow, ExportTable, OpCall, ResultNode } from "./onnx/call.ts";
export { type OutsideInitializer, type WeightStyle, weightStyles } from "./onnx/constants.ts";
export { type ExportCode, exportCodes } from "./onnx/errors.ts";
export { chosenOpset, type ExportOptions, exportOnnx, outsideInitializers } from "./onnx/export.ts";
export { exportedOps } from "./onnx/table.ts";
