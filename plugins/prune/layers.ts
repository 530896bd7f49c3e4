/**
 * @file Pruning of layers and blocks: those whose output is nearly their input, or that the outputs hardly miss, are bypassed, one after the other (Men et al., "ShortGPT", 2024, and Gromov et al., "The Unreasonable
 * Ineffectiveness of the Deeper Layers", 2024, for cosine; by divergence as Veit et al., "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", 2016, delete them).
 */
import { calibrate, channelGroups, definePass, layers, matchesAny, option, type PassContext } from "../../compiler/index.ts";
import { type HostTensor, type Module, TersorError, type ValueId } from "../../ir-spec/index.ts";
import { type Block, blocksOf, bypass } from "./blocks.ts";
import { readersOf } from "./channel-scores.ts";
import { Cut, macsAfter } from "./cut.ts";
import { repairable, repairInOrder } from "./repair.ts";

export const pruneLayers = definePass({
  name: "prune-layers",
  doc: "Bypasses blocks and layers that keep their shape, those that are missed least.",
  stage: "compress",
  before: ["prune-filters", "prune-magnitude", "prune-calibrated", "share-weights", "quantize"],
  options: {
    count: option.integer("Blocks to bypass.", 1, { min: 0 }),
    macs: option.number("Instead of count, where above 0: share of multiply-accumulates to remove.", 0, { min: 0, max: 0.99 }),
    by: option.oneOf(
      ["divergence", "cosine"],
      "How far the outputs move without the block, or one less the cosine of its input and its output.",
      "divergence",
    ),
    threshold: option.number("Where above 0: blocks that score more stay.", 0, { min: 0 }),
    keep: option.names("Weights whose blocks stay, as globs over constant names.", []),
    repair: option.bool("Fit the layers behind to their old outputs, in order, by least squares.", true),
    samples: option.integer("Calibration samples, at most.", 256, { min: 1, max: 1024 }),
  },
  async run(module, ctx, options) {
    if (options.count === 0 && options.macs === 0) return module;
    if (!ctx.calibration) throw new TersorError({ code: "E0760", message: "blocks are ranked on calibration data, and there is none" });
    const candidates = () =>
      blocksOf(current, ctx.registry).filter(({ constants }) => !constants.some((name) => matchesAny(name, options.keep)));
    let current = module;
    if (candidates().length === 0)
      throw new TersorError({ code: "E0761", message: "no block of @main has an input and an output of one type" });
    const total = totalMacs(module, ctx);
    let [gone, removed] = [0, 0];
    const wanted = () => (options.macs > 0 ? removed < options.macs * total : gone < options.count);
    while (wanted()) {
      const best = await leastMissed(module, current, candidates(), ctx, options);
      if (!best || (options.threshold > 0 && best.score > options.threshold)) break;
      current = bypass(current, ctx.registry, best.block);
      gone++;
      removed += best.block.macs;
      ctx.report({
        subject: best.block.constants[0] ?? `block ${gone}`,
        note: `bypassed with ${best.block.constants.length} constants: ${options.by} ${best.score.toPrecision(3)}, ${((100 * best.block.macs) / total).toFixed(1)} % of the multiply-accumulates`,
        numbers: { score: best.score, macs: best.block.macs },
      });
      ctx.progress(
        0.8 * (options.macs > 0 ? Math.min(1, removed / (options.macs * total)) : gone / options.count),
        `${gone} blocks bypassed`,
      );
    }
    if (options.macs > 0 && removed < options.macs * total) throw unreachable(options.macs, removed / total);
    if (options.macs === 0 && gone < options.count)
      ctx.warn(`${gone} of ${options.count} blocks are bypassed: the others would be missed too much, or there are no more`);
    return gone > 0 && options.repair ? repaired(module, current, ctx, options.samples) : current;
  },
});

function unreachable(macs: number, share: number): TersorError {
  return new TersorError({
    code: "E0762",
    message: `macs=${macs} cannot be reached: the blocks that may go hold ${(100 * share).toFixed(1)} % of the multiply-accumulates`,
  });
}

const totalMacs = (module: Module, { analysis, registry }: PassContext): number =>
  macsAfter(analysis(channelGroups, module), registry, new Cut());

interface Options {
  readonly by: "divergence" | "cosine";
  readonly macs: number;
  readonly samples: number;
}

/** By what is lost for each multiply-accumulate where a share of them is to go, else by what is lost. */
async function leastMissed(
  module: Module,
  current: Module,
  blocks: readonly Block[],
  ctx: PassContext,
  options: Options,
): Promise<{ readonly block: Block; readonly score: number } | null> {
  ctx.signal?.throwIfAborted();
  const scores =
    options.by === "cosine"
      ? await cosines(current, blocks, ctx, options.samples)
      : await divergencesOf(module, current, blocks, ctx, options.samples);
  const price = (i: number) => (scores[i] as number) / (options.macs > 0 ? (blocks[i] as Block).macs : 1);
  const order = blocks.map((_, i) => i).filter((i) => Number.isFinite(scores[i]));
  const [best] = order.sort((a, b) => price(a) - price(b) || a - b);
  return best === undefined ? null : { block: blocks[best] as Block, score: scores[best] as number };
}

async function divergencesOf(
  module: Module,
  current: Module,
  blocks: readonly Block[],
  ctx: PassContext,
  samples: number,
): Promise<readonly number[]> {
  const variants = blocks.map((block) => bypass(current, ctx.registry, block));
  const found = (await ctx.calibration?.divergences(module, variants, { samples })) ?? [];
  return found.map(({ value }) => value);
}

/** `1 - cos(input, output)` of each block, the mean over samples. */
async function cosines(module: Module, blocks: readonly Block[], ctx: PassContext, samples: number): Promise<readonly number[]> {
  const { data, executor, signal } = ctx;
  if (!data) return [];
  const ids = [...new Set(blocks.flatMap(({ from, to }) => [from, to]))];
  const seen = new Map<ValueId, HostTensor>();
  const sums = blocks.map(() => ({ sum: 0, count: 0 }));
  const addBatch = (): void =>
    blocks.forEach(({ from, to }, i) => {
      const [x, y] = [seen.get(from), seen.get(to)];
      if (x && y) addCosines(x, y, sums[i] as { sum: number; count: number });
    });
  const observers = new Map(
    ids.map((id, i) => [
      id,
      {
        observe(value: HostTensor) {
          seen.set(id, value);
          if (i === ids.length - 1) addBatch();
        },
      },
    ]),
  );
  await calibrate(module, observers, { executor, data, samples, signal });
  return sums.map(({ sum, count }) => 1 - sum / Math.max(1, count));
}

function addCosines(x: HostTensor, y: HostTensor, into: { sum: number; count: number }): void {
  const batch = x.shape[0] ?? 1;
  const size = x.data.length / Math.max(1, batch);
  for (let row = 0; row < batch; row++) {
    let [xx, yy, xy] = [0, 0, 0];
    for (let i = row * size; i < (row + 1) * size; i++) {
      const [a, b] = [Number(x.data[i]), Number(y.data[i])];
      xx += a * a;
      yy += b * b;
      xy += a * b;
    }
    into.sum += xy / (Math.sqrt(xx * yy) || 1);
    into.count++;
  }
}

/** Fits every layer behind the first bypass. */
async function repaired(module: Module, current: Module, ctx: PassContext, samples: number): Promise<Module> {
  if (!ctx.calibration) return current;
  const left = new Set(ctx.analysis(layers, current).map(({ weight }) => weight));
  const all = ctx.analysis(layers, module);
  const first = all.findIndex(({ weight }) => !left.has(weight));
  const readers = repairable(module, readersOf(all.slice(Math.max(0, first)))).filter(({ layer }) => left.has(layer.weight));
  const context = { registry: ctx.registry, calibration: ctx.calibration, samples, module, cut: new Cut(), measure: true };
  const result = await repairInOrder(context, current, readers, (done) => {
    ctx.signal?.throwIfAborted();
    ctx.progress(0.8 + 0.2 * done, "repairing");
  });
  for (const { layer, before, after } of result.rows)
    ctx.report({
      subject: layer.weight,
      note: `repaired: ${(100 * before).toFixed(2)} % of its output's energy lost before, ${(100 * after).toFixed(2)} % after`,
      numbers: { before, after },
    });
  return result.module;
}
