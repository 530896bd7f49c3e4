/**
 * @file The binarization and the contexts of the context coder, in DeepCABAC's manner (Wiedemann et al., "DeepCABAC", 2019): is the code zero, its sign, the octave of its magnitude, the bits below. Contexts are the signs of
 * the code before, of the one above (the same place in the filter before) and of the one a channel to the left, and the average magnitudes along the row and down the column so far. Written once for both
 * directions: an encoder reads `values`, a decoder fills them.
 */
import { ContextModel, type ProbabilityCoder } from "./context-model.ts";
import { mantissaNode, treeDepth, treeNode } from "./magnitude-prior.ts";
import { Predictor } from "./predictor.ts";

export interface CodeGrid {
  /** Bits of a code: 1, 2, 4, 8. */
  readonly width: number;
  /** Codes of a filter: what lies one filter up is so many codes back. */
  readonly row: number;
  /** Codes of a channel within a filter. */
  readonly channel: number;
  /** 0 for none, else the number of a predictor. */
  readonly predictor: number;
}

/** From a tensor's shape: filters along axis 0, channels along axis 1. */
export function gridOf(width: number, shape: readonly number[], predictor: number): CodeGrid {
  const count = shape.reduce((n, d) => n * d, 1);
  const row = shape.length < 2 ? count : count / (shape[0] as number);
  return { width, row, channel: shape.length < 3 ? 1 : row / (shape[1] as number), predictor };
}

/** Codes `values`, in -2^(width - 1) .. 2^(width - 1) - 1 (0 and 1 for one bit), in place. */
export function codeValues(coder: ProbabilityCoder, values: Int8Array, grid: CodeGrid): void {
  const model = new ContextModel(grid.width);
  const walk = new Walk(values, grid);
  const predictor = grid.predictor > 0 ? new Predictor(grid.predictor, values, grid.row, grid.width) : null;
  for (let i = 0; i < values.length; i++) {
    walk.enter(model, i);
    const predicted = predictor ? predictor.predict(i) : 0;
    const residual = codeValue(coder, model, wrapped((values[i] as number) - predicted, grid.width), grid.width);
    const value = wrapped(residual + predicted, grid.width);
    values[i] = value;
    predictor?.learn(value);
    walk.leave(i, residual);
  }
}

/** Into the range of a code. */
function wrapped(value: number, width: number): number {
  return width === 1 ? value & 1 : (value << (32 - width)) >> (32 - width);
}

/** The neighbours and averages that make a code's contexts. */
export class Walk {
  private readonly values: Int8Array;
  private readonly grid: CodeGrid;
  /** Average magnitudes by place in the filter, in 1/256; empty for a single filter. */
  private readonly columns: Uint16Array;
  private rowAverage = 0;
  private seen = 0;
  private all = 0;
  private filter = 0;
  private place = 0;

  constructor(values: Int8Array, grid: CodeGrid) {
    this.values = values;
    this.grid = grid;
    this.columns = new Uint16Array(grid.row < values.length ? grid.row : 0);
  }

  enter(model: ContextModel, i: number): void {
    const { row, channel } = this.grid;
    const pattern = (this.sign(i - 1) + 1) * 9 + (this.sign(i - row) + 1) * 3 + this.sign(i - channel) + 1;
    const column = this.filter > 0 ? (this.columns[this.place] as number) / 256 : this.all;
    model.at(pattern, this.rowAverage, column);
  }

  /** @param coded the value, or what a predictor left of it */
  leave(i: number, coded: number): void {
    const magnitude = coded < 0 ? -coded : coded;
    this.all += (magnitude - this.all) / (i < 100 ? i + 1 : 100);
    if (this.columns.length > 0) {
      const column = this.columns[this.place] as number;
      const weight = this.filter < 24 ? this.filter + 1 : 24;
      this.columns[this.place] = column + Math.trunc((magnitude * 256 - column) / weight);
    }
    if (++this.place === this.grid.row) {
      this.place = 0;
      this.filter++;
      this.seen = 3;
    }
    if (this.seen < 40) this.seen++;
    this.rowAverage += (magnitude - this.rowAverage) / this.seen;
  }

  private sign(i: number): number {
    const value = i < 0 ? 0 : (this.values[i] as number);
    return value > 0 ? 1 : value < 0 ? -1 : 0;
  }
}

/** @returns the value, which a decoder finds out */
export function codeValue(coder: ProbabilityCoder, model: ContextModel, value: number, width: number): number {
  if (model.mixed(coder, 0, value === 0 ? 0 : 1) === 0) return 0;
  if (width === 1) return 1;
  const negative = model.plain(coder, 1, value < 0 ? 1 : 0);
  const magnitude = value < 0 ? -value : value;
  const octave = codeOctave(coder, model, magnitude === 0 ? 0 : 31 - Math.clz32(magnitude), width);
  let leading = 1;
  if (octave < width - 1) {
    for (let k = octave - 1; k >= 0; k--) {
      const node = mantissaNode(octave, leading);
      const bit = (magnitude >>> k) & 1;
      leading = (leading << 1) | (leading === 1 ? model.mixed(coder, node, bit) : model.plain(coder, node, bit));
    }
  } else leading = 1 << octave;
  return wrapped(negative === 1 ? -leading : leading, width);
}

function codeOctave(coder: ProbabilityCoder, model: ContextModel, octave: number, width: number): number {
  let path = 1;
  for (let level = treeDepth(width) - 1; level >= 0; level--) {
    path = (path << 1) | model.mixed(coder, treeNode + path - 1, (octave >>> level) & 1);
  }
  return path - (1 << treeDepth(width));
}
