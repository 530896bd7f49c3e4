/**
 * @file `DeformConv` (Dai et al., 2017; with masks Zhu et al., 2018): every tap of the kernel reads x at its own offset, bilinear between pixels, zero outside. Four gathers of whole pixels (channels last) make the columns, one
 * product by the weight for each group does the rest.
 */
import { type Dim, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { inSingle } from "./half-precision.ts";
import { type Window, window } from "./window.ts";

interface Sizes {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly out: number;
  readonly groups: number;
  readonly offsetGroups: number;
  /** Of the kernel, and its taps. */
  readonly kernel: readonly number[];
  readonly taps: number;
  /** Of the result, and its pixels. */
  readonly rows: number;
  readonly columns: number;
  readonly pixels: number;
}

function sizesOf(node: NodeContext): Sizes {
  if (node.rank(0) !== 4) node.fail("E0605", "a deformable convolution over other than two spatial axes is not supported");
  const fixed = (index: number) => node.type(index).shape.map((dim: Dim) => node.staticDim(dim, `the size of input ${index}`));
  const [[batch = 1, channels = 1, height = 1, width = 1], [out = 1, , ...kernel], [, , rows = 1, columns = 1]] = [
    fixed(0),
    fixed(1),
    fixed(2),
  ];
  const [groups, offsetGroups] = [node.attributes.int("group", 1), node.attributes.int("offset_group", 1)];
  const taps = kernel.reduce((n, size) => n * size, 1);
  return { batch, channels, height, width, out, groups, offsetGroups, kernel, taps, rows, columns, pixels: rows * columns };
}

const literal = (node: NodeContext, shape: readonly number[], values: readonly number[]): Value =>
  node.literal(tensorType("f32", shape), encodeNumbers("f32", shape, values));

/** Where each tap lies along an axis without its offset: [taps, pixels]. */
function places(node: NodeContext, s: Sizes, shape: Window, axis: 0 | 1): Value {
  const [, kernelWidth = 1] = s.kernel;
  const values = Array.from({ length: s.taps * s.pixels }, (_, i) => {
    const [tap, pixel] = [Math.floor(i / s.pixels), i % s.pixels];
    const k = axis === 0 ? Math.floor(tap / kernelWidth) : tap % kernelWidth;
    const p = axis === 0 ? Math.floor(pixel / s.columns) : pixel % s.columns;
    return p * (shape.stride[axis] ?? 1) - (shape.pad[axis] ?? 0) + k * (shape.dilation[axis] ?? 1);
  });
  return literal(node, [1, 1, s.taps, s.pixels], values);
}

interface Tap {
  /** Pixel along the axis, inside it, as f32. */
  readonly at: Value;
  /** 0 outside. */
  readonly weight: Value;
}

/** The pixels before and after the position, and their weights. */
function neighbours(node: NodeContext, position: Value, length: number): readonly Tap[] {
  const do_ = (op: string, a: Value, b: Value | number) => node.emit(`math.${op}`, [a, typeof b === "number" ? node.scalar(b, "f32") : b]);
  const first = node.emit("math.floor", [position]);
  const right = do_("sub", position, first);
  const left = node.emit("math.sub", [node.scalar(1, "f32"), right]);
  return [left, right].map((share, i) => {
    const at = i === 0 ? first : do_("add", first, 1);
    const inside = do_("min", do_("max", at, 0), length - 1);
    const away = do_("min", node.emit("math.abs", [do_("sub", at, inside)]), 1);
    return { at: inside, weight: do_("mul", share, node.emit("math.sub", [node.scalar(1, "f32"), away])) };
  });
}

/** x at the taps of one offset group: [batch, taps, pixels, channels of the group]. */
function sampled(node: NodeContext, s: Sizes, x: Value, ys: readonly Tap[], xs: readonly Tap[], mask: Value | null): Value {
  const each = s.channels / s.offsetGroups;
  const { batch, offsetGroups: groups, taps, pixels } = s;
  const starts = Array.from({ length: batch * groups }, (_, i) => i * s.height * s.width);
  const start = node.literal(tensorType("i64", [batch, groups, 1, 1]), encodeNumbers("i64", [batch, groups, 1, 1], starts));
  const whole = (value: Value) => node.emit("type.cast", [value], { to: "i64" });
  const parts = ys.flatMap((v) =>
    xs.map((h) => {
      const row = node.emit("math.mul", [whole(v.at), node.scalar(s.width, "i64")]);
      const index = node.emit("math.add", [node.emit("math.add", [row, whole(h.at)]), start]);
      const values = node.emit("shape.gather", [x, index], { axis: 0 });
      const bare = node.emit("math.mul", [v.weight, h.weight]);
      const weight = mask ? node.emit("math.mul", [bare, mask]) : bare;
      return node.emit("math.mul", [values, node.reshape(weight, [batch, groups, taps, pixels, 1])]);
    }),
  );
  const sum = parts.reduce((total, part) => node.emit("math.add", [total, part]));
  return node.reshape(sum, [batch, groups, taps, pixels, each]);
}

function deformConv(node: NodeContext): Value {
  const s = sizesOf(node);
  const shape = window(node, s.kernel);
  const { batch, offsetGroups, groups, taps, pixels, channels } = s;
  const offsets = node.reshape(node.input(2), [batch, offsetGroups, taps, 2, pixels]);
  const along = (axis: 0 | 1) => {
    const own = node.emit("shape.slice", [offsets], { axes: [3], starts: [axis], ends: [axis + 1] });
    const position = node.emit("math.add", [node.reshape(own, [batch, offsetGroups, taps, pixels]), places(node, s, shape, axis)]);
    return neighbours(node, position, axis === 0 ? s.height : s.width);
  };
  const mask = node.has(4) ? node.reshape(node.input(4), [batch, offsetGroups, taps, pixels]) : null;
  const split = node.reshape(node.input(0), [batch, offsetGroups, channels / offsetGroups, s.height * s.width]);
  const last = node.emit("shape.transpose", [split], { perm: [0, 1, 3, 2] });
  const x = node.reshape(last, [batch * offsetGroups * s.height * s.width, channels / offsetGroups]);
  const columns = sampled(node, s, x, along(0), along(1), mask);
  // [batch, offset group, taps, pixels, channel] as [batch, group, channel and tap, pixels].
  const turned = node.emit("shape.transpose", [columns], { perm: [0, 1, 4, 2, 3] });
  const right = node.reshape(turned, [batch, groups, (channels / groups) * taps, pixels]);
  const weight = node.reshape(node.input(1), [1, groups, s.out / groups, (channels / groups) * taps]);
  const y = node.reshape(node.emit("nn.matmul", [weight, right]), [batch, s.out, s.rows, s.columns]);
  return node.has(3) ? node.emit("math.add", [y, node.reshape(node.input(3), [1, s.out, 1, 1])]) : y;
}

export const deformConvOps: OpTable = { DeformConv: inSingle(deformConv) };
