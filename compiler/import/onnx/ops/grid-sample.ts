/**
 * @file `GridSample` and `AffineGrid`. Positions are computed in f32, one per point of the grid; every tap of the interpolation is a gather of whole pixels (channels last) by flat indices, times its weight. What lies outside is
 * zero, the border, or the picture reflected, as PyTorch's `grid_sample` has it.
 */
import { type Dim, dimProduct, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { inSingle } from "./half-precision.ts";

type Padding = "zeros" | "border" | "reflection";

/** Arithmetic of f32 values with numbers. */
class Arithmetic {
  private readonly node: NodeContext;

  constructor(node: NodeContext) {
    this.node = node;
  }

  private value(of: Value | number, like: Value): Value {
    return typeof of === "number" ? this.node.scalar(of, like.type.dtype) : of;
  }

  do(op: string, a: Value, b: Value | number): Value {
    return this.node.emit(`math.${op}`, [a, this.value(b, a)]);
  }

  from(number: number, op: string, b: Value): Value {
    return this.node.emit(`math.${op}`, [this.value(number, b), b]);
  }

  one(op: string, a: Value): Value {
    return this.node.emit(`math.${op}`, [a]);
  }
}

/** Positions folded back between both ends. */
function reflected(m: Arithmetic, x: Value, low: number, high: number): Value {
  const range = high - low;
  if (range === 0) return m.do("add", m.do("mul", x, 0), low);
  const far = m.do("fmod", m.one("abs", m.do("sub", x, low)), 2 * range);
  return m.do("add", m.do("min", far, m.from(2 * range, "sub", far)), low);
}

/** Position of -1 .. 1 in a row of `size` pixels. */
function placed(m: Arithmetic, grid: Value, size: number, corners: boolean): Value {
  const shifted = m.do("add", grid, 1);
  return corners ? m.do("mul", shifted, (size - 1) / 2) : m.do("div", m.do("sub", m.do("mul", shifted, size), 1), 2);
}

interface Tap {
  /** Pixel along the axis, inside it. */
  readonly index: Value;
  readonly weight: Value | null;
}

/** Whole positions, with weight 0 where padding is zeros and they are outside. */
function tap(m: Arithmetic, at: Value, weight: Value | null, size: number, padding: Padding, corners: boolean): Tap {
  const index = (value: Value) => m.do("min", m.do("max", value, 0), size - 1);
  if (padding === "border") return { index: index(at), weight };
  if (padding === "reflection") {
    const [low, high] = corners ? [0, size - 1] : [-0.5, size - 0.5];
    return { index: index(m.one("round", reflected(m, at, low, high))), weight };
  }
  const inside = index(at);
  const outside = m.do("min", m.one("abs", m.do("sub", at, inside)), 1);
  const kept = m.from(1, "sub", outside);
  return { index: inside, weight: weight ? m.do("mul", weight, kept) : kept };
}

/** Keys' kernel with a = -0.75 at the distances 1 + t, t, 1 - t, 2 - t. */
function cubicWeights(m: Arithmetic, t: Value): readonly Value[] {
  const a = -0.75;
  const near = (d: Value) => m.do("add", m.do("mul", m.do("mul", m.do("sub", m.do("mul", d, a + 2), a + 3), d), d), 1);
  const far = (d: Value) => m.do("sub", m.do("mul", m.do("add", m.do("mul", m.do("sub", m.do("mul", d, a), 5 * a), d), 8 * a), d), 4 * a);
  const back = m.from(1, "sub", t);
  return [far(m.do("add", t, 1)), near(t), near(back), far(m.do("add", back, 1))];
}

function taps(m: Arithmetic, grid: Value, size: number, mode: string, padding: Padding, corners: boolean): readonly Tap[] {
  const at = (first: Value, offset: number) => (offset === 0 ? first : m.do("add", first, offset));
  const make = (position: Value, weight: Value | null) => tap(m, position, weight, size, padding, corners);
  const bounded = (x: Value) => {
    // Each tap of the cubic kernel is kept inside by itself.
    if (padding === "border") return mode === "cubic" ? x : m.do("min", m.do("max", x, 0), size - 1);
    return padding === "reflection" ? reflected(m, x, corners ? 0 : -0.5, corners ? size - 1 : size - 0.5) : x;
  };
  const raw = placed(m, grid, size, corners);
  if (mode === "nearest") return [make(bounded(m.one("round", raw)), null)];
  const x = bounded(raw);
  const left = m.one("floor", x);
  const t = m.do("sub", x, left);
  if (mode === "cubic") return cubicWeights(m, t).map((weight, k) => make(at(left, k - 1), weight));
  return [make(left, m.from(1, "sub", t)), make(at(left, 1), t)];
}

function gridSample(node: NodeContext): Value {
  const { attributes } = node;
  const corners = attributes.flag("align_corners", false);
  const padding = attributes.choice("padding_mode", ["zeros", "border", "reflection"], "zeros");
  const named = attributes.choice("mode", ["bilinear", "linear", "nearest", "bicubic", "cubic"], "linear");
  const mode = named.replace(/^bi/, "");
  const [x, grid] = [node.input(0), node.input(1)];
  const [batch, channels, ...sizes] = x.type.shape.map((dim) => node.staticDim(dim, "the size of what is sampled"));
  const rank = sizes.length;
  const out = grid.type.shape.slice(1, -1);
  const points = [batch ?? 1, dimProduct(out), 1];
  const m = new Arithmetic(node);
  const axes = sizes.map((size, axis) => {
    const last = grid.type.shape.length - 1;
    const own = node.emit("shape.slice", [grid], { axes: [last], starts: [rank - 1 - axis], ends: [rank - axis] });
    return taps(m, node.reshape(own, points), size, mode, padding, corners);
  });
  const pixels = channelsLast(node, x, batch ?? 1, channels ?? 1, sizes);
  const parts = combinations(axes).map((chosen) => weighted(node, m, pixels, chosen, batch ?? 1, sizes));
  const sum = parts.reduce((total, part) => m.do("add", total, part));
  const shaped = node.reshape(sum, [batch ?? 1, ...out, channels ?? 1]);
  return node.emit("shape.transpose", [shaped], { perm: [0, rank + 1, ...out.map((_, i) => i + 1)] });
}

/** `[batch * pixels, channels]` */
function channelsLast(node: NodeContext, x: Value, batch: number, channels: number, sizes: readonly number[]): Value {
  const turned = node.emit("shape.transpose", [x], { perm: [0, ...sizes.map((_, i) => i + 2), 1] });
  return node.reshape(turned, [batch * sizes.reduce((n, d) => n * d, 1), channels]);
}

/** One tap of each axis, in every way. */
function combinations(axes: readonly (readonly Tap[])[]): readonly (readonly Tap[])[] {
  return axes.reduce<readonly (readonly Tap[])[]>((all, own) => all.flatMap((chosen) => own.map((next) => [...chosen, next])), [[]]);
}

function weighted(node: NodeContext, m: Arithmetic, pixels: Value, chosen: readonly Tap[], batch: number, sizes: readonly number[]): Value {
  let flat: Value | null = null;
  chosen.forEach(({ index }, axis) => {
    const whole = node.emit("type.cast", [index], { to: "i64" });
    flat = flat ? m.do("add", m.do("mul", flat, sizes[axis] as number), whole) : whole;
  });
  const each = sizes.reduce((n, d) => n * d, 1);
  const starts = Array.from({ length: batch }, (_, i) => i * each);
  const offset = node.literal(tensorType("i64", [batch, 1, 1]), encodeNumbers("i64", [batch, 1, 1], starts));
  const indices = m.do("add", flat as unknown as Value, offset);
  const [n, p] = indices.type.shape as readonly [Dim, Dim];
  const values = node.emit("shape.gather", [pixels, node.reshape(indices, [n, p])], { axis: 0 });
  const weights = chosen.flatMap(({ weight }) => weight ?? []);
  const [first, ...rest] = weights;
  return first
    ? m.do(
        "mul",
        values,
        rest.reduce((product, weight) => m.do("mul", product, weight), first),
      )
    : values;
}

/** Positions of every pixel under the affine map theta `[N, 2, 3]` or `[N, 3, 4]`. */
function affineGrid(node: NodeContext): Value {
  const size = node.staticIntegers(1, "the size of the grid");
  const corners = node.attributes.flag("align_corners", false);
  const [, , ...spatial] = size;
  const rank = spatial.length;
  const count = spatial.reduce((n, d) => n * d, 1);
  const along = (length: number, i: number) => (corners ? (length === 1 ? 0 : -1 + (2 * i) / (length - 1)) : -1 + (2 * i + 1) / length);
  const rows = Array.from({ length: count }, (_, at) => {
    let rest = at;
    const own = [...spatial].reverse().map((length) => {
      const i = rest % length;
      rest = Math.floor(rest / length);
      return along(length, i);
    });
    return [...own, 1];
  });
  const { dtype } = node.type(0);
  const base = node.literal(tensorType(dtype, [count, rank + 1]), encodeNumbers(dtype, [count, rank + 1], rows.flat()));
  const turned = node.emit("shape.transpose", [node.input(0)], { perm: [0, 2, 1] });
  return node.reshape(node.emit("nn.matmul", [base, turned]), [node.type(0).shape[0] as Dim, ...spatial, rank]);
}

export const gridSampleOps: OpTable = { GridSample: inSingle(gridSample), AffineGrid: affineGrid };
