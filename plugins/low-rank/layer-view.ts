/** @file What the factorings see of a layer: its matrix, and the geometry of its window. */
import { type Layer, layerMatrix, type PassContext } from "../../compiler/index.ts";
import type { Module, Op, OpRegistry } from "../../ir-spec/index.ts";
import { type Matrix, matrix } from "./linear-algebra/matrix.ts";

export interface LayerView {
  /** The weight's constant. */
  readonly name: string;
  /** Every op with this weight; they share one factoring. */
  readonly layers: readonly [Layer, ...Layer[]];
  /** W: `[outputs, channels * kernel]`. */
  readonly matrix: Matrix;
  readonly outputs: number;
  readonly channels: number;
  /** Per spatial axis; empty for fully connected layers. */
  readonly kernel: readonly number[];
  /** Per spatial axis, of the first op. */
  readonly strides: readonly number[];
}

export function viewOf(module: Module, ctx: PassContext, layers: readonly [Layer, ...Layer[]]): LayerView {
  const [first] = layers;
  const taps = first.kernel.reduce((product, size) => product * size, 1);
  return {
    name: first.weight,
    layers,
    matrix: matrix(first.outputs, first.inputs, layerMatrix(module, ctx.registry, first)),
    outputs: first.outputs,
    channels: first.inputs / taps,
    kernel: first.kernel,
    strides: windowOf(first.op, ctx.registry, first.kernel.length).stride,
  };
}

/** Window attributes of a convolution, written out per axis. */
export interface Window {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

export function windowOf(op: Op, registry: OpRegistry, axes: number): Window {
  const attrs = registry.attrs(registry.require(op.name), op.attrs);
  const list = (name: string): readonly number[] => ((attrs[name] ?? []) as readonly unknown[]).map(Number);
  const [stride, dilation, pad] = [list("stride"), list("dilation"), list("pad")];
  const axisList = (at: (axis: number) => number) => Array.from({ length: axes }, (_, axis) => at(axis));
  return {
    stride: axisList((axis) => stride[axis] ?? 1),
    dilation: axisList((axis) => dilation[axis] ?? 1),
    begin: axisList((axis) => pad[axis] ?? 0),
    end: axisList((axis) => pad[axes + axis] ?? 0),
  };
}
