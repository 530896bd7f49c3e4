/**
 * @file Static quantization of activations: ranges from calibration data, then ONNX's QDQ form written into the body (`quant.quantize` and `quant.dequantize` pairs), weights as
 * codes per output channel, biases as i32. `legalize` makes integer ops of it where a target has kernels for them. From: Jacob et al., 2018; Nagel et al., "A White Paper on
 * Neural Network Quantization", 2021, sections 2 and 3.
 */
import { definitionOf, matchesAny, type PassContext, type Range } from "../../compiler/index.ts";
import {
  evaluateConstant,
  type Module,
  ModuleEditor,
  mainFunction,
  type Op,
  TersorError,
  toNumbers,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { type QuantizedValues, quantizedValues } from "./activation-values.ts";
import { clippedEnds } from "./clipping.ts";
import { type Coder, coderFor } from "./coder.ts";
import { insertPairs } from "./insert-pairs.ts";
import { biasFloor, storeBias, storeChannelCodes, storeTableCodes, type WeightKind, weightKind } from "./layer-weights.ts";
import type { Options } from "./quantize.ts";
import { type AffineParams, affineParams } from "./ranges.ts";

/** @throws TersorError E0720 without data, E0722 on a value without a range, and what calibration raises. */
export async function quantizeStatic(module: Module, ctx: PassContext, options: Options): Promise<Module> {
  checkOptions(options);
  const func = mainFunction(module);
  if (func.ops.some((op) => op.name === "quant.quantize")) {
    ctx.warn("activations are quantized already: left alone");
    return module;
  }
  const layers = findLayers(module, ctx, options);
  const chosen = quantizedValues(func, (op) => layers.has(op));
  if (chosen.values.length === 0) {
    ctx.warn("there is no layer, addition or pool to quantize");
    return module;
  }
  const ranges = await calibrated(module, chosen, ctx, options);
  const params = paramsOf(module, chosen, ranges, ctx);
  const editor = new ModuleEditor(module, ctx.registry);
  const coder = await coderFor(module, ctx, options, leavesOf(layers));
  storeLayers(module, editor, layers, coder, (value) => params.get(value) as AffineParams, options, ctx);
  insertPairs(module, editor, chosen, params);
  return editor.freeze();
}

function checkOptions(options: Options): void {
  if (options.bits > 8) throw new RangeError(`bits = ${options.bits}: with activations=static a weight has 2..8 bits`);
  if (options.scheme === "affine") throw new RangeError("scheme=affine: integer layers take weights without zero points");
  if (options.granularity === "group") throw new RangeError("granularity=group: integer layers take one scale per channel or per tensor");
}

interface Layer {
  readonly weight: string;
  readonly kind: WeightKind;
}

/** The layers that become integer. Others are said to stay float, with the reason. */
function findLayers(module: Module, ctx: PassContext, options: Options): ReadonlyMap<Op, Layer> {
  const layers = new Map<Op, Layer>();
  for (const op of mainFunction(module).ops) {
    if (op.name !== "nn.conv" && op.name !== "nn.linear") continue;
    const [, weight, bias = null] = op.operands;
    const refusal = typeof weight !== "string" ? "its weight is computed" : typeof bias === "number" ? "its bias is computed" : null;
    const kind: WeightKind = typeof weight === "string" ? weightKind(module, weight) : { kind: "other", why: "" };
    const why = refusal ?? (kind.kind === "other" ? kind.why : null);
    if (typeof weight !== "string" || why !== null) {
      const name = typeof weight === "string" ? weight : op.name;
      ctx.warn(`${name}: stays float: ${why} (${definitionOf(module, name)})`);
    } else if (!matchesAny(weight, options.keep)) {
      layers.set(op, { weight, kind });
    }
  }
  return layers;
}

function leavesOf(layers: ReadonlyMap<Op, Layer>): ReadonlySet<string> {
  return new Set([...layers.values()].flatMap(({ kind }) => (kind.kind === "values" ? [kind.leaf] : [])));
}

async function calibrated(
  module: Module,
  chosen: QuantizedValues,
  ctx: PassContext,
  options: Options,
): Promise<ReadonlyMap<ValueId, Range>> {
  if (!ctx.calibration) {
    throw new TersorError({
      code: "E0720",
      message: "activations=static takes the ranges of activations from data, and there is none",
      hint: "give --data SPEC (compile({ data }) in a program): unlabelled samples like those the model will see",
    });
  }
  const progress = (fraction: number, note?: string) => ctx.progress(fraction * 0.5, note);
  const run = { samples: options.samples, progress };
  if (options.range === "minmax") {
    const found = await ctx.calibration.collect(module, { ranges: chosen.values }, run);
    return new Map(chosen.values.map((value) => [value, found.range(value)]));
  }
  const found = await ctx.calibration.collect(module, { histograms: chosen.values }, run);
  return new Map(
    chosen.values.map((value) => {
      const histogram = found.histogram(value);
      const { nonFinite, count } = histogram;
      return [value, { ...clippedEnds(histogram, options), nonFinite, count }];
    }),
  );
}

/** Scale and zero point of each value: one for all values of a group. */
function paramsOf(
  module: Module,
  chosen: QuantizedValues,
  ranges: ReadonlyMap<ValueId, Range>,
  ctx: PassContext,
): ReadonlyMap<ValueId, AffineParams> {
  const func = mainFunction(module);
  const nameOf = (id: ValueId) => valueInfo(func, id).name ?? `${id}`;
  const groups = new Map<ValueId, ValueId[]>();
  for (const value of chosen.values) {
    const group = chosen.groupOf(value);
    groups.set(group, [...(groups.get(group) ?? []), value]);
  }
  const params = new Map<ValueId, AffineParams>();
  for (const members of groups.values()) {
    const broken = members.find((value) => (ranges.get(value)?.nonFinite ?? 0) > 0);
    const counted = broken === undefined ? members : [broken];
    const made = affineParams(
      nameOf(counted[0] as ValueId),
      counted.map((value) => ranges.get(value) as Range),
    );
    for (const value of members) params.set(value, made);
    ctx.report({
      subject: `%${members.map(nameOf).join(", %")}`,
      note: "i8 activation",
      numbers: { scale: made.scale, zero: made.zero },
    });
  }
  return params;
}

/** Every weight once, then every layer's bias, which depends on the scales of both its operands. */
function storeLayers(
  module: Module,
  editor: ModuleEditor,
  layers: ReadonlyMap<Op, Layer>,
  coder: Coder,
  paramsAt: (value: ValueId) => AffineParams,
  options: Options,
  ctx: PassContext,
): void {
  const scales = new Map<string, Float32Array>();
  const tables = new Map<string, Float32Array>();
  const inputScale = (op: Op) => paramsAt(op.operands[0] as ValueId).scale;
  for (const { weight, kind } of layers.values()) {
    if (scales.has(weight)) continue;
    const users = [...layers.keys()].filter((op) => op.operands[1] === weight);
    if (kind.kind === "values") {
      const floors = floorsOf(module, users, weight, inputScale, ctx);
      const perTensor = options.granularity === "tensor";
      const stored = storeChannelCodes(module, editor, weight, kind.leaf, {
        bits: options.bits,
        coder,
        perTensor,
        floors,
      });
      scales.set(weight, stored.scales);
      const note = `int${options.bits}, per ${perTensor ? "tensor" : "channel"}${stored.method === "round" ? "" : `, ${stored.method}`}`;
      ctx.report({ subject: weight, note, numbers: { bits: options.bits, mse: stored.error } });
    } else if (kind.kind === "table") {
      const known = tables.get(kind.table);
      const stored = known ?? storeTableCodes(module, editor, kind.table, options.calibration).scales;
      tables.set(kind.table, stored);
      scales.set(weight, stored);
      if (!known) ctx.report({ subject: weight, note: "table as int8", numbers: { bits: 8 } });
    }
  }
  const body = editor.function();
  const nodes = [...body.ops()];
  mainFunction(module).ops.forEach((op, i) => {
    const [weightScales, bias] = [scales.get(layers.get(op)?.weight ?? ""), op.operands[2]];
    const node = nodes[i];
    if (!node || !weightScales || typeof bias !== "string" || module.constants.get(bias)?.type.dtype !== "f32") return;
    if (definitionOf(module, bias) === "quant.dequantize") return;
    const { name, cut } = storeBias(module, editor, bias, inputScale(op), weightScales, mentions(module, bias) === 1);
    if (cut > 0) ctx.warn(`${bias}: ${cut} biases do not fit i32 beside @${layers.get(op)?.weight} and were cut`);
    body.setOperand(node, 2, name);
  });
}

/** How often functions and definitions mention a constant. */
function mentions(module: Module, name: string): number {
  let count = 0;
  for (const func of module.functions.values()) {
    for (const op of func.ops) count += op.operands.filter((operand) => operand === name).length;
    count += func.returns.filter((operand) => operand === name).length;
  }
  for (const constant of module.constants.values())
    if (constant.kind === "derived") count += constant.operands.filter((operand) => operand === name).length;
  return count;
}

function floorsOf(module: Module, users: readonly Op[], weight: string, inputScale: (op: Op) => number, ctx: PassContext): Float64Array {
  const floors = new Float64Array(Number(module.constants.get(weight)?.type.shape[0] ?? 0));
  for (const op of users) {
    const bias = op.operands[2];
    if (typeof bias !== "string") continue;
    const values = toNumbers(evaluateConstant(module, ctx.registry, bias));
    values.forEach((value, i) => {
      floors[i] = Math.max(floors[i] as number, biasFloor(value, inputScale(op)));
    });
  }
  return floors;
}
