/**
 * @file `correct-bias` and `correct-statistics`: what compression did to mean and deviation of a layer's output channels is undone, layer after layer, each on inputs that come from layers
 * corrected before it. From: Nagel, van Baalen, Blankevoort, Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019 (its empirical form); statistics
 * correction as in Frantar and Alistarh, "Optimal Brain Compression", 2022, on folded networks: `y' = a y + b`.
 */
import { definePass, type Layer, option, type PassContext } from "../../compiler/index.ts";
import { evaluateConstant, type Module, ModuleEditor, TersorError, toNumbers } from "../../ir-spec/index.ts";
import { canScaleRows, canShift, scaleRows, setBias } from "./channels.ts";
import { noData, statisticsOf } from "./remember.ts";
import { namedLayers, type OutputStatistics, remembered, withStatistics } from "./statistics.ts";

const options = {
  samples: option.integer("Samples of the data to look at, at most 1024; once for every layer.", 256, { min: 1 }),
  keep: option.bool("Keep the remembered statistics for another correction.", false),
};

const after = ["remember-statistics", "quantize", "share-weights", "prune-magnitude"];

export const correctBias = definePass({
  name: "correct-bias",
  doc: "Moves each layer's bias so that the mean of every output channel is what remember-statistics saw.",
  stage: "compress",
  after,
  options,
  run: (module, ctx, { samples, keep }) => corrected(module, ctx, "correct-bias", samples, keep, false),
});

export const correctStatistics = definePass({
  name: "correct-statistics",
  doc: "Scales and shifts every output channel of each layer to the mean and deviation that remember-statistics saw.",
  stage: "compress",
  after,
  options,
  run: (module, ctx, { samples, keep }) => corrected(module, ctx, "correct-statistics", samples, keep, true),
});

/** @throws TersorError E0720 without data, E0724 where nothing was remembered */
async function corrected(module: Module, ctx: PassContext, pass: string, samples: number, keep: boolean, scale: boolean): Promise<Module> {
  if (!ctx.calibration) throw noData(pass);
  const targets = remembered(module);
  if (!targets) {
    throw new TersorError({
      code: "E0724",
      message: `${pass} brings back statistics of the module before compression, and none were remembered`,
      hint: "put remember-statistics before the passes that compress",
    });
  }
  const names = [...namedLayers(module).keys()];
  let current = module;
  for (const [i, name] of names.entries()) {
    const [layer, target] = [namedLayers(current).get(name), targets.get(name)];
    if (layer && target) current = await correctLayer(current, ctx, { name, layer, target, samples, scale });
    ctx.progress((i + 1) / names.length, name);
  }
  const missing = [...targets.keys()].filter((name) => !names.includes(name));
  if (missing.length > 0) ctx.warn(`remembered layers that are gone: ${missing.join(", ")}`);
  if (keep) return current;
  const editor = new ModuleEditor(current, ctx.registry);
  editor.set({ meta: withStatistics(current.meta, null) });
  return editor.freeze();
}

interface Correction {
  readonly name: string;
  readonly layer: Layer;
  readonly target: OutputStatistics;
  readonly samples: number;
  readonly scale: boolean;
}

async function correctLayer(module: Module, ctx: PassContext, { name, layer, target, samples, scale }: Correction): Promise<Module> {
  if (target.mean.length !== layer.outputs || !canShift(layer)) {
    ctx.warn(`${name}: ${canShift(layer) ? "has another number of channels now" : "takes no constant bias"}: left alone`);
    return module;
  }
  const now = await statisticsOf(module, ctx, layer, samples);
  if (!now) {
    ctx.warn(`${name}: its statistics cannot be taken (too large, NaN or infinite): left alone`);
    return module;
  }
  const scalable = scale && canScaleRows(module, layer);
  if (scale && !scalable) ctx.warn(`${name}: its channels have no steps of their own: only the mean is corrected`);
  const factors = now.deviation.map((deviation, i) => (scalable ? factorFor(target.deviation[i] as number, deviation) : 1));
  const bias = layer.bias === null ? [] : toNumbers(evaluateConstant(module, ctx.registry, layer.bias));
  // a (y - b) + b' has the mean of the target.
  const next = now.mean.map((mean, i) => (target.mean[i] as number) - (factors[i] as number) * (mean - (bias[i] ?? 0)));
  const editor = new ModuleEditor(module, ctx.registry);
  if (scalable) scaleRows(module, editor, layer, factors);
  setBias(module, editor, layer, next, scalable ? factors : null);
  ctx.report({
    subject: name,
    note: scalable ? "mean and deviation corrected" : "mean corrected",
    numbers: { shift: largestShift(now, target) },
  });
  return editor.freeze();
}

/** A channel that hardly varies, or varies in another way altogether, is not blown up. */
const [leastFactor, mostFactor] = [0.5, 2];

function factorFor(wanted: number, has: number): number {
  return has > 0 && wanted > 0 ? Math.max(leastFactor, Math.min(mostFactor, wanted / has)) : 1;
}

/** Largest distance of a channel's mean, in deviations of the target. */
function largestShift(now: OutputStatistics, target: OutputStatistics): number {
  return now.mean.reduce(
    (most, mean, i) => Math.max(most, Math.abs(mean - (target.mean[i] as number)) / ((target.deviation[i] as number) || 1)),
    0,
  );
}
