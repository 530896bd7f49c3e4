/**
 * @file `equalize`: cross-layer equalization and bias absorption. Channels of consecutive layers are scaled so that both layers use their range alike; high biases move on into the next layer.
 * The network computes the same. From: Nagel, van Baalen, Blankevoort, Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019.
 */
import { definePass, type Layer, option, type PassContext } from "../../compiler/index.ts";
import { dataConstant, encodeTensor, hostTensor, type Module, tensorType } from "../../ir-spec/index.ts";
import { type ChannelLink, channelLinks, channelOfElement, FloatConstants } from "./channel-links.ts";

export const equalize = definePass({
  name: "equalize",
  doc: "Scales channels of consecutive layers to like ranges, and moves high biases on: for quantization with one step a tensor, and for activations.",
  stage: "compress",
  after: ["fold-batch-norm"],
  before: ["quantize"],
  options: {
    sweeps: option.integer("Sweeps over the pairs, at most; ends when no channel moves by a thousandth.", 20, { min: 1 }),
    absorb: option.bool("Move what a channel always has above 0 into the next layer's bias (data).", true),
    samples: option.integer("absorb: samples of the data to look at, at most 1024.", 256, { min: 1 }),
  },
  async run(module, ctx, { sweeps, absorb, samples }) {
    const links = channelLinks(module).filter((link) => link.layer !== null);
    if (links.length === 0) {
      ctx.warn("there are no consecutive layers with a relu or nothing between them");
      return module;
    }
    const constants = new FloatConstants(module);
    const balanced = balance(links, constants, sweeps);
    for (const [i, link] of links.entries()) report(ctx, link, balanced[i] ?? 1);
    const scaled = constants.written(ctx.registry).freeze();
    return absorb ? absorbed(scaled, ctx, samples) : scaled;
  },
});

/** @returns the largest factor of each link, over all sweeps */
function balance(links: readonly ChannelLink[], constants: FloatConstants, sweeps: number): readonly number[] {
  const totals = links.map(({ channels }) => new Float64Array(channels).fill(1));
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let moved = 0;
    for (const [i, link] of links.entries()) {
      const factors = factorsOf(link, constants);
      constants.scale(link, factors);
      factors.forEach((factor, c) => {
        moved = Math.max(moved, Math.abs(factor - 1));
        (totals[i] as Float64Array)[c] = ((totals[i] as Float64Array)[c] as number) * factor;
      });
    }
    if (moved < 1e-3) break;
  }
  return totals.map((factors) => factors.reduce((most, factor) => Math.max(most, factor, 1 / factor), 1));
}

/** `sqrt(r1 / r2)` for the ranges of rows before and columns after; 1 where either has none. */
function factorsOf(link: ChannelLink, constants: FloatConstants): Float64Array {
  const weight = constants.values(link.producer[0] as string);
  const inner = weight.length / link.channels;
  const after = constants.consumerMost(link);
  return after.map((most, channel) => {
    const row = weight.subarray(channel * inner, (channel + 1) * inner);
    const before = row.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    return before > 0 && most > 0 ? Math.sqrt(before / most) : 1;
  });
}

function report(ctx: PassContext, { layer, consumers }: ChannelLink, factor: number): void {
  const names = consumers.map(({ weight }) => weight).join(", ");
  ctx.report({ subject: layer?.weight ?? names, note: `equalized with ${names}`, numbers: { factor } });
}

/** A channel that is never below c > 0 gives c to the layers behind; exact where these do not pad. */
async function absorbed(module: Module, ctx: PassContext, samples: number): Promise<Module> {
  const links = channelLinks(module).filter(({ layer, plain, consumers }) => plain && layer?.bias && consumers.every(takesBias));
  if (!ctx.calibration) {
    ctx.warn("absorb wants the least value of each channel, and there is no data: biases stay");
    return module;
  }
  const wanted = links.filter(({ layer }) => layer?.op.name !== "nn.conv" || layer.kernel.length === 2);
  if (wanted.length === 0) return module;
  const progress = (fraction: number, note?: string) => ctx.progress(fraction, note);
  const found = await ctx.calibration.collect(module, { channels: wanted.map(({ value }) => value) }, { samples, progress });
  const constants = new FloatConstants(module);
  const fresh = new Map<Layer, Float64Array>();
  for (const link of wanted) {
    const least = found.channels(link.value).min.map((min) => (Number.isFinite(min) ? Math.max(0, min) : 0));
    if (least.every((value) => value === 0)) continue;
    const bias = constants.values(link.layer?.bias as string);
    least.forEach((value, c) => {
      bias[c] = (bias[c] as number) - value;
    });
    for (const layer of link.consumers) give(layer, least, constants, fresh);
  }
  const editor = constants.written(ctx.registry);
  const nodes = [...editor.function().ops()];
  for (const [layer, values] of fresh) {
    const name = editor.freshSymbol(`${layer.weight}.bias`);
    const bytes = encodeTensor(hostTensor("f32", [values.length], Float32Array.from(values)));
    editor.setConstant(dataConstant(name, tensorType("f32", [values.length]), bytes, layer.op.loc));
    const node = nodes[layer.index];
    if (node) editor.function().setOperand(node, 2, name);
  }
  return editor.freeze();
}

/** A convolution or linear layer in f32 without padding whose bias, if any, is its own. */
function takesBias({ op, bias }: Layer): boolean {
  const pad = op.attrs.get("pad");
  const padded = pad?.kind === "list" && pad.value.some((item) => item.kind !== "int" || item.value !== 0);
  const sized = op.attrs.get("auto_pad");
  return (
    op.name !== "nn.matmul" && !padded && sized === undefined && (bias !== null || op.operands[2] === null || op.operands[2] === undefined)
  );
}

function give(layer: Layer, least: Float64Array, constants: FloatConstants, fresh: Map<Layer, Float64Array>): void {
  const bias = layer.bias === null ? (fresh.get(layer) ?? new Float64Array(layer.outputs)) : constants.values(layer.bias);
  if (layer.bias === null) fresh.set(layer, bias);
  const channelOf = channelOfElement(layer);
  constants.values(layer.weight).forEach((value, i) => {
    const row = Math.floor(i / layer.inputs);
    bias[row] = (bias[row] as number) + value * (least[channelOf(i)] as number);
  });
}
