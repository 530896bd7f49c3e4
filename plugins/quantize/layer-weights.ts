/**
 * @file Weights for integer layers: symmetric codes with one scale per output channel (`quant.dequantize(codes, scale) {axis = 0}`), and biases as i32 in units of
 * `s_x * s_w`. A pruned, transposed or reshaped weight keeps its tree, over integers now: the scale moves to the outside, where it can be per channel. A shared weight keeps
 * its codes and gets an int8 table with one scale.
 */
import { chainOf, deriveConstant, elementsOf, floatLeaf, leafValues, redefineAs } from "../../compiler/index.ts";
import {
  type Constant,
  countOf,
  type DerivedConstant,
  dataConstant,
  encodeTensor,
  evaluateConstant,
  hostTensor,
  type Module,
  type ModuleEditor,
  type OpRegistry,
  staticShape,
  tensorType,
} from "../../ir-spec/index.ts";
import { quantizeSymmetric } from "./affine.ts";
import type { Coder, CoderOptions } from "./coder.ts";
import type { RangeRule } from "./grid.ts";
import { storageFor } from "./store.ts";

/** What a weight's definition lets us do. */
export type WeightKind =
  | { readonly kind: "values"; readonly leaf: string }
  | { readonly kind: "table"; readonly table: string }
  /** Integers with a scale already. */
  | { readonly kind: "codes" }
  | { readonly kind: "other"; readonly why: string };

export function weightKind(module: Module, name: string): WeightKind {
  if (module.constants.get(name)?.type.dtype !== "f32") return { kind: "other", why: "it is not f32" };
  const leaf = floatLeaf(module, name);
  const constant = module.constants.get(leaf);
  if (leafValues(module, leaf)) return { kind: "values", leaf };
  if (constant?.kind !== "derived") return { kind: "other", why: `@${leaf} is no float data` };
  if (constant.op === "quant.dequantize") return { kind: "codes" };
  if (constant.op !== "codebook.lookup") return { kind: "other", why: `@${leaf} is defined by ${constant.op}` };
  const table = constant.operands[0] as string;
  const tableConstant = module.constants.get(table);
  if (leafValues(module, table)) return { kind: "table", table };
  if (tableConstant?.kind === "derived" && tableConstant.op === "quant.dequantize") return { kind: "codes" };
  return { kind: "other", why: `its table @${table} is no float data` };
}

export interface ChannelOptions {
  readonly bits: number;
  readonly coder: Coder;
  readonly perTensor: boolean;
  /** Least scale of each channel: below it the bias would not fit i32. */
  readonly floors: Float64Array;
}

export interface StoredWeight {
  /** One per output channel, or one for all. */
  readonly scales: Float32Array;
  readonly error: number;
  readonly method: CoderOptions["method"];
}

/** Redefines `@name` as codes with a scale per channel. */
export function storeChannelCodes(
  module: Module,
  editor: ModuleEditor,
  name: string,
  leafName: string,
  options: ChannelOptions,
): StoredWeight {
  const weight = module.constants.get(name) as Constant;
  const leaf = module.constants.get(leafName) as Constant;
  const values = leafValues(module, leafName) as Float32Array | Float64Array;
  const channels = options.perTensor ? 1 : options.floors.length;
  const chain = chainOf(module, name, leafName);
  const owners = options.perTensor ? new Int32Array(values.length) : channelOfElements(module, editor.registry, weight, leaf, channels);
  const blocks = { blockOf: (i: number) => owners[i] as number, count: channels };
  const floors = options.perTensor ? Float64Array.of(Math.max(0, ...options.floors)) : options.floors;
  const filled = new Uint8Array(channels);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) filled[blocks.blockOf(i)] = 1;
  // A channel of zeros has no scale of its own: one that gives its bias 24 bits.
  const raised = (scale: number, i: number) => {
    const floor = floors[i] as number;
    return filled[i] === 0 && floor > 0 ? floor * 64 : Math.max(scale, floor);
  };
  const coded = options.coder.code(leafName, values, blocks, floors, (grid) => ({ ...grid, scales: grid.scales.map(raised) }));
  const { codes, error } = coded;
  const { scales } = coded.grid;
  const inner = rebuild(editor, name, chain, storeCodes(editor, name, leaf, codes, options.bits, chain.length > 0));
  const scale = storeScales(editor, name, weight, scales, options.perTensor);
  redefineAs(editor, weight, "quant.dequantize", [inner, scale, null], options.perTensor ? {} : { axis: 0 });
  return { scales, error, method: coded.method };
}

function storeScales(editor: ModuleEditor, name: string, weight: Constant, scales: Float32Array, single: boolean): string {
  const shape = single ? [] : [scales.length];
  const symbol = editor.freshSymbol(`${name}.s`);
  editor.setConstant(dataConstant(symbol, tensorType("f32", shape), encodeTensor(hostTensor("f32", shape, scales)), weight.loc));
  return symbol;
}

/** The codes as data; widened to i8 where a tree stands on them, since movement kernels take whole bytes. */
function storeCodes(editor: ModuleEditor, name: string, leaf: Constant, codes: Int8Array, bits: number, widen: boolean): string {
  const dtype = storageFor(bits);
  const shape = staticShape(leaf.type.shape) ?? [];
  const symbol = editor.freshSymbol(`${name}.q`);
  editor.setConstant(dataConstant(symbol, tensorType(dtype, shape), encodeTensor(hostTensor(dtype, shape, codes)), leaf.loc));
  return widen && dtype !== "i8" ? deriveConstant(editor, `${symbol}.wide`, "type.unpack", [symbol], {}, leaf.loc) : symbol;
}

function rebuild(editor: ModuleEditor, name: string, chain: readonly DerivedConstant[], codes: string): string {
  return chain.reduce((inner, { op, operands, attrs, loc }) => {
    const values = editor.registry.attrs(editor.registry.require(op), attrs);
    return deriveConstant(editor, `${name}.codes`, op, [inner, ...operands.slice(1)], values, loc);
  }, codes);
}

/** Output channel of each stored element: the tree is run over the elements' numbers. */
function channelOfElements(module: Module, registry: OpRegistry, weight: Constant, leaf: Constant, channels: number): Int32Array {
  const elements = elementsOf(module, registry, weight.name, leaf.name);
  const perChannel = elements.length / channels;
  if (elements.length !== countOf(staticShape(weight.type.shape) ?? []))
    throw new RangeError(`@${weight.name}: its tree gives another shape`);
  const owners = new Int32Array(countOf(staticShape(leaf.type.shape) ?? []));
  elements.forEach((element, i) => {
    if (element >= 0) owners[element] = Math.floor(i / perChannel);
  });
  return owners;
}

/** `@table` as int8 with one scale. */
export function storeTableCodes(module: Module, editor: ModuleEditor, tableName: string, rule: RangeRule): StoredWeight {
  const table = module.constants.get(tableName) as Constant;
  const values = leafValues(module, tableName) as Float32Array | Float64Array;
  const whole = { blockOf: () => 0, count: 1 };
  const { codes, scales, error } = quantizeSymmetric(values, whole, 8, rule);
  const symbol = storeCodes(editor, tableName, table, codes, 8, false);
  redefineAs(editor, table, "quant.dequantize", [symbol, storeScales(editor, tableName, table, scales, true), null]);
  return { scales, error, method: "round" };
}

/** |code| of a bias stays below this: an accumulator has as much left for the products. */
export const mostBias = 2 ** 30;

/** Least scale of a channel for which `bias / (input scale * scale)` stays below `mostBias`. */
export function biasFloor(bias: number, inputScale: number): number {
  return Math.fround((Math.abs(bias) / (inputScale * mostBias)) * (1 + 2 ** -20));
}

export interface StoredBias {
  readonly name: string;
  /** Biases that did not fit and were cut. */
  readonly cut: number;
}

/** A constant `quant.dequantize(i32, s_x * s_w)`: the old one redefined when it has no other user, else a new one. */
export function storeBias(
  module: Module,
  editor: ModuleEditor,
  bias: string,
  inputScale: number,
  weightScales: Float32Array,
  alone: boolean,
): StoredBias {
  const old = module.constants.get(bias) as Constant;
  const values = evaluateConstant(module, editor.registry, bias).data;
  const scales = weightScales.map((scale) => inputScale * scale);
  let cut = 0;
  const codes = Int32Array.from(values as ArrayLike<number>, (value, i) => {
    const code = Math.round(Number(value) / (scales[scales.length === 1 ? 0 : i] as number));
    const kept = Math.max(-mostBias, Math.min(mostBias, code));
    if (kept !== code) cut++;
    return kept;
  });
  const symbol = editor.freshSymbol(`${bias}.q`);
  editor.setConstant(
    dataConstant(symbol, tensorType("i32", [codes.length]), encodeTensor(hostTensor("i32", [codes.length], codes)), old.loc),
  );
  const scale = storeScales(editor, bias, old, scales, weightScales.length === 1);
  const attrs = weightScales.length === 1 ? {} : { axis: 0 };
  if (!alone) return { name: deriveConstant(editor, `${bias}.dq`, "quant.dequantize", [symbol, scale, null], attrs, old.loc), cut };
  redefineAs(editor, old, "quant.dequantize", [symbol, scale, null], attrs);
  return { name: bias, cut };
}
