/**
 * @file `Resize` and `Upsample`, axis by axis: every position of the result is a weighted sum of a few positions of the source, so an axis is a gather for each tap, times constant weights, added up. A nearest enlargement by a whole
 * number repeats elements, also where sizes are symbols. Positions and weights are those of ONNX's reference (`reference/ops/op_resize.py` in the specification's repository defines what the modes mean).
 */
import { type Dim, type DType, dimMul, isFloat, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { constantElements, type Value } from "../value.ts";

const modes = ["nearest", "linear", "cubic"] as const;
const coordinates = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_crop_and_resize",
  "tf_half_pixel_for_nn",
] as const;
const roundings = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

interface Settings {
  readonly mode: (typeof modes)[number];
  readonly coordinate: (typeof coordinates)[number];
  readonly rounding: (typeof roundings)[number];
  readonly cubicA: number;
  readonly antialias: boolean;
  readonly excludeOutside: boolean;
  readonly extrapolation: number;
}

interface Axis {
  readonly axis: number;
  readonly scale: number;
  /** Size of the result; null where the source's is a symbol. */
  readonly size: number | null;
  /** Part of the source that is read, from 0 to 1. */
  readonly region: readonly [start: number, end: number];
}

/** Positions of the source and their weights for one position of the result; null where the region leaves the source. */
type Taps = { readonly first: number; readonly weights: readonly number[] } | null;

function settingsOf(node: NodeContext): Settings {
  const { attributes } = node;
  // Before opset 11 the only coordinates are these.
  const old = node.opset < 11;
  return {
    mode: attributes.choice("mode", modes, "nearest"),
    coordinate: old ? "asymmetric" : attributes.choice("coordinate_transformation_mode", coordinates, "half_pixel"),
    rounding: old ? "floor" : attributes.choice("nearest_mode", roundings, "round_prefer_floor"),
    cubicA: attributes.float("cubic_coeff_a", -0.75),
    antialias: attributes.flag("antialias", false),
    excludeOutside: attributes.flag("exclude_outside", false),
    extrapolation: attributes.float("extrapolation_value", 0),
  };
}

/** Numbers of a constant input; null where it is absent or empty. */
function numbers(node: NodeContext, index: number, what: string): readonly number[] | null {
  if (!node.has(index)) return null;
  const value = node.input(index);
  if (value.type.shape[0] === 0) return null;
  const elements = constantElements(value) ?? node.evaluated(value)?.data;
  if (!elements) node.fail("E0608", `${what} are not known at compile time`, "fix them, or export the model with constant scales");
  return Array.from(elements as ArrayLike<number | bigint>, Number);
}

function axesOf(node: NodeContext, rank: number): readonly number[] {
  const given = node.attributes.ints("axes");
  return given ? given.map((axis) => node.axis(axis, rank)) : Array.from({ length: rank }, (_, i) => i);
}

function requested(node: NodeContext): readonly Axis[] {
  const { shape } = node.type(0);
  const axes = axesOf(node, shape.length);
  const [roiAt, scalesAt, sizesAt] = node.opset < 11 ? [-1, 1, -1] : [1, 2, 3];
  const attribute = node.opType === "Upsample" && node.opset < 9 ? node.attributes.floats("scales") : null;
  const scales = attribute ?? numbers(node, scalesAt, "the scales");
  const sizes = sizesAt < 0 || !node.has(sizesAt) ? null : node.staticIntegers(sizesAt, "the sizes");
  const roi = roiAt < 0 || !usesRegion(node) ? null : numbers(node, roiAt, "the region");
  const policy = node.attributes.choice("keep_aspect_ratio_policy", ["stretch", "not_larger", "not_smaller"], "stretch");
  const count = (sizes && sizes.length > 0 ? sizes : scales)?.length;
  if (count !== axes.length) node.fail("E0606", `${count ?? 0} scales or sizes for ${axes.length} axes`);
  const region = (i: number): readonly [number, number] => [roi?.[i] ?? 0, roi?.[i + axes.length] ?? 1];
  if (!sizes || sizes.length === 0)
    return axes.map((axis, i) => {
      const scale = scales?.[i] ?? 1;
      const source = shape[axis] as Dim;
      const [start, end] = region(i);
      const extent = roi ? end - start : 1;
      return { axis, scale, size: typeof source === "number" ? Math.floor(source * extent * scale) : null, region: region(i) };
    });
  // Where a batch of 1 is being made dynamic, the size 1 that is asked of it means: as it is.
  const kept = axes[0] === 0 && node.keepBatch(sizes)[0] === 0;
  const sources = axes.map((axis, i) => (kept && i === 0 ? 1 : node.staticDim(shape[axis] as Dim, `axis ${axis} of what is resized`)));
  const ratios = sources.map((source, i) => (sizes[i] ?? 1) / source);
  const common = policy === "not_larger" ? Math.min(...ratios) : policy === "not_smaller" ? Math.max(...ratios) : null;
  return axes.map((axis, i) => {
    const source = sources[i] as number;
    const size = common === null ? (sizes[i] as number) : Math.floor(common * source + 0.5);
    return { axis, scale: common ?? (ratios[i] as number), size, region: region(i) };
  });
}

function usesRegion(node: NodeContext): boolean {
  return (
    node.attributes.has("coordinate_transformation_mode") &&
    node.attributes.string("coordinate_transformation_mode", "") === "tf_crop_and_resize"
  );
}

const f32 = Math.fround;

/** Where position x of the result lies in the source. In f32, as engines compute it: a position that is a whole number there must be one here, or nearest takes the neighbour. */
function original(x: number, source: number, size: number, { scale, region: [start, end] }: Axis, { coordinate }: Settings): number {
  const halfPixel = () => f32(f32(f32(x + 0.5) / f32(scale)) - 0.5);
  switch (coordinate) {
    case "align_corners":
      return size === 1 ? 0 : f32(f32(x * (source - 1)) / f32(size - 1));
    case "asymmetric":
      return f32(x / f32(scale));
    case "tf_crop_and_resize": {
      const extent = f32(f32(end - start) * (source - 1));
      return f32(f32(start * (source - 1)) + (size === 1 ? extent / 2 : f32(f32(x * extent) / (size - 1))));
    }
    case "pytorch_half_pixel":
      return size === 1 ? -0.5 : halfPixel();
    case "half_pixel_symmetric":
      return f32(f32((source / 2) * f32(1 - f32(size / f32(scale * source)))) + halfPixel());
    case "tf_half_pixel_for_nn":
      return f32(f32(x + 0.5) / f32(scale));
    default:
      return halfPixel();
  }
}

/** Weights from tap `first` on, relative to the position left of x; `ratio`, in (0, 1], is how far right of it x lies. */
function weightsAt(
  ratio: number,
  scale: number,
  { mode, rounding, cubicA: a, antialias }: Settings,
): { readonly first: number; readonly weights: readonly number[] } {
  const narrow = antialias ? Math.min(scale, 1) : 1;
  if (mode === "nearest") {
    const right =
      ratio === 1 ||
      rounding === "ceil" ||
      (rounding === "round_prefer_floor" ? ratio > 0.5 : rounding === "round_prefer_ceil" && ratio >= 0.5);
    return { first: right ? 1 : 0, weights: [1] };
  }
  const support = mode === "linear" ? 1 : 2;
  const first = Math.floor(-support / narrow) + 1;
  const kernel = mode === "linear" ? (d: number) => Math.max(0, 1 - d) : (d: number) => cubic(d, a);
  const raw = Array.from({ length: 2 - 2 * first }, (_, i) => kernel(Math.abs((first + i - ratio) * narrow)));
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return { first, weights: antialias ? raw.map((weight) => weight / sum) : raw };
}

/** Keys' kernel (1981). */
function cubic(d: number, a: number): number {
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

function tapsAt(x: number, source: number, size: number, axis: Axis, settings: Settings): Taps {
  const at = original(x, source, size, axis, settings);
  if (settings.coordinate === "tf_crop_and_resize" && (at < 0 || at > source - 1)) return null;
  const left = Number.isInteger(at) ? at - 1 : Math.floor(at);
  const { first, weights } = weightsAt(at - left, axis.scale, settings);
  if (!settings.excludeOutside) return { first: left + first, weights };
  const inside = weights.map((weight, i) => (left + first + i >= 0 && left + first + i < source ? weight : 0));
  const sum = inside.reduce((total, weight) => total + weight, 0);
  return { first: left + first, weights: inside.map((weight) => weight / sum) };
}

/** Every element `times` times, one after the other. */
function repeated(node: NodeContext, x: Value, axis: number, times: number): Value {
  const { shape } = x.type;
  const spread = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)];
  const target = spread.map((dim, i) => (i === axis + 1 ? times : dim));
  const many = node.emit("shape.broadcast", [node.reshape(x, spread)], { shape: target });
  return node.reshape(
    many,
    shape.map((dim, i) => (i === axis ? dimMul(dim, times) : dim)),
  );
}

/** Nearest by a whole number is repetition in these coordinates, whatever the size. */
function repeats({ scale }: Axis, { mode, coordinate, rounding }: Settings): boolean {
  if (mode !== "nearest" || !Number.isInteger(scale) || scale < 1) return false;
  return (
    (coordinate === "asymmetric" && rounding === "floor") ||
    (/^(pytorch_)?half_pixel$/.test(coordinate) && rounding === "round_prefer_floor")
  );
}

function alongAxis(node: NodeContext, x: Value, axis: Axis, settings: Settings): Value {
  const source = x.type.shape[axis.axis] as Dim;
  if (axis.scale === 1 && (repeats(axis, settings) || typeof source !== "number")) return x;
  if (repeats(axis, settings)) return axis.scale === 1 ? x : repeated(node, x, axis.axis, axis.scale);
  const from = node.staticDim(source, `axis ${axis.axis} of what is resized by ${axis.scale}`);
  const size = axis.size ?? 0;
  if (axis.scale === 1 && size === from && settings.coordinate !== "tf_crop_and_resize") return x;
  const taps = Array.from({ length: size }, (_, i) => tapsAt(i, from, size, axis, settings));
  const count = Math.max(0, ...taps.map((tap) => tap?.weights.length ?? 0));
  const value = count > 8 ? product(node, x, axis.axis, from, taps) : gathered(node, x, axis.axis, from, taps, count);
  return outside(node, value, axis.axis, taps, settings.extrapolation);
}

const clamped = (position: number, size: number): number => Math.min(size - 1, Math.max(0, position));

/** One gather a tap. */
function gathered(node: NodeContext, x: Value, axis: number, source: number, taps: readonly Taps[], count: number): Value {
  let sum: Value | null = null;
  for (let k = 0; k < count; k++) {
    const indices = taps.map((tap) => clamped((tap?.first ?? 0) + k, source));
    const weights = taps.map((tap) => tap?.weights[k] ?? 0);
    if (weights.every((weight) => weight === 0)) continue;
    const part = node.emit(
      "shape.gather",
      [x, node.literal(tensorType("i64", [taps.length]), encodeNumbers("i64", [taps.length], indices))],
      { axis },
    );
    const weighted = weights.every((weight) => weight === 1)
      ? part
      : node.emit("math.mul", [part, alongOnly(node, x, axis, weights, x.type.dtype)]);
    sum = sum ? node.emit("math.add", [sum, weighted]) : weighted;
  }
  return sum ?? node.emit("shape.slice", [x], { axes: [axis], starts: [0], ends: [0] });
}

/** Many taps, as when a large picture shrinks: one product by the constant matrix of all weights. */
function product(node: NodeContext, x: Value, axis: number, source: number, taps: readonly Taps[]): Value {
  const matrix = new Array<number>(source * taps.length).fill(0);
  taps.forEach((tap, to) => {
    tap?.weights.forEach((weight, i) => {
      const at = clamped(tap.first + i, source) * taps.length + to;
      matrix[at] = (matrix[at] as number) + weight;
    });
  });
  const { dtype, shape } = x.type;
  const last = shape.length - 1;
  const perm = shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  const turned = axis === last ? x : node.emit("shape.transpose", [x], { perm });
  const weights = node.literal(tensorType(dtype, [source, taps.length]), encodeNumbers(dtype, [source, taps.length], matrix));
  const y = node.emit("nn.matmul", [turned, weights]);
  return axis === last ? y : node.emit("shape.transpose", [y], { perm });
}

/** A vector along one axis, of size 1 along the others. */
function alongOnly(node: NodeContext, x: Value, axis: number, values: readonly number[], dtype: DType): Value {
  const shape = x.type.shape.map((_, i) => (i === axis ? values.length : 1));
  return node.literal(tensorType(dtype, shape), encodeNumbers(dtype, shape, values));
}

function outside(node: NodeContext, value: Value, axis: number, taps: readonly Taps[], extrapolation: number): Value {
  if (taps.every((tap) => tap !== null)) return value;
  const inside = alongOnly(
    node,
    value,
    axis,
    taps.map((tap) => (tap ? 1 : 0)),
    "bool",
  );
  return node.emit("math.where", [inside, value, node.scalar(extrapolation, value.type.dtype)]);
}

function resize(node: NodeContext): Value {
  const settings = settingsOf(node);
  const axes = requested(node);
  const { dtype } = node.type(0);
  // Sums of integers and of half precision go through f32, so that they are rounded once.
  const wide = settings.mode === "nearest" || (isFloat(dtype) && dtype !== "f16" && dtype !== "bf16") ? dtype : "f32";
  const start = wide === dtype ? node.input(0) : node.emit("type.cast", [node.input(0)], { to: wide });
  const result = axes.reduce((x, axis) => alongAxis(node, x, axis, settings), start);
  return wide === dtype ? result : node.emit("type.cast", [result], { to: dtype });
}

export const resizeOps: OpTable = { Resize: resize, Upsample: resize };
