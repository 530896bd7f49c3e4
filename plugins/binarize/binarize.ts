/**
 * @file `binarize`: weights of one bit with a magnitude for each output channel, and if asked for activations of two levels. From: Rastegari, Ordonez, Redmon, Farhadi, "XNOR-Net: ImageNet
 * Classification Using Binary Convolutional Neural Networks", 2016; two free levels in place of plus and minus one, so that values behind a relu have some, too.
 */
import {
  definePass,
  deriveConstant,
  type Layer,
  layerMatrixOf,
  layersOf,
  leafValues,
  matchesAny,
  option,
  type PassContext,
  redefineAs,
} from "../../compiler/index.ts";
import {
  type Constant,
  dataConstant,
  encodeTensor,
  type HostTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  mainFunction,
  staticShape,
  TersorError,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { type LevelOptions, type Levels, levelsOf, scalings, thresholds } from "./levels.ts";
import { fittedSigns, type Signs, signsOf } from "./signs.ts";

interface Options extends LevelOptions {
  readonly method: "signs" | "fitted";
  readonly ends: boolean;
  readonly min: number;
  readonly keep: readonly string[];
  readonly samples: number;
}

export const binarize = definePass({
  name: "binarize",
  doc: "Stores weights as one bit each with a magnitude per output channel; activations may become two levels.",
  stage: "compress",
  after: ["prune-magnitude", "share-weights", "fold-batch-norm"],
  before: ["quantize"],
  options: {
    method: option.oneOf(["signs", "fitted"], "fitted: signs and magnitudes of least output error (data).", "fitted"),
    ends: option.bool("The first and the last layer, too.", false),
    activations: option.oneOf(
      thresholds,
      "What a layer reads becomes two levels, apart at 0, at its mean (data), or at threshold.",
      "none",
    ),
    threshold: option.number("activations=given: the threshold.", 0),
    scaling: option.oneOf(
      scalings,
      "The two levels: means of both sides (data), threshold plus and minus the mean distance from it (data), or -1 and 1.",
      "levels",
    ),
    min: option.integer("Layers with fewer weights are left alone.", 64, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
    samples: option.integer("Samples of the data to look at, at most 1024.", 256, { min: 1 }),
  },
  async run(module, ctx, options) {
    const chosen = chosenLayers(module, ctx, options);
    if (chosen.length === 0) {
      ctx.warn("there is no layer to binarize");
      return module;
    }
    const signs = await signsFor(module, ctx, chosen, options);
    const levels = await levelsFor(module, ctx, chosen, options);
    const editor = new ModuleEditor(module, ctx.registry);
    for (const [weight, { bits, magnitudes }] of signs) {
      storeSigns(editor, module.constants.get(weight) as Constant, { bits, magnitudes });
      ctx.report({ subject: weight, note: `1 bit, ${options.method}`, numbers: { bits: 1, channels: magnitudes.length } });
    }
    for (const [value, level] of levels) splitValue(module, editor, value, level, chosen, ctx);
    return editor.freeze();
  },
});

/** Convolutions and linear layers whose weight is float data; neither the first nor the last unless asked for. */
function chosenLayers(module: Module, ctx: PassContext, options: Options): readonly Layer[] {
  const all = layersOf(module).filter(({ transposed }) => !transposed);
  return all.filter(({ weight, outputs, inputs }, i) => {
    if ((!options.ends && (i === 0 || i === all.length - 1)) || outputs * inputs < options.min || matchesAny(weight, options.keep))
      return false;
    const values = leafValues(module, weight);
    if (!values) ctx.warn(`${weight}: it is no float data: left alone`);
    else if (!values.every(Number.isFinite)) ctx.warn(`${weight}: has weights that are NaN or infinite: left alone`);
    return values?.every(Number.isFinite) === true;
  });
}

async function signsFor(module: Module, ctx: PassContext, chosen: readonly Layer[], options: Options): Promise<ReadonlyMap<string, Signs>> {
  const fit = options.method === "fitted" && ctx.calibration !== null;
  if (options.method === "fitted" && !fit) ctx.warn("method=fitted looks at what layers multiply, and there is no data: plain signs");
  const progress = (fraction: number, note?: string) => ctx.progress(fraction * 0.6, note);
  const found = fit ? await ctx.calibration?.collect(module, { grams: chosen }, { samples: options.samples, progress }) : null;
  const signs = new Map<string, Signs>();
  for (const { weight, outputs } of chosen) {
    if (signs.has(weight)) continue;
    ctx.signal?.throwIfAborted();
    const values = leafValues(module, weight) ?? [];
    const users = chosen.filter((layer) => layer.weight === weight);
    const matrix = found ? layerMatrixOf(module, ctx.registry, users, found) : null;
    if (found && !matrix) ctx.warn(`${weight}: no Gram matrix of what it multiplies: plain signs`);
    const plain = signsOf(values, outputs);
    signs.set(weight, matrix ? fittedSigns(values, plain, matrix) : plain);
  }
  return signs;
}

/** `@weight = codebook.lookup([-1, 1], bits) * magnitudes`. */
function storeSigns(editor: ModuleEditor, weight: Constant, { bits, magnitudes }: Signs): void {
  const shape = staticShape(weight.type.shape) ?? [];
  const store = (suffix: string, tensor: HostTensor): string => {
    const name = editor.freshSymbol(`${weight.name}.${suffix}`);
    editor.setConstant(dataConstant(name, { dtype: tensor.dtype, shape: tensor.shape }, encodeTensor(tensor), weight.loc));
    return name;
  };
  const column = shape.map((size, axis) => (axis === 0 ? size : 1));
  const { dtype } = weight.type;
  const codes = store("bits", hostTensor("u1", shape, Uint8Array.from(bits)));
  const table = store("signs", hostTensor(dtype, [2], Float32Array.of(-1, 1)));
  const scale = store("magnitudes", hostTensor(dtype, column, magnitudes));
  const spread = deriveConstant(editor, `${weight.name}.spread`, "codebook.lookup", [table, codes], {}, weight.loc);
  redefineAs(editor, weight, "math.mul", [spread, scale]);
}

/** Of each value that a chosen layer reads. @throws TersorError E0720 where levels want data and there is none */
async function levelsFor(
  module: Module,
  ctx: PassContext,
  chosen: readonly Layer[],
  options: Options,
): Promise<ReadonlyMap<ValueId, Levels>> {
  if (options.activations === "none") return new Map();
  const func = mainFunction(module);
  const read = chosen.flatMap(({ op, input }) => {
    const value = op.operands[input];
    return typeof value === "number" && valueInfo(func, value).type.dtype === "f32" ? [value] : [];
  });
  const values = [...new Set(read)];
  if (options.activations !== "mean" && options.scaling === "none") return new Map(values.map((value) => [value, levelsOf(null, options)]));
  if (!ctx.calibration) {
    throw new TersorError({
      code: "E0720",
      message: `activations=${options.activations} scaling=${options.scaling} takes levels from data, and there is none`,
      hint: "give --data SPEC (compile({ data }) in a program), or activations=zero scaling=none",
    });
  }
  const found = await ctx.calibration.collect(module, { histograms: values }, { samples: options.samples });
  const levels = new Map<ValueId, Levels>();
  for (const value of values) {
    const histogram = found.histogram(value);
    const name = valueInfo(func, value).name ?? `${value}`;
    if (histogram.nonFinite > 0) ctx.warn(`%${name} is NaN or infinite for some samples: it stays float`);
    else levels.set(value, levelsOf(histogram, options));
  }
  return levels;
}

/** The chosen layers that read the value read `where(x > threshold, high, low)` instead. */
function splitValue(
  module: Module,
  editor: ModuleEditor,
  value: ValueId,
  levels: Levels,
  chosen: readonly Layer[],
  ctx: PassContext,
): void {
  const body = editor.function();
  const nodes = [...body.ops()].filter((node) => node.operands.includes(value) || node.results.includes(value));
  const users = chosen.filter(({ op, input }) => op.operands[input] === value);
  const places = new Set(users.map(({ op }) => op.results[0]));
  const readers = nodes.filter((node) => places.has(node.results[0]));
  const [first] = readers;
  if (!first) return;
  body.insertBefore(first);
  const number = (level: number) => body.scalar(Math.fround(level), "f32");
  const above = body.one("math.greater", [value, number(levels.threshold)]);
  const split = body.one("math.where", [above, number(levels.high), number(levels.low)]);
  for (const reader of readers) body.setOperand(reader, 0, split);
  const name = valueInfo(mainFunction(module), value).name ?? `${value}`;
  ctx.report({ subject: `%${name}`, note: "two levels", numbers: { ...levels } });
}
