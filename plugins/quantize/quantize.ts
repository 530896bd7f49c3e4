/** @file Weight quantization after training: int8 per channel, int4 in groups, half floats; a shared weight gets its table quantized. */
import { definePass, option } from "../../compiler/index.ts";
import { ModuleEditor } from "../../ir-spec/index.ts";
import { type ClippingOptions, rangeRules } from "./clipping.ts";
import { type CoderOptions, coderFor, methods } from "./coder.ts";
import { quantizeInputs } from "./dynamic.ts";
import type { SchemeOptions } from "./scheme.ts";
import { quantizeStatic } from "./static.ts";
import { chosenWeights, storeWeight } from "./store-weight.ts";

export interface Options extends CoderOptions, SchemeOptions, ClippingOptions {
  readonly activations: "none" | "static" | "dynamic";
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
      ["none", "static", "dynamic"],
      "8-bit activations: static with ranges from data, and integer layers where the target has kernels; dynamic with a step for each sample.",
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
    if (options.activations === "dynamic" && options.bits > 8) throw new RangeError("activations=dynamic: weights have 2..8 bits");
    if (options.activations === "static") return quantizeStatic(module, ctx, options);
    const chosen = chosenWeights(module, ctx, options);
    const leaves = chosen.filter(({ leaf }) => module.constants.get(leaf)?.kind === "data").map(({ leaf }) => leaf);
    const coder = await coderFor(module, ctx, options, new Set(options.bits === 16 ? [] : leaves));
    const editor = new ModuleEditor(module, ctx.registry);
    for (const [i, weight] of chosen.entries()) {
      ctx.signal?.throwIfAborted();
      const row = storeWeight(module, editor, weight, options, coder, (message) => ctx.warn(message));
      if (row) ctx.report(row);
      ctx.progress(0.9 + (0.1 * (i + 1)) / chosen.length, weight.name);
    }
    const stored = editor.freeze();
    return options.activations === "dynamic" ? quantizeInputs(module, stored, ctx) : stored;
  },
});
