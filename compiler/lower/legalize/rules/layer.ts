/** @file Convolutions and linear layers: `int.conv`, `int.linear`. Integer weight, i32 bias and the factor `s_x * s_w / s_y` as multiplier and shift per output channel. */
import { evaluateOp, type HostTensor, hostTensor, writeAttrs } from "../../../../ir-spec/index.ts";
import { type Answer, type Cluster, type Dequantized, outputAttrs, type Reader, type Rule, refuse } from "../cluster.ts";
import { fixedPoint } from "../fixed-point.ts";
import { type IntegerWeight, integerWeight } from "../integer-weight.ts";
import type { Recipe } from "../step.ts";

export const layerRule: Rule = {
  ops: ["nn.conv", "nn.linear"],
  apply(cluster): Answer {
    const { op, reader } = cluster;
    const [source, weight, bias = null] = op.operands;
    const x = reader.dequantized(source);
    if (!x) return refuse("its input is not dequantized bytes with one scale");
    if (typeof weight !== "string") return refuse("its weight is computed");
    const w = integerWeight(reader, weight);
    if ("refuse" in w) return w;
    if (w.scales.length > 1 && w.axis !== 0) return refuse(`the scales of @${weight} lie along axis ${w.axis}`);
    if (typeof bias === "number") return refuse("its bias is computed");
    const units = w.scales.map((scale) => x.scale * scale);
    const shape = reader.typeOf(weight).shape.map(Number);
    const sums = bias === null ? null : biasCodes(reader, bias, units);
    if (sums && "refuse" in sums) return sums;
    const codes = recipeValue(reader, w.codes);
    const problem = overflow(codes, shape, x, sums?.values ?? null);
    if (problem) return refuse(problem);
    const factors = scalesOf(units, cluster, weight);
    if ("refuse" in factors) return factors;
    const { activation, ...geometry } = cluster.attrs;
    const attrs = { ...geometry, x_zero: x.zero, ...outputAttrs(activated(cluster, activation)) };
    return [
      { op: intOps[op.name] as string, operands: [x.codes, w.codes, sums?.recipe ?? null, factors.multiplier, factors.shift], attrs },
    ];
  },
};

const intOps: Readonly<Record<string, string>> = { "nn.conv": "int.conv", "nn.linear": "int.linear" };

/** The layer's own activation as bounds, inside those that follow it. */
function activated(cluster: Cluster, activation: unknown): Cluster {
  if (activation === "none") return cluster;
  const { low, high } = cluster.bounds;
  const clip = (value: number) => Math.min(high, Math.max(low, value));
  return { ...cluster, bounds: { low: clip(0), high: clip(activation === "relu6" ? 6 : Number.POSITIVE_INFINITY) } };
}

function scalesOf(
  units: readonly number[],
  { out }: Cluster,
  weight: string,
): { readonly multiplier: Recipe; readonly shift: Recipe } | { readonly refuse: string } {
  const factors = units.map((unit) => fixedPoint(unit / out.scale));
  const bad = factors.indexOf(null);
  if (bad >= 0)
    return refuse(`the factor of channel ${bad} of @${weight}, ${(units[bad] as number) / out.scale}, has no multiplier and shift`);
  const shape = units.length === 1 ? [] : [units.length];
  const data = (name: string, pick: "multiplier" | "shift"): Recipe => ({
    kind: "data",
    name: `${weight}.${name}`,
    value: hostTensor(
      "i32",
      shape,
      Int32Array.from(factors, (factor) => factor?.[pick] ?? 0),
    ),
  });
  return { multiplier: data("multiplier", "multiplier"), shift: data("shift", "shift") };
}

interface BiasCodes {
  readonly recipe: Recipe;
  readonly values: ArrayLike<number>;
}

/** i32 in units of the sum: as they are when they have those units already, else rounded. */
function biasCodes(reader: Reader, bias: string, units: readonly number[]): BiasCodes | { readonly refuse: string } {
  const given = inUnits(reader, bias, units);
  if (given !== null) return { recipe: given, values: reader.constant(given).data as Int32Array };
  const floats = reader.constant(bias).data;
  const codes = Float64Array.from(floats as ArrayLike<number>, (value, i) =>
    Math.round(value / (units[units.length === 1 ? 0 : i] as number)),
  );
  const bad = codes.findIndex((code) => !(Math.abs(code) < 2 ** 31));
  if (bad >= 0) return refuse(`element ${bad} of the bias @${bias} does not fit i32`);
  return { recipe: { kind: "data", name: `${bias}.i32`, value: hostTensor("i32", [codes.length], Int32Array.from(codes)) }, values: codes };
}

/** The i32 constant behind `quant.dequantize(i32, s_x * s_w)`. */
function inUnits(reader: Reader, bias: string, units: readonly number[]): string | null {
  const definition = reader.definition(bias);
  const [codes, scale, zero] = definition?.op === "quant.dequantize" ? definition.operands : [];
  if (!codes || !scale || reader.typeOf(codes).dtype !== "i32") return null;
  if (zero && Array.from(reader.constant(zero).data, Number).some((value) => value !== 0)) return null;
  const scales = Array.from(reader.constant(scale).data, Number);
  const count = Math.max(scales.length, units.length);
  const at = (list: readonly number[], i: number) => list[list.length === 1 ? 0 : i] ?? 0;
  for (let i = 0; i < count; i++) if (Math.abs(at(scales, i) / at(units, i) - 1) > 1e-6) return null;
  return codes;
}

const mostProducts = 65536;

/** Why a sum could leave i32, or null: exact bounds from the codes. */
function overflow(weight: HostTensor, shape: readonly number[], x: Dequantized, bias: ArrayLike<number> | null): string | null {
  const inner = shape.slice(1).reduce((n, size) => n * size, 1);
  if (inner > mostProducts) return `a sum of ${inner} products could overflow i32`;
  const [low, high] = x.dtype === "i8" ? [-128 - x.zero, 127 - x.zero] : [-x.zero, 255 - x.zero];
  for (let o = 0; o < (shape[0] ?? 0); o++) {
    let [least, most] = [bias?.[o] ?? 0, bias?.[o] ?? 0];
    for (let k = 0; k < inner; k++) {
      const w = Number(weight.data[o * inner + k]);
      least += w > 0 ? w * low : w * high;
      most += w > 0 ? w * high : w * low;
    }
    if (most >= 2 ** 31 || least < -(2 ** 31)) return `the sum of channel ${o} could overflow i32`;
  }
  return null;
}

function recipeValue(reader: Reader, recipe: IntegerWeight["codes"]): HostTensor {
  if (typeof recipe === "string") return reader.constant(recipe);
  if (recipe.kind === "data") return recipe.value;
  const inputs = recipe.operands.map((operand) => (operand === null ? null : recipeValue(reader, operand)));
  const stored = writeAttrs(reader.registry.require(recipe.op).attrs, recipe.attrs);
  const [value] = evaluateOp(reader.registry, recipe.op, inputs, stored);
  if (!value) throw new RangeError(`${recipe.op} has no result`);
  return value;
}
