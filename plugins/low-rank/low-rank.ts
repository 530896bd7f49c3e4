/** @file Low-rank factoring: a layer becomes a chain of thinner ones. README.md has the methods, their papers and when they lose. */
import { definePass, option, type PassContext, reachableConstants } from "../../compiler/index.ts";
import { type Constant, type Module, ModuleEditor } from "../../ir-spec/index.ts";
import { allocateRanks } from "./allocate.ts";
import { candidatesOf, type Refuse, refusing } from "./candidates.ts";
import { costOf, costOfLayer, type Factoring, type Factors, isSmaller, type Ranks, type Stage } from "./factoring.ts";
import { factoringOf, methods } from "./factorings/index.ts";
import { fitted, productOf, relativeError } from "./fit.ts";
import type { LayerView } from "./layer-view.ts";
import { difference, type Matrix, matrix, multiplyTransposed } from "./linear-algebra/matrix.ts";
import { type Moments, momentsOf } from "./moments.ts";
import { predictedTimes } from "./predicted.ts";
import { chooseRanks, type Goal, goalOf, percent, type TimeOf } from "./ranks.ts";
import { replaceByChain } from "./replace.ts";

const share = { min: 0, max: 1 };

export const lowRank = definePass({
  name: "low-rank",
  doc: "Replaces layers by chains of thinner ones whose product is close to their matrix.",
  stage: "compress",
  before: ["prune-magnitude", "share-weights", "quantize"],
  options: {
    method: option.oneOf(
      methods,
      "How the weight is factored; methods for windows factor layers without one as `whitened` does.",
      "whitened",
    ),
    rank: option.integer("Rank of every layer. 0: decided by one of the next five; without any by `macs=50%`.", 0, { min: 0 }),
    energy: option.number("Smallest rank that keeps this share of the sum of squares. 0: not asked.", 0, share),
    error: option.number("Smallest rank with at most this relative error, `sqrt(1 - energy)`. 0: not asked.", 0, share),
    macs: option.number("Largest rank with at most this share of the layer's multiply-accumulates. 0: not asked.", 0, share),
    bytes: option.number("Largest rank with at most this share of the layer's weights. 0: not asked.", 0, share),
    time: option.number("Largest rank with at most this share of the time that the first target predicts. 0: not asked.", 0, share),
    scope: option.oneOf(
      ["layer", "global"],
      "What `macs` and `bytes` are shares of; global: of all these layers together, with the ranks that lose least.",
      "layer",
    ),
    faster: option.bool("Leave layers alone that the first target predicts to become no faster.", false),
    fit: option.bool("With data: fit the last factor to the outputs by least squares; not with `nmf`.", true),
    bias: option.bool("With data: look at inputs about their mean, and put the difference of means into the bias.", true),
    damping: option.number("Added to the diagonal of the inputs' second moments, as a share of its mean.", 1e-4, { min: 0, max: 1 }),
    samples: option.integer("Samples of calibration data.", 256, { min: 1, max: 1024 }),
    layers: option.names("Layers to factor, as globs over weights' names. One named in full that cannot be factored is an error.", ["*"]),
    keep: option.names("Weights to leave alone, as globs.", []),
    min: option.integer("Layers with fewer weights are left alone, unless they are named in full.", 1024, { min: 0 }),
  },
  async run(module, ctx, options) {
    const goal = goalOf(options);
    const refuse = refusing(ctx, options);
    const views = candidatesOf(module, ctx, options, refuse);
    if (views.length === 0) return module;
    if (!ctx.calibration && options.method === "whitened")
      ctx.warn("there is no data: plain SVD, which looks at the error of the weights instead of that of the outputs");
    const moments = await momentsOf(module, ctx, views, options);
    const editor = new ModuleEditor(module, ctx.registry);
    const replaced = new Set<string>();
    const works: Work[] = [];
    for (const [i, view] of views.entries()) {
      await between(ctx, 0.5 + i / views.length / 4, view.name);
      const second = moments.get(view.name) ?? null;
      const factoring = factoringOf(view, ctx.random, options, second?.second ?? null);
      works.push({ module, ctx, options, goal, view, factoring, moments: second, refuse });
    }
    const together = options.scope === "global" ? allocated(works, goal) : null;
    for (const [i, work] of works.entries()) {
      await between(ctx, 0.75 + i / works.length / 4, work.view.name);
      const given = together?.get(work.view.name);
      if (given !== null && factorLayer(editor, work, given)) replaced.add(work.view.name);
    }
    return withoutUnused(editor.freeze(), ctx, replaced);
  },
});

export interface Options {
  readonly method: (typeof methods)[number];
  readonly faster: boolean;
  readonly fit: boolean;
  readonly damping: number;
}

/** Lets timers and abort signals in between layers, which take up to seconds each. */
async function between(ctx: PassContext, fraction: number, note: string): Promise<void> {
  ctx.signal?.throwIfAborted();
  ctx.progress(fraction, note);
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** @throws RangeError on goals that a sum over layers means nothing for */
function allocated(works: readonly Work[], goal: Goal): ReadonlyMap<string, Ranks | null> {
  const [first] = works;
  if (goal.by !== "macs" && goal.by !== "bytes") throw new RangeError(`scope=global takes macs or bytes, not ${goal.by}`);
  const found = first ? allocateRanks(first.module, works, goal.by, goal.share) : new Map<string, Ranks | null>();
  if (found) return found;
  first?.ctx.warn(`even the smallest ranks of all layers take more than ${percent(goal.share)} of their ${goal.by}; left alone`);
  return new Map(works.map(({ view }) => [view.name, null]));
}

interface Work {
  readonly module: Module;
  readonly ctx: PassContext;
  readonly options: Options;
  readonly goal: Goal;
  readonly view: LayerView;
  readonly factoring: Factoring;
  readonly moments: Moments | null;
  readonly refuse: Refuse;
}

/** Whether the layer was replaced. */
function factorLayer(editor: ModuleEditor, work: Work, given?: Ranks): boolean {
  const { module, ctx, options, goal, view, factoring, moments, refuse } = work;
  const timeOf = predictedTimes(module, ctx, view, factoring);
  const choice = given ? { ranks: given } : chooseRanks(view, factoring, goal, timeOf);
  const why = "refused" in choice ? choice.refused : reasonAgainst(work, choice.ranks, timeOf);
  if (why !== null || "refused" in choice) {
    refuse(view.name, why ?? "");
    return false;
  }
  const made = factoring.factor(choice.ranks);
  // A fitted factor has signs of its own: what NMF is used for would be gone.
  const fits = options.fit && options.method !== "nmf";
  const factors = (fits && moments ? fitted(view.matrix, made, moments.second, options.damping) : null) ?? made;
  const approximated = productOf(factors);
  const stages: readonly Stage[] = [...factors.stages, { ...factors.end, values: factors.last.data }];
  const bias = moments?.centre ? correctedBias(view, approximated, moments.centre) : null;
  replaceByChain(editor, {
    weight: module.constants.get(view.name) as Constant,
    stages,
    replacements: view.layers.map((layer) => ({ layer, bias })),
  });
  reportLayer(work, choice.ranks, approximated, factors);
  return true;
}

/** `b + (W - W') E[x]`: the mean output stays what it was. */
function correctedBias(view: LayerView, approximated: Matrix, { mean, bias }: NonNullable<Moments["centre"]>): Float64Array {
  const shift = multiplyTransposed(matrix(1, mean.length, mean), difference(view.matrix, approximated)).data;
  return bias.map((value, i) => value + (shift[i] as number));
}

function reasonAgainst({ ctx, options, view, factoring }: Work, ranks: Ranks, timeOf: TimeOf): string | null {
  const shapes = factoring.shapes(ranks);
  if (!isSmaller(view, shapes)) {
    const [before, after] = [costOfLayer(view), costOf(view, shapes)];
    return `rank ${ranks.join(" x ")} would take ${after.weights} weights instead of ${before.weights}, and ${percent(after.macs / before.macs)} of its MACs`;
  }
  if (!options.faster) return null;
  const time = timeOf(ranks);
  if (time === null) return `${ctx.target?.name ?? "no target"} predicts no time for it`;
  return time < 1 ? null : `rank ${ranks.join(" x ")} would take ${percent(time)} of its time on ${ctx.target?.name}`;
}

function reportLayer({ ctx, view, factoring, moments }: Work, ranks: Ranks, approximated: Matrix, factors: Factors): void {
  const [before, after] = [costOfLayer(view), costOf(view, factoring.shapes(ranks))];
  const numbers = {
    rank: ranks[0] as number,
    weightsBefore: before.weights,
    weightsAfter: after.weights,
    macs: after.macs / before.macs,
    weightError: relativeError(view.matrix, approximated, null),
    ...(moments ? { outputError: relativeError(view.matrix, approximated, moments.second) } : {}),
    predictedError: factoring.lost(ranks),
  };
  const chain = [...factors.stages, factors.end].map(({ part }) => part).join(", ");
  ctx.report({ subject: view.name, note: `${factoring.method}, rank ${ranks.join(" x ")}: ${chain}`, numbers });
}

function withoutUnused(module: Module, ctx: PassContext, replaced: ReadonlySet<string>): Module {
  if (replaced.size === 0) return module;
  const reachable = reachableConstants(module);
  const editor = new ModuleEditor(module, ctx.registry);
  for (const name of replaced) if (!reachable.has(name)) editor.removeConstant(name);
  return editor.freeze();
}
