/**
 * @file `quantize-mixed`: bits for each weight. Every weight is stored in every width once, alone, and how far the outputs move then is its sensitivity; a Lagrangian choice keeps the sum of
 * bytes, or of sensitivities, within what is asked for. From: Dong et al., "HAWQ", 2019, with output divergence in place of a Hessian trace.
 */
import {
  definePass,
  leafValues,
  type OptionSpec,
  option,
  type PassContext,
  type PipelineValue,
  reachableConstants,
  type Weight,
} from "../../compiler/index.ts";
import {
  byteLengthOf,
  constantBytes,
  type DataConstant,
  decodeTensor,
  evaluateConstant,
  type Module,
  ModuleEditor,
  staticShape,
  toNumbers,
} from "../../ir-spec/index.ts";
import { type Coder, type CoderOptions, coderFor, methods } from "./coder.ts";
import { type Choice, chooseWithin } from "./lagrangian.ts";
import type { SchemeOptions } from "./scheme.ts";
import { chosenWeights, storeWeight } from "./store-weight.ts";

const widths: OptionSpec<readonly number[]> = {
  type: "list of integers 2..8 and 16",
  doc: "Widths to choose from.",
  required: false,
  fallback: [2, 3, 4, 8],
  parse(value: PipelineValue) {
    const list = Array.isArray(value) ? (value as readonly PipelineValue[]) : [value as PipelineValue];
    const fits = list.every((bits) => typeof bits === "number" && Number.isInteger(bits) && ((bits >= 2 && bits <= 8) || bits === 16));
    return fits && list.length > 0 ? [...new Set(list as readonly number[])].sort((a, b) => a - b) : undefined;
  },
};

interface MixedOptions {
  readonly bits: readonly number[];
  readonly bytes: number;
  readonly divergence: number;
  readonly count: "stored" | "coded";
  readonly method: CoderOptions["method"];
  readonly scheme: CoderOptions["scheme"];
  readonly granularity: SchemeOptions["granularity"];
  readonly group: number;
  readonly min: number;
  readonly keep: readonly string[];
  readonly samples: number;
}

export const quantizeMixed = definePass({
  name: "quantize-mixed",
  doc: "Chooses the bits of each weight by how far the outputs move, within a number of bytes or a divergence.",
  stage: "compress",
  after: ["prune-magnitude", "share-weights"],
  options: {
    bits: widths,
    bytes: option.number("Most bytes of the weights that are chosen for; 0: no limit.", 0, { min: 0 }),
    divergence: option.number("Most that sensitivities may sum up to: KL in nats, or relative squared error; 0: no limit.", 0, { min: 0 }),
    count: option.oneOf(["stored", "coded"], "Bytes as stored, or by the entropy of the codes, for files that entropy codes.", "stored"),
    method: option.oneOf(methods, "As in quantize.", "gptq"),
    scheme: option.oneOf(["symmetric", "affine"], "As in quantize.", "symmetric"),
    granularity: option.oneOf(["auto", "tensor", "channel", "group"], "As in quantize.", "auto"),
    group: option.integer("As in quantize.", 32, { min: 2 }),
    min: option.integer("As in quantize.", 64, { min: 0 }),
    keep: option.names("As in quantize.", []),
    samples: option.integer("Samples of the data to look at, at most 1024.", 1024, { min: 1 }),
  },
  async run(module, ctx, options) {
    if (options.bytes > 0 === options.divergence > 0) throw new RangeError("give bytes or divergence, one of them");
    const chosen = chosenWeights(module, ctx, options).filter(({ leaf }) => leafValues(module, leaf) !== null);
    if (chosen.length === 0) {
      ctx.warn("there is no weight to quantize");
      return module;
    }
    // Codes that were fitted to samples look better on these than on others: half of what judges them was not seen.
    const trials = await codersOf(module, ctx, { ...options, samples: Math.ceil(options.samples / 2) }, chosen);
    const variants = chosen.map((weight) => options.bits.map((bits) => stored(module, ctx, [[weight, bits]], options, trials)));
    const losses = await sensitivities(module, ctx, chosen, variants, options.samples);
    const choices = variants.map((row, i) =>
      row.map((variant, b) => ({ cost: bytesOf(variant, module, options.count), loss: losses[i]?.[b] ?? Number.POSITIVE_INFINITY })),
    );
    const picks = pick(choices, options);
    report(ctx, chosen, choices, picks, options.bits);
    const coders = await codersOf(module, { ...ctx, warn: () => {} }, options, chosen);
    return stored(
      module,
      ctx,
      chosen.map((weight, i) => [weight, options.bits[picks[i] as number] as number] as const),
      options,
      coders,
    );
  },
});

function pick(choices: readonly (readonly Choice[])[], { bytes, divergence }: MixedOptions): readonly number[] {
  const swapped = choices.map((row) => row.map(({ cost, loss }) => ({ cost: loss, loss: cost })));
  const picks = bytes > 0 ? chooseWithin(choices, bytes) : chooseWithin(swapped, divergence);
  if (picks) return picks;
  const least = (what: "cost" | "loss") => choices.reduce((sum, row) => sum + Math.min(...row.map((choice) => choice[what])), 0);
  throw new RangeError(
    bytes > 0
      ? `bytes = ${bytes}: the weights take at least ${Math.ceil(least("cost"))} with these widths`
      : `divergence = ${divergence}: it is at least ${least("loss").toPrecision(3)} with these widths`,
  );
}

async function codersOf(
  module: Module,
  ctx: PassContext,
  options: MixedOptions,
  chosen: readonly Weight[],
): Promise<ReadonlyMap<number, Coder>> {
  const leaves = new Set(chosen.map(({ leaf }) => leaf));
  const coders = new Map<number, Coder>();
  for (const bits of options.bits) {
    // Matrices are gathered once: the service remembers them. Only the first says what is missing.
    const own = coders.size === 0 ? ctx : { ...ctx, warn: () => {} };
    coders.set(bits, await coderFor(module, own, { ...coderDefaults, ...options, bits }, bits === 16 ? new Set() : leaves));
  }
  return coders;
}

const coderDefaults = { calibration: "mse", damping: 0.01, order: "activations", refine: true } as const;

/** The module with these weights in these widths. */
function stored(
  module: Module,
  ctx: PassContext,
  list: readonly (readonly [Weight, number])[],
  options: MixedOptions,
  coders: ReadonlyMap<number, Coder>,
): Module {
  const editor = new ModuleEditor(module, ctx.registry);
  for (const [weight, bits] of list) {
    ctx.signal?.throwIfAborted();
    const coder = coders.get(bits);
    if (coder)
      storeWeight(module, editor, weight, { ...coderDefaults, ...options, half: "f16", bits }, coder, (message) => ctx.warn(message));
  }
  return editor.freeze();
}

/** Of each weight in each width: output divergence, or without data the relative squared error of the weight. */
async function sensitivities(
  module: Module,
  ctx: PassContext,
  chosen: readonly Weight[],
  variants: readonly (readonly Module[])[],
  samples: number,
): Promise<readonly (readonly number[])[]> {
  if (!ctx.calibration) {
    ctx.warn("there is no data: a weight's own squared error stands for how far the outputs move");
    return variants.map((row, i) => row.map((variant) => relativeError(module, variant, (chosen[i] as Weight).leaf, ctx)));
  }
  const progress = (fraction: number, note?: string) => ctx.progress(0.3 + 0.7 * fraction, note);
  const found = await ctx.calibration.divergences(module, variants.flat(), { samples, progress });
  const width = variants[0]?.length ?? 0;
  return variants.map((_, i) => found.slice(i * width, (i + 1) * width).map(({ value }) => value));
}

function relativeError(module: Module, variant: Module, leaf: string, { registry }: PassContext): number {
  const [old, now] = [module, variant].map((of) => toNumbers(evaluateConstant(of, registry, leaf))) as [number[], number[]];
  const power = old.reduce((sum, value) => sum + value * value, 0);
  return old.reduce((sum, value, i) => sum + (value - (now[i] as number)) ** 2, 0) / (power || 1);
}

/** Bytes of the data that the variant has and the module has not. */
function bytesOf(variant: Module, module: Module, count: MixedOptions["count"]): number {
  let total = 0;
  for (const constant of reachableConstants(variant).values()) {
    if (constant.kind === "data" && !module.constants.has(constant.name)) total += constantCost(variant, constant, count);
  }
  return total;
}

function constantCost(module: Module, constant: DataConstant, count: MixedOptions["count"]): number {
  const { dtype } = constant.type;
  const shape = staticShape(constant.type.shape) ?? [];
  const elements = shape.reduce((product, size) => product * size, 1);
  if (count === "stored" || !dtype.startsWith("i")) return byteLengthOf(dtype, elements);
  const histogram = new Map<number, number>();
  for (const code of decodeTensor(dtype, shape, constantBytes(module, constant)).data)
    histogram.set(Number(code), (histogram.get(Number(code)) ?? 0) + 1);
  return [...histogram.values()].reduce((bits, n) => bits - n * Math.log2(n / elements), 0) / 8;
}

function report(
  ctx: PassContext,
  chosen: readonly Weight[],
  choices: readonly (readonly Choice[])[],
  picks: readonly number[],
  bits: readonly number[],
): void {
  for (const [i, weight] of chosen.entries()) {
    const row = choices[i] ?? [];
    const { cost, loss } = row[picks[i] as number] as Choice;
    const others = row.flatMap((choice, b) =>
      b === picks[i] ? [] : [`${bits[b]}: ${Math.ceil(choice.cost)} B, ${choice.loss.toPrecision(2)}`],
    );
    ctx.report({
      subject: weight.name,
      note: `int${bits[picks[i] as number]} rather than ${others.join("; ")}`,
      numbers: { bits: bits[picks[i] as number] as number, bytes: cost, divergence: loss },
    });
  }
  const taken = choices.flatMap((row, i) => row[picks[i] as number] ?? []);
  const numbers = {
    bytes: taken.reduce((sum, { cost }) => sum + cost, 0),
    divergence: taken.reduce((sum, { loss }) => sum + loss, 0),
  };
  ctx.report({ subject: "all", note: "sum over weights", numbers });
}
