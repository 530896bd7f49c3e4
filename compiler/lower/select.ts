/**
 * @file Kernel selection: the cheapest row of the target's manifest whose rules an op meets. Pure matching on data; why each row was refused is kept, for
 * the error and for `TERSOR_DEBUG=3`.
 */
import { type Dim, type OpDef, type Operand, printType, type TensorType } from "../../ir-spec/index.ts";
import type { AttrRule, KernelRow, Manifest, OperandRule } from "../../runtime/manifest.ts";
import type { CostContext } from "../cost/family.ts";
import type { CostModel } from "../cost/model.ts";
import { type SymbolicStep, sizedStep, sizeOf, unitSizes } from "../cost/step.ts";

/** What selection needs to know of one operand. */
export interface Candidate {
  readonly operand: Operand;
  readonly type: TensorType | null;
  /** True when the operand is a constant of the module (data or derived). */
  readonly constant: boolean;
  /** Forms that the constant can be read in; `dense` always. */
  readonly forms: readonly string[];
}

export interface SelectRequest {
  readonly def: OpDef;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly operands: readonly Candidate[];
  readonly results: readonly TensorType[];
}

/** What kernels are chosen by: fitted times, in the context of the whole run. */
export interface Prices {
  readonly model: CostModel;
  readonly context: CostContext;
}

export type Selected =
  | { readonly ok: true; readonly row: KernelRow; readonly microseconds: number }
  | { readonly ok: false; readonly refusals: readonly string[] };

export function selectKernel(manifest: Manifest, features: readonly string[], request: SelectRequest, prices: Prices): Selected {
  const refusals: string[] = [];
  let best: { readonly row: KernelRow; readonly microseconds: number } | null = null;
  for (const row of rowsFor(manifest, request.def.name)) {
    const refusal = refuse(row, features, request);
    if (refusal !== null) {
      refusals.push(`${row.id}: ${refusal}`);
      continue;
    }
    const microseconds = prices.model.step(sizedStep(stepOf(row, request)), prices.context);
    if (!best || microseconds < best.microseconds) best = { row, microseconds };
  }
  return best ? { ok: true, ...best } : { ok: false, refusals };
}

const indexes = new WeakMap<Manifest, ReadonlyMap<string, readonly KernelRow[]>>();

function rowsFor(manifest: Manifest, op: string): readonly KernelRow[] {
  let index = indexes.get(manifest);
  if (!index) {
    const building = new Map<string, KernelRow[]>();
    for (const row of manifest.kernels) {
      const rows = building.get(row.op);
      if (rows) rows.push(row);
      else building.set(row.op, [row]);
    }
    index = building;
    indexes.set(manifest, index);
  }
  return index.get(op) ?? [];
}

/** Why the row does not fit, or null. */
function refuse(row: KernelRow, features: readonly string[], request: SelectRequest): string | null {
  const missing = (row.features ?? []).find((feature) => !features.includes(feature));
  if (missing) return `the target lacks ${missing}`;
  for (const [i, candidate] of request.operands.entries()) {
    const refusal = refuseOperand(row, i, candidate, request.def);
    if (refusal) return refusal;
  }
  for (const rule of row.when ?? []) {
    const value = request.attrs[rule.attr];
    if (!matches(rule, value)) return `${rule.attr} = ${JSON.stringify(value)}`;
  }
  const wrong = request.results.findIndex((type, i) => row.results?.[i] !== undefined && row.results[i] !== type.dtype);
  return wrong < 0 ? null : `result ${wrong} is ${request.results[wrong]?.dtype}`;
}

function refuseOperand(row: KernelRow, i: number, candidate: Candidate, def: OpDef): string | null {
  const name = def.operands[Math.min(i, def.operands.length - 1)]?.name ?? `operand ${i}`;
  const rule = ruleFor(row, i, def);
  if (candidate.type === null) return null;
  if (!rule || rule.absent) return `${name} must be absent`;
  const { type } = candidate;
  if (!rule.dtypes.some((dtype) => dtype === type.dtype)) return `${name} is ${printType(type)}`;
  if (rule.source === "constant" && !candidate.constant) return `${name} must be a constant`;
  if (rule.pack && !candidate.constant) return `${name} must be a constant, to be packed at load`;
  if (rule.source === "value" && candidate.constant) return `${name} must not be a constant`;
  if (rule.ranks && !rule.ranks.includes(type.shape.length)) return `${name} has rank ${type.shape.length}`;
  if (rule.sizes && !hasSizes(type, rule.sizes)) return `${name} is ${printType(type)}`;
  if (!candidate.forms.includes(rule.form ?? "dense")) return `${name} has no ${rule.form} form`;
  return null;
}

function hasSizes({ shape }: TensorType, sizes: readonly (number | null)[]): boolean {
  return shape.length === sizes.length && sizes.every((size, axis) => size === null || size === shape[axis]);
}

export function ruleFor(row: KernelRow, i: number, def: OpDef): OperandRule | null {
  const direct = row.operands[i];
  if (direct) return direct;
  const variadic = def.operands[def.operands.length - 1]?.variadic === true;
  return variadic ? (row.operands[row.operands.length - 1] ?? null) : null;
}

function matches(rule: AttrRule, value: unknown): boolean {
  return rule.oneOf.some((allowed) =>
    Array.isArray(allowed) && Array.isArray(value)
      ? allowed.length === value.length && allowed.every((item, i) => item === value[i])
      : allowed === value,
  );
}

/** The request on a chosen row, as the cost model takes it. */
export function stepOf(row: KernelRow, { def, attrs, operands, results }: SelectRequest): SymbolicStep {
  const known = operands.map(({ type, constant }) => type && { type, constant });
  return { kernel: row.id, row, def, attrs, operands: known, results };
}

/** Dims with symbols bound to 1: relative costs of rows for one op keep their order. */
export function numeric(dim: Dim): number {
  return sizeOf(dim, unitSizes);
}
