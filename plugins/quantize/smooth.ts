/**
 * @file `smooth` and `awq`: channels of a value are divided where they are made and multiplied back in the weights that read them. `smooth` takes range from activations into weights, for 8-bit
 * activations. From: Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models", 2023. `awq` gives finer steps to weights that read large
 * inputs, by a search over `s = E|x|^a`. From: Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", 2024 (its search of scales).
 */
import { type ChannelStatistics, definePass, type LayerMatrix, layerMatrixOf, option, type PassContext } from "../../compiler/index.ts";
import { type Constant, type Module, mainFunction, TersorError, valueInfo } from "../../ir-spec/index.ts";
import { type ChannelLink, channelLinks, channelOfElement, channelsRead, FloatConstants } from "./channel-links.ts";
import { decode, gridFor, type RangeRule, roundToGrid } from "./grid.ts";
import { type SchemeOptions, schemeFor } from "./scheme.ts";

const samples = option.integer("Samples of the data to look at, at most 1024.", 256, { min: 1 });

export const smooth = definePass({
  name: "smooth",
  doc: "Takes range from activations into the weights that read them: s = max|x|^alpha / max|w|^(1 - alpha).",
  stage: "compress",
  after: ["fold-batch-norm"],
  before: ["quantize"],
  options: {
    alpha: option.number("How much of the range moves: 0 none, 1 all.", 0.5, { min: 0, max: 1 }),
    samples,
  },
  async run(module, ctx, { alpha, samples: count }) {
    const links = linksOf(module, ctx, "smooth");
    const found = await channelsOf(module, ctx, "smooth", links, count);
    const constants = new FloatConstants(module);
    for (const [i, link] of links.entries()) {
      const { min, max } = found[i] as ChannelStatistics;
      const weights = constants.consumerMost(link);
      const factors = weights.map((most, c) => {
        const range = Math.max(Math.abs(min[c] as number), Math.abs(max[c] as number));
        return usable(range ** alpha / most ** (1 - alpha));
      });
      constants.scale(link, factors);
      report(ctx, link, `alpha ${alpha}`, factors);
    }
    return links.length === 0 ? module : constants.written(ctx.registry).freeze();
  },
});

const steps = 20;

export const awq = definePass({
  name: "awq",
  doc: "Scales weights up that read large inputs, before they are rounded: s = E|x|^a with the a of least output error. Give it the bits of the quantize that follows.",
  stage: "compress",
  after: ["fold-batch-norm"],
  before: ["quantize"],
  options: {
    bits: option.integer("Bits of a weight in the quantize that follows.", 4, { min: 2, max: 8 }),
    granularity: option.oneOf(["auto", "tensor", "channel", "group"], "As in quantize.", "auto"),
    group: option.integer("As in quantize.", 32, { min: 2 }),
    calibration: option.oneOf(["minmax", "mse"], "As in quantize.", "minmax"),
    samples,
  },
  async run(module, ctx, options) {
    const links = linksOf(module, ctx, "awq");
    const found = await channelsOf(module, ctx, "awq", links, options.samples);
    const matrices = await matricesOf(module, ctx, links, options.samples);
    const constants = new FloatConstants(module);
    for (const [i, link] of links.entries()) {
      ctx.signal?.throwIfAborted();
      const { meanAbs } = found[i] as ChannelStatistics;
      const trials = Array.from({ length: steps }, (_, step) => normalized(meanAbs.map((value) => usable(value ** (step / steps)))));
      const errors = trials.map((factors) => errorOf(module, link, factors, matrices, constants, options));
      const best = errors.indexOf(Math.min(...errors));
      const factors = trials[best];
      if (!factors || best === 0) continue;
      constants.scale(link, factors);
      report(
        ctx,
        link,
        `a = ${best / steps}, output error ${((100 * (errors[best] as number)) / (errors[0] as number)).toFixed(0)} % of before`,
        factors,
      );
    }
    return constants.written(ctx.registry).freeze();
  },
});

/** 1 for what is no positive number: a channel that is always 0. */
function usable(factor: number): number {
  return factor > 1e-6 && factor < 1e6 ? factor : 1;
}

/** Divided by the geometric middle of its ends, as the paper does. */
function normalized(factors: Float64Array): Float64Array {
  const middle = Math.sqrt(Math.max(...factors) * Math.min(...factors));
  return factors.map((factor) => factor / middle);
}

/** Links whose channels the calibration service can tell: not convolutions of one axis. */
function linksOf(module: Module, ctx: PassContext, pass: string): readonly ChannelLink[] {
  const links = channelLinks(module).filter(({ value, consumers }) => {
    const rank = valueInfo(mainFunction(module), value).type.shape.length;
    return consumers.every(({ op }) => (op.name === "nn.conv" ? rank >= 4 : rank <= 3));
  });
  if (links.length === 0) ctx.warn(`${pass}: no value has channels that can be scaled on both sides`);
  return links;
}

/** @throws TersorError E0720 without data */
async function channelsOf(
  module: Module,
  ctx: PassContext,
  pass: string,
  links: readonly ChannelLink[],
  count: number,
): Promise<readonly ChannelStatistics[]> {
  if (!ctx.calibration) {
    throw new TersorError({
      code: "E0720",
      message: `${pass} weighs channels by the data, and there is none`,
      hint: "give --data SPEC (compile({ data }) in a program), or use equalize, which needs no data",
    });
  }
  const progress = (fraction: number, note?: string) => ctx.progress(fraction * 0.5, note);
  const found = await ctx.calibration.collect(module, { channels: links.map(({ value }) => value) }, { samples: count, progress });
  return links.map(({ value, channels }) => {
    const statistics = found.channels(value);
    if (statistics.mean.length !== channels) throw new RangeError(`${pass}: ${channels} channels, statistics of ${statistics.mean.length}`);
    return statistics;
  });
}

async function matricesOf(
  module: Module,
  ctx: PassContext,
  links: readonly ChannelLink[],
  count: number,
): Promise<ReadonlyMap<string, LayerMatrix>> {
  const layers = links.flatMap(({ consumers }) => consumers);
  const found = await ctx.calibration?.collect(module, { grams: layers }, { samples: count });
  return new Map(
    layers.flatMap((layer) => {
      const matrix = found && layerMatrixOf(module, ctx.registry, [layer], found);
      return matrix ? [[layer.weight, matrix] as const] : [];
    }),
  );
}

type AwqOptions = SchemeOptions & { readonly calibration: RangeRule };

/** `sum (Q(W s) / s - W) G (Q(W s) / s - W)'` over the consumers. */
function errorOf(
  module: Module,
  { consumers }: ChannelLink,
  factors: Float64Array,
  matrices: ReadonlyMap<string, LayerMatrix>,
  constants: FloatConstants,
  options: AwqOptions,
): number {
  let total = 0;
  for (const layer of consumers) {
    const matrix = matrices.get(layer.weight);
    const constant = module.constants.get(layer.weight) as Constant;
    if (!matrix || channelsRead(layer) !== factors.length) continue;
    const [values, channelOf] = [constants.values(layer.weight), channelOfElement(layer)];
    const scaled = values.map((value, i) => value * (factors[channelOf(i)] as number));
    const grid = gridFor(scaled, schemeFor(constant, options).blocks, { bits: options.bits, rule: options.calibration });
    const codes = roundToGrid(scaled, grid);
    const errors = scaled.map(
      (value, i) => (decode(grid, grid.blocks.blockOf(i), codes[i] as number) - value) / (factors[channelOf(i)] as number),
    );
    total += outputError(errors, matrix);
  }
  return total;
}

function outputError(errors: Float64Array, { rows, columns, places, moments }: LayerMatrix): number {
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const { matrix } = moments[Math.floor((r * moments.length) / rows)] as LayerMatrix["moments"][number];
    const row = Float64Array.from(places.subarray(r * columns, (r + 1) * columns), (place) => errors[place] as number);
    for (let i = 0; i < columns; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += (row[j] as number) * (matrix[i * columns + j] as number);
      total += (row[i] as number) * sum;
    }
  }
  return total;
}

function report(ctx: PassContext, { layer, consumers }: ChannelLink, note: string, factors: Float64Array): void {
  const names = consumers.map(({ weight }) => weight).join(", ");
  ctx.report({ subject: names, note: `${note}, from ${layer?.weight ?? "a scale"}`, numbers: { largest: Math.max(...factors) } });
}
