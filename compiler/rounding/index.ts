/** @file Codes for rows of a layer's matrix, and how much of the output they lose: what quantizing and binarizing plugins share. */
export { adaround, descentFrom } from "./adaround.ts";
export { chainOf, elementsOf, type LayerMatrix, layerMatrixOf, layersByLeaf } from "./layer-matrix.ts";
export { refitRow } from "./refit.ts";
export { decodeAt, encodeAt, gradientOf, type Moments, type Row as CodedRow, roundRow, rowError } from "./rows.ts";
