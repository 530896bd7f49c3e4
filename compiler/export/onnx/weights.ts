/**
 * @file Quantized weights as `DequantizeLinear` takes them: codes, scale and zero point, read off a constant's definition. What only moves elements of a dequantized weight
 * (the transpose that an imported `Gemm` has, a codebook, structural zeros) is moved onto the codes, so that the pattern which engines look for, integers straight into the
 * layer, is kept.
 */
import {
  type Constant,
  type Dim,
  evaluateConstant,
  evaluateOp,
  type HostTensor,
  hostTensor,
  type Module,
  type OpRegistry,
} from "../../../ir-spec/index.ts";

export interface QuantizedWeight {
  readonly codes: HostTensor;
  readonly scale: HostTensor;
  readonly zero: HostTensor | null;
  /** Of a scale that is no scalar. */
  readonly axis: number;
  readonly block: number;
  /** The codes, and the scales of blocks, are not those of the named constants but moved. */
  readonly moved: boolean;
  /** Names of the constants that hold them. */
  readonly names: { readonly codes: string; readonly scale: string; readonly zero: string | null };
}

type Derived = Constant & { readonly kind: "derived" };

interface Definitions {
  readonly module: Module;
  readonly registry: OpRegistry;
  /** Constants that have been evaluated. */
  readonly cache: Map<string, HostTensor>;
}

/** null where the definition is something else. */
export function quantizedWeight(name: string, definitions: Definitions): QuantizedWeight | null {
  const constant = definitions.module.constants.get(name);
  if (constant?.kind !== "derived") return null;
  const [first] = constant.operands;
  const moved = movements[constant.op];
  if (moved && first) {
    const inner = quantizedWeight(first, definitions);
    const made = inner && moved(inner, constant, definitions);
    return made && { ...made, moved: true };
  }
  return constant.op === "quant.dequantize" ? dequantized(constant, definitions) : null;
}

function dequantized(constant: Derived, { module, registry, cache }: Definitions): QuantizedWeight | null {
  const [codes, scale, zero = null] = constant.operands;
  if (!codes || !scale) return null;
  const { axis, block } = registry.attrs(registry.require(constant.op), constant.attrs) as {
    readonly axis: number;
    readonly block: number;
  };
  const value = (operand: string) => evaluateConstant(module, registry, operand, cache);
  const tensor = value(codes);
  return {
    codes: tensor,
    scale: value(scale),
    zero: zero === null ? null : value(zero),
    axis: axis < 0 ? axis + tensor.shape.length : axis,
    block,
    moved: false,
    names: { codes, scale, zero },
  };
}

/** The weight after the movement, null where its scales do not follow. */
type Move = (weight: QuantizedWeight, movement: Derived, definitions: Definitions) => QuantizedWeight | null;

/** Blocked scales have the axes of the codes and move with them. */
const transposed: Move = (weight, { op, attrs }, { registry }) => {
  const move = (tensor: HostTensor): HostTensor => evaluateOp(registry, op, [tensor], attrs)[0] ?? tensor;
  const { perm } = registry.attrs(registry.require(op), attrs) as { readonly perm: readonly number[] };
  const { codes, scale, zero, axis, block } = weight;
  const rank = codes.shape.length;
  const at = perm.map((from) => (from < 0 ? from + rank : from)).indexOf(axis);
  const blocked = block > 0 ? { scale: move(scale), zero: zero && move(zero) } : {};
  return { ...weight, codes: move(codes), axis: at, ...blocked };
};

/** One scale for all goes through any reshape; a scale per index where its axis and what is before it stay. */
const reshaped: Move = (weight, { type }) => {
  const { codes, scale, axis, block } = weight;
  const shape = type.shape.filter((dim): dim is number => typeof dim === "number");
  if (block > 0 || shape.length !== type.shape.length) return null;
  const made = { ...weight, codes: hostTensor(codes.dtype, shape, codes.data) };
  if (scale.shape.length === 0) return made;
  const before = product(codes.shape.slice(0, axis));
  const at = shape.findIndex((size, i) => size === codes.shape[axis] && product(shape.slice(0, i)) === before);
  return at < 0 ? null : { ...made, axis: at };
};

const product = (sizes: readonly Dim[]): number => sizes.reduce<number>((n, size) => n * (size as number), 1);

/** Elements chosen or spread one by one keep one scale for all. */
const rearranged: Move = (weight, { op, operands, attrs }, { module, registry, cache }) => {
  if (weight.scale.shape.length > 0) return null;
  const others = operands.slice(1).map((operand) => (operand === null ? null : evaluateConstant(module, registry, operand, cache)));
  const [codes] = evaluateOp(registry, op, [weight.codes, ...others], attrs);
  return codes ? { ...weight, codes } : null;
};

/** The zeros between stored values are codes of 0: they mean 0 only without a zero point. */
const expanded: Move = (weight, movement, definitions) =>
  weight.zero?.data.some((zero: number | bigint) => Number(zero) !== 0) ? null : rearranged(weight, movement, definitions);

const movements: Readonly<Record<string, Move>> = {
  "shape.transpose": transposed,
  "shape.reshape": reshaped,
  "codebook.lookup": rearranged,
  "sparse.expand": expanded,
};

/**
 * The same weight in unsigned codes: 128 more, and so is the zero point. ONNX Runtime multiplies signed 8-bit weights on x86 processors without VNNI by an instruction
 * that saturates sums of two products at 16 bits (its documentation on quantization, "U8S8"); for unsigned ones it takes an exact one.
 */
export function unsignedCodes(weight: QuantizedWeight): QuantizedWeight {
  const { codes, scale, zero } = weight;
  if (codes.dtype !== "i8") return weight;
  const lifted = (tensor: HostTensor): HostTensor =>
    hostTensor(
      "u8",
      tensor.shape,
      Uint8Array.from(tensor.data as Int8Array, (code) => code + 128),
    );
  return { ...weight, codes: lifted(codes), zero: lifted(zero ?? hostTensor("i8", scale.shape)) };
}
