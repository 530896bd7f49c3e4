/** @file Weight quantization after training: int8 per channel, int4 in groups, f16; a shared weight gets its table quantized. */

import { definePass, leafValues, matchesAny, option, type PassContext, redefineAs, type Weight, weights } from "../../compiler/index.ts";
import {
  type Constant,
  type DType,
  dataConstant,
  dimProduct,
  encodeTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  staticShape,
  tensorType,
} from "../../ir-spec/index.ts";
import { type Blocks, quantizeSymmetric, type RangeRule } from "./affine.ts";
import { quantizeStatic } from "./static.ts";

interface Scheme {
  readonly blocks: Blocks;
  readonly scaleShape: readonly number[];
  /** Attributes of `quant.dequantize`. */
  readonly attrs: { readonly axis?: number; readonly block?: number };
  readonly label: string;
}

export interface Options {
  readonly activations: "none" | "static";
  readonly samples: number;
  readonly bits: number;
  readonly granularity: "auto" | "tensor" | "channel" | "group";
  readonly group: number;
  readonly calibration: RangeRule;
  readonly min: number;
  readonly keep: readonly string[];
}

export const quantizeWeights = definePass({
  name: "quantize",
  doc: "Stores weights as integers (or f16) with scales. Shared weights keep their codes; their table is quantized.",
  stage: "compress",
  after: ["prune-magnitude", "share-weights"],
  options: {
    bits: option.integer("Bits of a weight: 2..8, or 16 for f16.", 8, { min: 2, max: 16 }),
    granularity: option.oneOf(
      ["auto", "tensor", "channel", "group"],
      "What shares a scale; auto: channel for 8 bits, group below.",
      "auto",
    ),
    group: option.integer("Weights in a group, along the input axis.", 32, { min: 2 }),
    calibration: option.oneOf(["minmax", "mse"], "How the range of a weight is chosen; activations take minmax.", "mse"),
    min: option.integer("Layers with fewer stored weights are left alone.", 64, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
    activations: option.oneOf(
      ["none", "static"],
      "static: activations are 8-bit too, with ranges from calibration data; layers become integer where the target has kernels.",
      "none",
    ),
    samples: option.integer("Samples of the data that calibrate activations.", 256, { min: 1 }),
  },
  run(module, ctx, options) {
    if (options.bits > 8 && options.bits !== 16) throw new RangeError(`bits = ${options.bits}: there is 2..8 and 16`);
    if (options.activations === "static") return quantizeStatic(module, ctx, options);
    const editor = new ModuleEditor(module, ctx.registry);
    const done = new Set<string>();
    for (const weight of ctx.analysis(weights, module)) {
      if (weight.count < options.min || matchesAny(weight.name, options.keep) || done.has(weight.leaf)) continue;
      done.add(weight.leaf);
      quantizeOne(module, editor, weight, options, ctx);
    }
    return editor.freeze();
  },
});

function quantizeOne(module: Module, editor: ModuleEditor, weight: Weight, options: Options, ctx: PassContext): void {
  const leaf = module.constants.get(weight.leaf) as Constant;
  if (leaf.kind === "derived") {
    if (leaf.op === "codebook.lookup") quantizeTable(module, editor, weight, leaf.operands[0] as string, options, ctx);
    else ctx.warn(`${weight.name}: @${leaf.name} is defined by ${leaf.op}, not float data: left alone`);
    return;
  }
  const values = leafValues(module, weight.leaf);
  if (!values || values.length < options.min) return;
  if (options.bits === 16) {
    storeHalf(editor, leaf, values, ctx, weight.name);
    return;
  }
  const scheme = schemeFor(leaf, options);
  const error = storeIntegers(editor, leaf, values, scheme, options.bits, options.calibration);
  ctx.report({ subject: weight.name, note: `int${options.bits}, ${scheme.label}`, numbers: { bits: options.bits, mse: error } });
}

/** A table of k values as 8-bit codes with one scale: pays from 2 entries on. */
function quantizeTable(module: Module, editor: ModuleEditor, weight: Weight, table: string, options: Options, ctx: PassContext): void {
  const constant = module.constants.get(table);
  const values = leafValues(module, table);
  if (!constant || !values || values.length * 3 <= 4) return;
  if (options.bits === 16) {
    storeHalf(editor, constant, values, ctx, table);
    return;
  }
  const scheme = wholeTensor("table");
  const error = storeIntegers(editor, constant, values, scheme, 8, options.calibration);
  ctx.report({ subject: weight.name, note: `table of ${values.length} as int8`, numbers: { bits: 8, mse: error } });
}

function schemeFor(leaf: Constant, options: Options): Scheme {
  const shape = staticShape(leaf.type.shape) ?? [];
  const wanted = options.granularity === "auto" ? (options.bits === 8 ? "channel" : "group") : options.granularity;
  if (shape.length < 2) return wanted === "tensor" ? wholeTensor("tensor") : flatGroups(shape[0] ?? 1, Math.max(options.group, 64));
  const inputs = shape[1] as number;
  if (wanted === "group" && inputs % options.group === 0) return grouped(shape, options.group);
  return wanted === "tensor" ? wholeTensor("tensor") : perChannel(shape);
}

function wholeTensor(label: string): Scheme {
  return { blocks: { blockOf: () => 0, count: 1 }, scaleShape: [], attrs: {}, label: `per ${label}` };
}

/** The values of a pruned weight are a flat list: groups of consecutive ones. */
function flatGroups(count: number, group: number): Scheme {
  const blocks = Math.ceil(count / group);
  if (blocks <= 1 || count % group !== 0) return wholeTensor("tensor");
  return {
    blocks: { blockOf: (i) => Math.floor(i / group), count: blocks },
    scaleShape: [blocks],
    attrs: { axis: 0, block: group },
    label: `groups of ${group}`,
  };
}

function perChannel(shape: readonly number[]): Scheme {
  const channels = shape[0] as number;
  const size = Number(dimProduct(shape.slice(1)));
  return {
    blocks: { blockOf: (i) => Math.floor(i / size), count: channels },
    scaleShape: [channels],
    attrs: { axis: 0 },
    label: "per channel",
  };
}

/** Groups of `group` along axis 1, ONNX's blocked form. */
function grouped(shape: readonly number[], group: number): Scheme {
  const inputs = shape[1] as number;
  const rest = Number(dimProduct(shape.slice(2)));
  const perRow = inputs / group;
  const blockOf = (i: number): number => {
    const row = Math.floor(i / (inputs * rest));
    const input = Math.floor(i / rest) % inputs;
    return (row * perRow + Math.floor(input / group)) * rest + (i % rest);
  };
  const scaleShape = [shape[0] as number, perRow, ...shape.slice(2)];
  return {
    blocks: { blockOf, count: Number(dimProduct(scaleShape)) },
    scaleShape,
    attrs: { axis: 1, block: group },
    label: `groups of ${group}`,
  };
}

function storageFor(bits: number): DType {
  return bits <= 2 ? "i2" : bits <= 4 ? "i4" : "i8";
}

function storeIntegers(
  editor: ModuleEditor,
  leaf: Constant,
  values: ArrayLike<number>,
  scheme: Scheme,
  bits: number,
  rule: RangeRule,
): number {
  const { codes, scales, error } = quantizeSymmetric(values, scheme.blocks, bits, rule);
  const dtype = storageFor(bits);
  const shape = staticShape(leaf.type.shape) ?? [];
  const codesName = editor.freshSymbol(`${leaf.name}.q`);
  editor.setConstant(dataConstant(codesName, tensorType(dtype, shape), encodeTensor(hostTensor(dtype, shape, codes)), leaf.loc));
  const scaleName = editor.freshSymbol(`${leaf.name}.s`);
  const scaleType = tensorType("f32", scheme.scaleShape);
  editor.setConstant(dataConstant(scaleName, scaleType, encodeTensor(hostTensor("f32", scheme.scaleShape, scales)), leaf.loc));
  redefineAs(editor, leaf, "quant.dequantize", [codesName, scaleName, null], scheme.attrs);
  return error;
}

function storeHalf(editor: ModuleEditor, leaf: Constant, values: Float32Array | Float64Array, ctx: PassContext, subject: string): void {
  const name = editor.freshSymbol(`${leaf.name}.f16`);
  const shape = staticShape(leaf.type.shape) ?? [];
  const half = encodeTensor(hostTensor("f16", shape, Float32Array.from(values)));
  editor.setConstant(dataConstant(name, tensorType("f16", shape), half, leaf.loc));
  redefineAs(editor, leaf, "type.cast", [name], { to: leaf.type.dtype });
  ctx.report({ subject, note: "f16", numbers: { bits: 16 } });
}
