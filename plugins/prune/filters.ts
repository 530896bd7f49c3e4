/**
 * @file Structured pruning: filters and neurons are removed for real, so that shapes, multiply-accumulates and times shrink, not only bytes (Li et al., "Pruning Filters for Efficient ConvNets", 2017). What must go
 * together says the channel-group analysis; what reads it is repaired by least squares on calibration data.
 */
import {
  type CalibrationFindings,
  type CalibrationService,
  type ChannelGroup,
  type ChannelGroups,
  channelGroups,
  definePass,
  layers,
  matchesAny,
  option,
  type PassContext,
  shown,
} from "../../compiler/index.ts";
import { type Module, TersorError } from "../../ir-spec/index.ts";
import { activationScores, type Measure, measures, needsData, type Reader, readersOf, weightScores } from "./channel-scores.ts";
import { type ChooseOptions, type Chosen, chooseChannels } from "./choose-channels.ts";
import type { Cut } from "./cut.ts";
import { applyCut, type CutPlan, planCut, zeroChannels } from "./remove-channels.ts";
import { repairAtOnce, repairable, repairInOrder } from "./repair.ts";
import { divergenceScores } from "./sensitivity.ts";

export const pruneFilters = definePass({
  name: "prune-filters",
  doc: "Removes whole filters and neurons, with everything that belongs to them; shapes shrink.",
  stage: "compress",
  before: ["prune-magnitude", "prune-calibrated", "share-weights", "quantize"],
  options: {
    amount: option.number("Share of channels to remove: of each layer, or of all.", 0.25, { min: 0, max: 0.99 }),
    macs: option.number("Instead of amount, where above 0: share of multiply-accumulates to remove.", 0, { min: 0, max: 0.99 }),
    by: option.oneOf(measures, "What the channels that go are least in.", "reconstruction"),
    scope: option.oneOf(
      ["layer", "global", "divergence"],
      "The same share of every layer; one ranking of all; or one ranking in units of how far the outputs move, measured layer by layer.",
      "divergence",
    ),
    min: option.integer("Channels that every layer keeps, at least.", 4, { min: 1 }),
    cap: option.number("Largest share of a layer to remove.", 0.8, { min: 0, max: 0.99 }),
    keep: option.names("Weights whose channels stay, as globs over constant names.", []),
    repair: option.oneOf(
      ["off", "once", "sequential"],
      "Fit layers to their old outputs by least squares on calibration data: those that read removed channels, all at once; or all behind a removed channel, in order.",
      "sequential",
    ),
    samples: option.integer("Calibration samples, at most.", 1024, { min: 1, max: 1024 }),
    mode: option.oneOf(["remove", "zero"], "Remove the channels, or only set them to zero: the same answers, for comparison.", "remove"),
  },
  async run(module, ctx, options) {
    const channels = spared(ctx.analysis(channelGroups, module), options.keep);
    if (channels.groups.length === 0) throw nothing(channels);
    const data = new Statistics(module, ctx, options.samples);
    const scores = await scoresOf(module, ctx, channels, data, options.by);
    const ranked = options.scope === "divergence" ? await inDivergence(module, ctx, channels, scores, data) : scores;
    const { chosen, plan } = choose(module, ctx, channels, ranked, options);
    if (chosen.groups.length === 0) return module;
    report(ctx, channels, chosen);
    if (options.mode === "zero") return zeroChannels(module, ctx.registry, channels, chosen.cut);
    const pruned = applyCut(module, ctx.registry, chosen.cut, plan.attrs);
    return options.repair === "off" ? pruned : repaired(module, pruned, ctx, channels, chosen, data, options.repair);
  },
});

/** Layers behind the first that a cut touches: what they read is not what it was. */
function changedReaders({ sites }: ChannelGroups, readers: readonly Reader[], cut: Cut): readonly Reader[] {
  const first = Math.min(
    ...sites.flatMap((site) =>
      "func" in site.at && site.at.func === "main" && site.operands.some((place) => place !== null && cut.touches(place))
        ? [site.at.index]
        : [],
    ),
  );
  return readers.filter(({ layer }) => layer.index > first);
}

/** Grams of the layers that read channels, gathered once, when first asked for. */
class Statistics {
  readonly readers: readonly Reader[];
  private readonly module: Module;
  private readonly ctx: PassContext;
  readonly samples: number;
  private found: Promise<CalibrationFindings> | null = null;

  constructor(module: Module, ctx: PassContext, samples: number) {
    [this.module, this.ctx, this.samples] = [module, ctx, samples];
    this.readers = readersOf(ctx.analysis(layers, module));
  }

  get available(): boolean {
    return this.ctx.calibration !== null;
  }

  findings(): Promise<CalibrationFindings> {
    const { ctx } = this;
    if (!ctx.calibration) throw new TersorError({ code: "E0760", message: "there is no calibration data" });
    this.found ??= ctx.calibration.collect(
      this.module,
      { grams: this.readers.map(({ layer }) => layer) },
      { samples: this.samples, progress: (fraction, note) => ctx.progress(fraction * 0.6, note) },
    );
    return this.found;
  }
}

/** Without the groups that touch a constant that is to be kept. */
function spared(channels: ChannelGroups, keep: readonly string[]): ChannelGroups {
  if (keep.length === 0) return channels;
  const kept = ({ members }: ChannelGroup) => members.some(({ place }) => place.startsWith("@") && matchesAny(place.slice(1), keep));
  return { ...channels, groups: channels.groups.filter((group) => !kept(group)) };
}

function nothing({ fixed }: ChannelGroups): TersorError {
  const reasons = [...new Set(fixed.map(({ place, axis, reason }) => `${shown(place)} axis ${axis}: ${reason}`))].slice(0, 5);
  return new TersorError({ code: "E0761", message: `no channel can be removed${reasons.length === 0 ? "" : `: ${reasons.join("; ")}`}` });
}

async function scoresOf(module: Module, ctx: PassContext, channels: ChannelGroups, data: Statistics, by: Measure): Promise<Float64Array> {
  if (!needsData(by)) return weightScores(module, ctx.registry, channels, by);
  if (!data.available) {
    ctx.warn(`by=${by} needs calibration data and there is none: channels are ranked by=l2`);
    return weightScores(module, ctx.registry, channels, "l2");
  }
  const findings = await data.findings();
  return activationScores(module, ctx.registry, channels, data.readers, findings, by, (done) => {
    ctx.signal?.throwIfAborted();
    ctx.progress(0.6 + done * 0.2, "ranking channels");
  });
}

/** Scores in units of output divergence; as they are, with a warning, without data. */
async function inDivergence(
  module: Module,
  ctx: PassContext,
  channels: ChannelGroups,
  scores: Float64Array,
  data: Statistics,
): Promise<Float64Array> {
  if (!ctx.calibration) {
    ctx.warn("scope=divergence needs calibration data and there is none: one ranking of all layers by scores alone");
    return scores;
  }
  const context = { registry: ctx.registry, calibration: ctx.calibration, samples: data.samples, module, measure: false };
  return divergenceScores(context, channels, scores, data.readers, await data.findings(), (done) => {
    ctx.signal?.throwIfAborted();
    ctx.progress(0.6 + done * 0.2, "output divergence");
  });
}

/** Chooses again without the groups that an op refuses to let go, until all agree. */
function choose(
  module: Module,
  ctx: PassContext,
  channels: ChannelGroups,
  scores: Float64Array,
  options: ChooseOptions,
): { readonly chosen: Chosen; readonly plan: CutPlan & { readonly ok: true } } {
  const allowed = Float64Array.from(scores);
  for (;;) {
    const chosen = chooseChannels(channels, ctx.registry, allowed, options);
    if (!chosen.reached) throw unreachable(chosen, options);
    const plan = planCut(module, ctx.registry, channels, chosen.cut);
    if (plan.ok) return { chosen, plan };
    const { place, axis, reason } = plan.refusal;
    const gone = new Set(chosen.groups.filter(({ members }) => members.some((m) => m.place === place && (m.axis === axis || axis < 0))));
    if (gone.size === 0) throw new TersorError({ code: "E0761", message: `channels of ${shown(place)} cannot be removed: ${reason}` });
    ctx.warn(`${gone.size} channels on axis ${axis} of ${shown(place)} stay: ${reason}`);
    channels.groups.forEach((group, i) => {
      if (gone.has(group)) allowed[i] = Number.NaN;
    });
  }
}

function unreachable({ macsBefore, macsAfter }: Chosen, { macs, min, cap }: ChooseOptions): TersorError {
  const share = (100 * (1 - macsAfter / macsBefore)).toFixed(1);
  return new TersorError({
    code: "E0762",
    message: `macs=${macs} cannot be reached: with min=${min} and cap=${cap} at most ${share} % of the multiply-accumulates can go`,
  });
}

function report(ctx: PassContext, { sites }: ChannelGroups, { cut, macsBefore, macsAfter, groups }: Chosen): void {
  const seen = new Set<string>();
  for (const site of sites)
    site.operands.forEach((place, i) => {
      const size = site.types[i]?.shape[0];
      if (!place?.startsWith("@") || site.def?.operands[i]?.role !== "weight" || seen.has(place) || typeof size !== "number") return;
      seen.add(place);
      const gone = cut.count(place, 0);
      if (gone > 0)
        ctx.report({ subject: place.slice(1), note: `${gone} of ${size} filters removed`, numbers: { removed: gone, kept: size - gone } });
    });
  const share = 1 - macsAfter / macsBefore;
  ctx.report({
    subject: "main",
    note: `${groups.length} channel groups and ${(100 * share).toFixed(1)} % of the multiply-accumulates removed`,
    numbers: { groups: groups.length, macsBefore, macsAfter, share },
  });
}

async function repaired(
  module: Module,
  pruned: Module,
  ctx: PassContext,
  channels: ChannelGroups,
  { cut }: Chosen,
  data: Statistics,
  how: "once" | "sequential",
): Promise<Module> {
  if (!data.available) {
    ctx.warn("there is no calibration data: layers that read removed channels are not repaired");
    return pruned;
  }
  const context = {
    registry: ctx.registry,
    calibration: ctx.calibration as CalibrationService,
    samples: data.samples,
    module,
    cut,
    measure: true,
  };
  const readers = repairable(module, data.readers);
  const result =
    how === "once"
      ? repairAtOnce(context, pruned, readers, await data.findings())
      : await repairInOrder(context, pruned, changedReaders(channels, readers, cut), (done) => {
          ctx.signal?.throwIfAborted();
          ctx.progress(0.8 + done * 0.2, "repairing");
        });
  const fitted = new Set(result.rows.map(({ layer }) => layer.weight));
  for (const { layer, place, axis } of data.readers)
    if (cut.count(place, axis) > 0 && !fitted.has(layer.weight))
      ctx.warn(`${layer.weight}: not repaired: it is shared, no plain data, or has too many columns`);
  for (const { layer, before, after } of result.rows)
    ctx.report({
      subject: layer.weight,
      note: `repaired: ${(100 * before).toFixed(2)} % of its output's energy lost before, ${(100 * after).toFixed(2)} % after`,
      numbers: { before, after },
    });
  return result.module;
}
