/** @file Operators that repeat, cut and lay out tensors anew. */
import { countOf, type Dim, dimMul } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { integerList } from "./iota.ts";

/** How often each axis is repeated; up to opset 5 one axis, by scalars. */
function repeatsOf(node: NodeContext): readonly Dim[] {
  const rank = node.rank(0);
  if (node.opset >= 6) return node.integers(1, "the list of repeats");
  const [times, axis] = [node.number(1, "the number of tiles"), node.number(2, "the axis")];
  return Array.from({ length: rank }, (_, i) => (i === axis ? times : 1));
}

/** Every repeated axis becomes two, the first of which is broadcast. */
function tile(node: NodeContext): Value {
  const x = node.input(0);
  const { shape } = x.type;
  const repeats = repeatsOf(node);
  if (repeats.length !== shape.length) node.fail("E0606", `${repeats.length} repeats are given for ${shape.length} axes`);
  if (repeats.every((times) => times === 1)) return x;
  const pairs = shape.map((size, i) => [repeats[i] as Dim, size] as const);
  // An axis of size 1 needs no second one.
  const split = pairs.flatMap(([times, size]) => (times === 1 ? [size] : size === 1 ? [1] : [1, size]));
  const wide = pairs.flatMap(([times, size]) => (times === 1 ? [size] : size === 1 ? [times] : [times, size]));
  const whole = pairs.map(([times, size]) => dimMul(times, size));
  const apart = split.length === shape.length ? x : node.reshape(x, split);
  const repeated = node.emit("shape.broadcast", [apart], { shape: wide });
  return split.length === shape.length ? repeated : node.reshape(repeated, whole);
}

/** Cuts or pads the middle of some axes to the sizes that the second input gives. */
function centerCropPad(node: NodeContext): Value {
  const x = node.input(0);
  const rank = x.type.shape.length;
  const wanted = node.staticIntegers(1, "the shape");
  const axes = (node.attributes.ints("axes") ?? wanted.map((_, i) => i)).map((axis) => node.axis(axis, rank));
  if (axes.length !== wanted.length) node.fail("E0606", `${wanted.length} sizes are given for ${axes.length} axes`);
  const before = new Array<number>(rank).fill(0);
  const after = [...before];
  const cuts: { readonly axis: number; readonly start: number; readonly end: number }[] = [];
  axes.forEach((axis, i) => {
    const [from, to] = [node.staticDim(x.type.shape[axis] as Dim, "a size of the input"), wanted[i] as number];
    const half = Math.floor(Math.abs(from - to) / 2);
    if (from > to) cuts.push({ axis, start: half, end: half + to });
    before[axis] = from < to ? half : 0;
    after[axis] = from < to ? to - from - half : 0;
  });
  const starts = { starts: cuts.map((c) => c.start), ends: cuts.map((c) => c.end), axes: cuts.map((c) => c.axis) };
  const cut = cuts.length === 0 ? x : node.emit("shape.slice", [x], starts);
  return [...before, ...after].every((p) => p === 0) ? cut : node.emit("shape.pad", [cut], { before, after });
}

/** One spatial axis of Col2Im. */
interface Folded {
  readonly size: number;
  readonly block: number;
  readonly dilation: number;
  readonly stride: number;
  readonly before: number;
  readonly padded: number;
  /** Positions of the block. */
  readonly count: number;
}

function foldedAxes(node: NodeContext): readonly Folded[] {
  const [image, block] = [node.staticIntegers(1, "the image's shape"), node.staticIntegers(2, "the block's shape")];
  const list = (name: string, fallback: number, length = image.length) =>
    node.attributes.ints(name) ?? new Array<number>(length).fill(fallback);
  const [dilations, strides, pads] = [list("dilations", 1), list("strides", 1), list("pads", 0, 2 * image.length)];
  return image.map((size, i) => {
    const [kernel, dilation, stride, before] = [block[i] ?? 1, dilations[i] ?? 1, strides[i] ?? 1, pads[i] ?? 0];
    const padded = size + before + (pads[image.length + i] ?? 0);
    const count = Math.floor((padded - dilation * (kernel - 1) - 1) / stride) + 1;
    if (count < 1) node.fail("E0606", `a block of ${kernel} does not fit an axis of ${padded}`);
    return { size, block: kernel, dilation, stride, before, padded, count };
  });
}

/** For each element of the block and each of its positions, both row-major, the pixel of the padded image. */
function pixelsOf(axes: readonly Folded[]): readonly number[] {
  let pixels: readonly (readonly [tap: number, position: number, pixel: number])[] = [[0, 0, 0]];
  for (const { block, dilation, stride, padded, count } of axes) {
    pixels = pixels.flatMap(([tap, position, pixel]) =>
      Array.from({ length: block * count }, (_, i) => {
        const [k, p] = [Math.floor(i / count), i % count];
        return [tap * block + k, position * count + p, pixel * padded + p * stride + k * dilation] as const;
      }),
    );
  }
  const positions = axes.reduce((n, axis) => n * axis.count, 1);
  const flat = new Array<number>(pixels.length);
  for (const [tap, position, pixel] of pixels) flat[tap * positions + position] = pixel;
  return flat;
}

/** Columns of blocks added up into an image: a scatter to places that are known. */
function col2Im(node: NodeContext): Value {
  const x = node.input(0);
  const axes = foldedAxes(node);
  const [batch = 1, rows] = x.type.shape;
  const taps = axes.reduce((n, axis) => n * axis.block, 1);
  const channels = node.staticDim(rows ?? 0, "the number of rows") / taps;
  if (!Number.isInteger(channels) || x.type.shape.length !== 3)
    node.fail("E0606", `the input must be [batch, channels x ${taps}, positions]`);
  const pixels = pixelsOf(axes);
  const places = integerList(node, pixels);
  const padded = axes.map((axis) => axis.padded);
  const columns = node.reshape(x, [batch, channels, pixels.length]);
  const sums = node.emit("shape.scatter_add", [places, columns], { size: countOf(padded), axis: 2 });
  const image = node.reshape(sums, [batch, channels, ...padded]);
  if (axes.every(({ size, padded: all }) => size === all)) return image;
  const starts = axes.map((axis) => axis.before);
  return node.emit("shape.slice", [image], { starts, ends: axes.map((a) => a.before + a.size), axes: axes.map((_, i) => 2 + i) });
}

export const layoutOps: OpTable = { Tile: tile, CenterCropPad: centerCropPad, Col2Im: col2Im };
