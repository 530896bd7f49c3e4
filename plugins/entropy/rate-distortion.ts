/**
 * @file Rate-distortion quantization (Wiedemann et al., "DeepCABAC", 2019): integer codes with a step per output channel, each code chosen among the nearest one, the next towards zero and zero itself by error and by the bits
 * that the context coder asks for it at that place. Greedy in the order of coding; data-free.
 */
import { definePass, leafValues, matchesAny, option, redefineAs, type Weight, weights } from "../../compiler/index.ts";
import { type Constant, dataConstant, encodeTensor, hostTensor, type Module, ModuleEditor, tensorType } from "../../ir-spec/index.ts";
import { ContextModel, codeValue, gridOf, type ProbabilityCoder, Walk } from "../../runtime/index.ts";

export const rateDistortion = definePass({
  name: "rate-distortion",
  doc: "Quantizes weights per channel, each to the code of least error + lambda * bits as the context coder prices it.",
  stage: "compress",
  after: ["prune-magnitude", "share-weights"],
  options: {
    bits: option.integer("Bits of a code; those up to 4 are stored in 4.", 8, { min: 2, max: 8 }),
    lambda: option.number("Squared steps of error that a bit is worth; 0 rounds to nearest.", 0.05, { min: 0 }),
    step: option.number("Step of a channel, as a multiple of the one that just holds its largest weight.", 1, { min: 1, max: 64 }),
    min: option.integer("Layers with fewer stored weights are left alone.", 64, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
  },
  run(module, ctx, options) {
    const editor = new ModuleEditor(module, ctx.registry);
    const done = new Set<string>();
    for (const weight of ctx.analysis(weights, module)) {
      if (weight.count < options.min || done.has(weight.leaf) || matchesAny(weight.name, options.keep)) continue;
      done.add(weight.leaf);
      const values = leafValues(module, weight.leaf);
      if (!values || values.length < options.min) continue;
      if (!values.every(Number.isFinite)) {
        ctx.warn(`${weight.name}: weights that are infinite or no numbers: left alone`);
        continue;
      }
      const { leaf, shape } = leafOf(module, weight);
      const quantized = quantize(values, shape, options);
      store(editor, leaf, shape, quantized);
      const { bits, error } = quantized;
      ctx.report({
        subject: weight.name,
        note: `int${options.bits}, lambda ${options.lambda}`,
        numbers: { bits: bits / values.length, mse: error },
      });
    }
    return editor.freeze();
  },
});

function leafOf(module: Module, weight: Weight): { readonly leaf: Constant; readonly shape: readonly number[] } {
  const leaf = module.constants.get(weight.leaf) as Constant;
  return { leaf, shape: leaf.type.shape.map(Number) };
}

export interface Trade {
  readonly bits: number;
  readonly step: number;
  readonly lambda: number;
}

interface Quantized {
  /** Of a stored code: 4 or 8 bits. */
  readonly width: number;
  readonly codes: Int8Array;
  /** One per channel, or one in all for a list. */
  readonly scales: Float32Array;
  /** As the model prices the codes chosen. */
  readonly bits: number;
  readonly error: number;
}

/** Sums what decisions cost. */
class Price implements ProbabilityCoder {
  bits = 0;

  code(probability: number, bit: number): number {
    this.bits -= Math.log2((bit === 1 ? probability : 65536 - probability) / 65536);
    return bit;
  }
}

/** @param shape of the values; channels along axis 0 where there are two axes or more */
export function quantize(values: ArrayLike<number>, shape: readonly number[], options: Trade): Quantized {
  const { step, lambda } = options;
  const limit = (1 << (options.bits - 1)) - 1;
  const width = options.bits <= 4 ? 4 : 8;
  const grid = gridOf(width, shape, 0);
  const scales = channelScales(values, grid.row, limit, step);
  const codes = new Int8Array(values.length);
  const model = new ContextModel(width);
  const walk = new Walk(codes, grid);
  let [bits, error] = [0, 0];
  for (let i = 0; i < codes.length; i++) {
    const scale = scales[Math.floor(i / grid.row)] as number;
    const exact = (values[i] as number) / scale;
    walk.enter(model, i);
    const code = cheapest(model, exact, limit, lambda, width);
    codes[i] = code;
    const price = new Price();
    codeValue(price, model, code, width);
    walk.leave(i, code);
    bits += price.bits;
    error += ((values[i] as number) - code * scale) ** 2;
  }
  return { width, codes, scales, bits, error: codes.length === 0 ? 0 : error / codes.length };
}

function cheapest(model: ContextModel, exact: number, limit: number, lambda: number, width: number): number {
  const nearest = Math.max(-limit, Math.min(limit, Math.round(exact)));
  if (nearest === 0 || lambda === 0) return nearest;
  let best = { cost: Number.POSITIVE_INFINITY, code: nearest };
  model.learning = false;
  for (const code of new Set([nearest, nearest - Math.sign(nearest), 0])) {
    const price = new Price();
    codeValue(price, model, code, width);
    const cost = (exact - code) ** 2 + lambda * price.bits;
    if (cost < best.cost) best = { cost, code };
  }
  model.learning = true;
  return best.code;
}

/** 1 for a channel of zeros. */
function channelScales(values: ArrayLike<number>, row: number, limit: number, step: number): Float32Array {
  const largest = new Float64Array(row === 0 ? 0 : values.length / row);
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / row);
    largest[channel] = Math.max(largest[channel] as number, Math.abs(values[i] as number));
  }
  return Float32Array.from(largest, (max) => (max === 0 ? 1 : (max * step) / limit));
}

function store(editor: ModuleEditor, leaf: Constant, shape: readonly number[], { width, codes, scales }: Quantized): void {
  const dtype = width === 4 ? "i4" : "i8";
  const codesName = editor.freshSymbol(`${leaf.name}.q`);
  editor.setConstant(dataConstant(codesName, tensorType(dtype, shape), encodeTensor(hostTensor(dtype, shape, codes)), leaf.loc));
  const scaleShape = shape.length < 2 ? [] : [shape[0] as number];
  const scaleName = editor.freshSymbol(`${leaf.name}.s`);
  editor.setConstant(dataConstant(scaleName, tensorType("f32", scaleShape), encodeTensor(hostTensor("f32", scaleShape, scales)), leaf.loc));
  redefineAs(editor, leaf, "quant.dequantize", [codesName, scaleName, null], shape.length < 2 ? {} : { axis: 0 });
}
