/** @file One step of a plan as the cost model sees it: an op on a kernel, with every size a number. */
import { byteLengthOf, type Dim, type DType, dimSymbols, evaluateDim, type OpDef, type TensorType } from "../../ir-spec/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";

export interface CostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly bytes: number;
  /** A constant of the module, read in every run. */
  readonly constant: boolean;
}

export interface CostStep {
  /** Kernel id; the op's name where the target has no kernels. */
  readonly kernel: string;
  /** The manifest's row, with its rough terms; null where the target has no kernels. */
  readonly row: KernelRow | null;
  readonly op: string;
  /** With every default filled in. */
  readonly attrs: Readonly<Record<string, unknown>>;
  /** null where absent. */
  readonly operands: readonly (CostTensor | null)[];
  readonly results: readonly CostTensor[];
  /** Multiply-accumulates and other element operations, from the op's record. */
  readonly macs: number;
  readonly elementOps: number;
}

/** A step whose sizes may be symbols. */
export interface SymbolicStep {
  readonly kernel: string;
  readonly row: KernelRow | null;
  readonly def: OpDef;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly operands: readonly ({ readonly type: TensorType; readonly constant: boolean } | null)[];
  readonly results: readonly TensorType[];
}

/** Sizes of symbols; one that is not named is 1. */
export type DimSizes = ReadonlyMap<string, number>;

export const unitSizes: DimSizes = new Map();

/** @throws RangeError when the sizes make no sense, as a division by zero */
export function sizedStep(step: SymbolicStep, sizes: DimSizes = unitSizes): CostStep {
  const tensor = (type: TensorType, constant: boolean) => sized(type, constant, sizes);
  const types = step.operands.map((operand) => operand?.type ?? null);
  const work = step.def.work({ types, attrs: step.attrs, outputs: step.results });
  return {
    kernel: step.kernel,
    row: step.row,
    op: step.def.name,
    attrs: step.attrs,
    operands: step.operands.map((operand) => operand && tensor(operand.type, operand.constant)),
    results: step.results.map((type) => tensor(type, false)),
    macs: sizeOf(work.macs, sizes),
    elementOps: sizeOf(work.elementOps ?? 0, sizes),
  };
}

function sized({ dtype, shape }: TensorType, constant: boolean, sizes: DimSizes): CostTensor {
  const numbers = shape.map((dim) => sizeOf(dim, sizes));
  const elements = numbers.reduce((n, d) => n * d, 1);
  return { dtype, shape: numbers, elements, bytes: byteLengthOf(dtype, elements), constant };
}

export function tensorBytes(type: TensorType, sizes: DimSizes): number {
  return sized(type, false, sizes).bytes;
}

export function sizeOf(dim: Dim, sizes: DimSizes): number {
  if (typeof dim === "number") return dim;
  return evaluateDim(dim, new Map([...dimSymbols(dim)].map((symbol) => [symbol, sizes.get(symbol) ?? 1])));
}

/** Bytes that the step reads and writes. */
export function touchedBytes({ operands, results }: CostStep): number {
  return [...operands, ...results].reduce((sum, tensor) => sum + (tensor?.bytes ?? 0), 0);
}
