/**
 * @file The shape of `backends/<name>/manifest.ts`: DATA ONLY, one row per kernel. The compiler reads rows to select kernels, the kernel test loops over them, so
 * that a kernel without a test cannot exist.
 */
import type { RuntimeDType } from "./tensor.ts";

/** A size of a packed operand: fixed, an axis of the operand, or an axis in tiles. */
export type PackDim = number | { readonly axis: number } | { readonly axis: number; readonly tiles: number };

export interface OperandRule {
  readonly dtypes: readonly RuntimeDType[];
  /** Where it may come from; default `any`. */
  readonly source?: "any" | "constant" | "value";
  /**
   * Weight form that the kernel reads in place (IR.md section 1). `dense` (default) reads elements. Another form replaces the operand by that form's leaves:
   * `affine`: codes, scale, zero point; `codebook`: table, codes; `mask`: values, mask.
   */
  readonly form?: "dense" | "affine" | "codebook" | "mask";
  /** Run this kernel over the operand once, in `init`; the step then reads its result. Needs a constant. */
  readonly pack?: { readonly kernel: string; readonly shape: readonly PackDim[]; readonly dtype: RuntimeDType };
  /** Allowed ranks; absent: any. */
  readonly ranks?: readonly number[];
  /** Demanded size of each axis, null for any; another rank does not fit. */
  readonly sizes?: readonly (number | null)[];
  /** The operand must be absent (`_`). */
  readonly absent?: true;
}

export interface AttrRule {
  readonly attr: string;
  /** The attribute, with its default filled in, must equal one of these (lists compare element by element). */
  readonly oneOf: readonly (number | string | boolean | readonly number[])[];
}

/** time in microseconds = launch + macs * macNs / 1000 + (bytes read and written) * byteNs / 1000 + elementOps * opNs / 1000 */
export interface CostTerms {
  readonly launch: number;
  readonly macNs: number;
  readonly byteNs: number;
  readonly opNs: number;
}

/** Between the host's memory and the backend's: time in microseconds = launch + bytes * byteNs / 1000 */
export interface CopyTerms {
  readonly launch: number;
  readonly byteNs: number;
}

export interface KernelRow {
  /** Id in the plan. `<types>_<kernel>`; unique in the manifest; rows of one kernel for several ops repeat the id. */
  readonly id: string;
  /** The op that it computes, e.g. `nn.conv`. */
  readonly op: string;
  /** One rule per operand; the last repeats for a variadic op. Missing trailing rules: operand must be absent. */
  readonly operands: readonly OperandRule[];
  /** Dtype of each result; absent: any. */
  readonly results?: readonly RuntimeDType[];
  readonly when?: readonly AttrRule[];
  /** The result's bytes are the first operand's bytes: no work, shared storage (reshape). */
  readonly view?: true;
  /** Target features it needs: `simd128`, `relaxed-simd`, `shader-f16`. */
  readonly features?: readonly string[];
  readonly cost: CostTerms;
}

export interface Manifest {
  readonly backend: string;
  /** Version of the calling convention of kernels: an extension must match it. */
  readonly abi: number;
  readonly kernels: readonly KernelRow[];
  /** What it costs to bring a tensor there and back; absent where values lie in the host's memory. */
  readonly copies?: { readonly upload: CopyTerms; readonly readBack: CopyTerms };
}
