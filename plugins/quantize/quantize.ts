/** @file Weight quantization after training: int8 per channel, int4 in groups, half floats; a shared weight gets its table quantized. */
import { definePass, leafValues, matchesAny, option, type PassContext, type Weight, weights } from "../../compiler/index.ts";
import { type Constant, type Module, ModuleEditor } from "../../ir-spec/index.ts";
import { quantizeWithGrid } from "./affine.ts";
import { type ClippingOptions, rangeRules } from "./clipping.ts";
import { type Coder, type CoderOptions, coderFor, methods } from "./coder.ts";
import { gridFor } from "./grid.ts";
import { type SchemeOptions, schemeFor, wholeTensor } from "./scheme.ts";
import { quantizeStatic } from "./static.ts";
import { storeCodes, storeHalf } from "./store.ts";

export interface Options extends CoderOptions, SchemeOptions, ClippingOptions {
  readonly activations: "none" | "static";
  readonly half: "f16" | "bf16";
  readonly min: number;
  readonly keep: readonly string[];
}

export const quantizeWeights = definePass({
  name: "quantize",
  doc: "Stores weights as integers (or f16) with scales. Shared weights keep their codes; their table is quantized.",
  stage: "compress",
  after: ["prune-magnitude", "share-weights"],
  options: {
    bits: option.integer("Bits of a weight: 2..8, or 16 for half floats.", 8, { min: 2, max: 16 }),
    half: option.oneOf(["f16", "bf16"], "Which half floats 16 bits are.", "f16"),
    method: option.oneOf(methods, "How weights become codes: to nearest; by what layers multiply (data); or HQQ (no data).", "round"),
    scheme: option.oneOf(["symmetric", "affine"], "affine: with a zero point each, for weights that lie to one side.", "symmetric"),
    granularity: option.oneOf(
      ["auto", "tensor", "channel", "group"],
      "What shares a scale; auto: channel for 8 bits, group below.",
      "auto",
    ),
    group: option.integer("Weights in a group, along the input axis.", 32, { min: 2 }),
    calibration: option.oneOf(["minmax", "mse"], "How the range of a weight is chosen.", "mse"),
    damping: option.number("gptq: part of the mean diagonal of the Gram matrix that is added to it.", 0.01, { min: 0 }),
    order: option.oneOf(["natural", "activations"], "gptq: columns as they come, or the largest inputs first.", "activations"),
    refine: option.bool("gptq, adaround: then neighbouring codes and steps in turn, while the output's error falls.", true),
    min: option.integer("Layers with fewer stored weights are left alone.", 64, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
    activations: option.oneOf(
      ["none", "static"],
      "static: activations are 8-bit too, with ranges from calibration data; layers become integer where the target has kernels.",
      "none",
    ),
    range: option.oneOf(
      rangeRules,
      "How the range of an activation is chosen: all, a percentile, least divergence, least error.",
      "minmax",
    ),
    percentile: option.number("range=percentile: how many percent lie on the inner side of each end.", 99.99, { min: 50, max: 100 }),
    samples: option.integer("Samples of the data to calibrate with, at most 1024.", 256, { min: 1 }),
  },
  async run(module, ctx, options) {
    if (options.bits > 8 && options.bits !== 16) throw new RangeError(`bits = ${options.bits}: there is 2..8 and 16`);
    if (options.activations === "static") return quantizeStatic(module, ctx, options);
    const chosen = chosenWeights(module, ctx, options);
    const stored = chosen.filter(({ leaf }) => module.constants.get(leaf)?.kind === "data").map(({ leaf }) => leaf);
    const coder = await coderFor(module, ctx, options, new Set(options.bits === 16 ? [] : stored));
    const editor = new ModuleEditor(module, ctx.registry);
    for (const [i, weight] of chosen.entries()) {
      ctx.signal?.throwIfAborted();
      quantizeOne(module, editor, weight, options, coder, ctx);
      ctx.progress(0.9 + (0.1 * (i + 1)) / chosen.length, weight.name);
    }
    return editor.freeze();
  },
});

/** Each leaf once, by the first weight that has it. */
function chosenWeights(module: Module, ctx: PassContext, options: Options): readonly Weight[] {
  const leaves = new Map<string, Weight>();
  for (const weight of ctx.analysis(weights, module)) {
    if (weight.count < options.min || weight.count === 0 || matchesAny(weight.name, options.keep) || leaves.has(weight.leaf)) continue;
    const values = leafValues(module, weight.leaf);
    if (values && (values.length < options.min || values.length === 0)) continue;
    if (values?.some((value) => !Number.isFinite(value))) ctx.warn(`${weight.name}: has weights that are NaN or infinite: left alone`);
    else leaves.set(weight.leaf, weight);
  }
  return [...leaves.values()];
}

function quantizeOne(module: Module, editor: ModuleEditor, weight: Weight, options: Options, coder: Coder, ctx: PassContext): void {
  const leaf = module.constants.get(weight.leaf) as Constant;
  if (leaf.kind === "derived") {
    if (leaf.op === "codebook.lookup") quantizeTable(module, editor, weight, leaf.operands[0] as string, options, ctx);
    else ctx.warn(`${weight.name}: @${leaf.name} is defined by ${leaf.op}, not float data: left alone`);
    return;
  }
  const values = leafValues(module, weight.leaf);
  if (!values) return;
  if (options.bits === 16) {
    storeHalf(editor, leaf, values, options.half);
    ctx.report({ subject: weight.name, note: options.half, numbers: { bits: 16 } });
    return;
  }
  const scheme = schemeFor(leaf, options);
  const coded = coder.code(leaf.name, values, scheme.blocks);
  storeCodes(editor, leaf, scheme, coded, options.bits);
  const how = [scheme.label, ...(coded.grid.zeros ? ["affine"] : []), ...(coded.method === "round" ? [] : [coded.method])];
  ctx.report({ subject: weight.name, note: `int${options.bits}, ${how.join(", ")}`, numbers: { bits: options.bits, mse: coded.error } });
}

/** A table of k values as 8-bit codes with one scale: pays from 2 entries on. */
function quantizeTable(module: Module, editor: ModuleEditor, weight: Weight, table: string, options: Options, ctx: PassContext): void {
  const constant = module.constants.get(table);
  const values = leafValues(module, table);
  if (!constant || !values || values.length * 3 <= 4) return;
  if (options.bits === 16) {
    storeHalf(editor, constant, values, options.half);
    ctx.report({ subject: table, note: options.half, numbers: { bits: 16 } });
    return;
  }
  const scheme = wholeTensor("table");
  const grid = gridFor(values, scheme.blocks, { bits: 8, rule: options.calibration });
  const { codes, error } = quantizeWithGrid(values, grid);
  storeCodes(editor, constant, scheme, { grid, codes }, 8);
  ctx.report({ subject: weight.name, note: `table of ${values.length} as int8`, numbers: { bits: 8, mse: error } });
}
