/** @file Counts over a weight form, for cost models and reports: how much is stored and where its non-zeros lie. */

import { positionsOf } from "../ops/sparse/positions.ts";
import type { Module } from "./graph.ts";
import { countOf, decodeTensor } from "./tensor.ts";
import { staticShape, typeByteLength } from "./type.ts";
import type { NormalForm, WeightForm } from "./weight-form.ts";
import { dataBytes } from "./weight-form-rules.ts";

export interface FormStatistics {
  /** Elements of the dense weight. */
  readonly elements: number;
  /** Structural non-zeros: the ones of the mask where its data are at hand, else the number of stored values; all elements without sparsity. */
  readonly nonZeros: number;
  /** Bytes of all data constants that the definition reaches, each once, before the file's coding. */
  readonly storedBytes: number;
  /** Only with sparsity whose index is data at hand. Rows are indices of the core's first axis. */
  readonly layout: FormLayout | null;
}

export interface FormLayout {
  readonly emptyRows: number;
  /** Non-zeros of the fullest row: what a row-parallel kernel waits for. */
  readonly fullestRow: number;
  /** Aligned blocks of four elements along the core's last axis that hold a non-zero: what a SIMD kernel cannot skip. */
  readonly liveBlocks: number;
  readonly blocks: number;
}

export function formStatistics(module: Module, form: WeightForm): FormStatistics {
  const storedBytes = reachableBytes(module, form.name, new Set());
  if (form.kind === "opaque") {
    const elements = countOf(staticShape(module.constants.get(form.name)?.type.shape ?? []) ?? []);
    return { elements, nonZeros: elements, storedBytes, layout: null };
  }
  const elements = countOf(form.shape);
  if (!form.sparsity) return { elements, nonZeros: elements, storedBytes, layout: null };
  const positions = storedPositions(module, form);
  if (!positions) return { elements, nonZeros: form.leafCount, storedBytes, layout: null };
  return { elements, nonZeros: positions.length, storedBytes, layout: layoutOf(form, positions) };
}

function reachableBytes(module: Module, name: string, seen: Set<string>): number {
  const constant = module.constants.get(name);
  if (!constant || seen.has(name)) return 0;
  seen.add(name);
  if (constant.kind === "data") return typeByteLength(constant.type);
  return constant.operands.reduce((sum, operand) => sum + (operand === null ? 0 : reachableBytes(module, operand, seen)), 0);
}

/** Flat positions of the stored values in the core, or null where the index is not data at hand. */
function storedPositions(module: Module, { sparsity, coreShape }: NormalForm): Int32Array | null {
  const index = sparsity ? module.constants.get(sparsity.index) : undefined;
  const bytes = index ? dataBytes(module, index.name) : null;
  const shape = staticShape(index?.type.shape ?? []);
  if (!sparsity || !index || !bytes || !shape) return null;
  return positionsOf(decodeTensor(index.type.dtype, shape, bytes).data as Uint8Array, { ...sparsity, shape: coreShape });
}

function layoutOf({ coreShape }: NormalForm, positions: Int32Array): FormLayout {
  const elements = countOf(coreShape);
  const rows = coreShape[0] ?? 1;
  const last = coreShape[coreShape.length - 1] ?? 1;
  const blocksPerLine = Math.ceil(last / 4);
  const perRow = new Uint32Array(rows);
  const live = new Uint8Array((elements / last) * blocksPerLine);
  for (const position of positions) {
    const row = Math.floor(position / (elements / rows));
    perRow[row] = (perRow[row] as number) + 1;
    live[Math.floor(position / last) * blocksPerLine + Math.floor((position % last) / 4)] = 1;
  }
  return {
    emptyRows: perRow.reduce((n, count) => n + (count === 0 ? 1 : 0), 0),
    fullestRow: perRow.reduce((most, count) => Math.max(most, count), 0),
    liveBlocks: live.reduce((n, flag) => n + flag, 0),
    blocks: live.length,
  };
}
