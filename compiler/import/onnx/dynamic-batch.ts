/**
 * @file Makes a fixed batch of 1 symbolic. Inputs with a leading 1 get the symbol, reshapes to a leading 1 copy it instead, and then the proof: every value
 * that depends on an input must have the symbol as its first size and nowhere else. Shapes that keep it there keep the samples apart, except in
 * the few ops that could mix them without changing a shape; those are looked at one by one. Whatever cannot be proved is refused.
 */
import {
  type Dim,
  type DimExpr,
  dimEquals,
  dimSymbols,
  type EditableOp,
  type FunctionEditor,
  type Problem,
  printType,
} from "../../../ir-spec/index.ts";
import { ImportFailure } from "./errors.ts";
import type { Param } from "./graph.ts";
import type { BatchSymbol } from "./node.ts";
import type { DimSymbols } from "./symbols.ts";

/** The parameters with a symbolic batch. @throws ImportFailure E0610 when none has a batch */
export function rebatch(params: readonly Param[], symbols: DimSymbols): { readonly params: readonly Param[]; readonly batch: BatchSymbol } {
  const present = params.map((p) => p.type.shape[0]).find((dim): dim is DimExpr => typeof dim === "object");
  const fixed = params.filter((p) => p.type.shape[0] === 1);
  if (fixed.length === 0 && !present) throw new ImportFailure("E0610", "no input has a leading size of 1 that could be a batch");
  const dim = present ?? symbols.fresh("N", "");
  const widened = params.map((p) => (fixed.includes(p) ? { ...p, type: { ...p.type, shape: [dim, ...p.type.shape.slice(1)] } } : p));
  return { params: widened, batch: { dim, inputs: fixed.map((p) => p.name), reshapes: [] } };
}

/** Problems E0610, one for each op that may mix samples; none: samples are independent. */
export function checkBatch(main: FunctionEditor, batch: DimExpr): readonly Problem[] {
  const problems: Problem[] = [];
  const dependent = new Set<number>(main.params.filter((id) => mentions(main.info(id).type.shape, batch)));
  for (const op of main.ops()) {
    const uses = op.operands.some((operand) => typeof operand === "number" && dependent.has(operand));
    if (!uses) continue;
    for (const id of op.results) dependent.add(id);
    const reason = mixes(main, op, batch, dependent);
    if (reason !== null) problems.push(refusal(op, reason));
  }
  return problems;
}

function refusal(op: EditableOp, reason: string): Problem {
  const hint = "import without dynamicBatch, or export the model with a symbolic batch";
  return { code: "E0610", message: `the batch cannot be made dynamic: ${reason}`, where: op.name, loc: op.loc, hint };
}

function mentions(shape: readonly Dim[], batch: DimExpr): boolean {
  return shape.some((dim) => [...dimSymbols(batch)].some((name) => dimSymbols(dim).has(name)));
}

/** Why the op may mix samples, or null. */
function mixes(main: FunctionEditor, op: EditableOp, batch: DimExpr, dependent: ReadonlySet<number>): string | null {
  for (const id of op.results) {
    const { type } = main.info(id);
    const [first, ...others] = type.shape;
    const kept = first !== undefined && dimEquals(first, batch) && !mentions(others, batch);
    if (!kept) return `the result has type ${printType(type)}, whose first size alone should be ${batch.key}`;
  }
  const [x] = op.operands;
  const batched = typeof x === "number" && dependent.has(x);
  return batched && alongBatch(main, op) ? "it works along the first axis" : null;
}

/** Ops that combine or reorder elements along an axis and leave its size as it was. */
function alongBatch(main: FunctionEditor, op: EditableOp): boolean {
  const attrs = main.module.registry.attrs(main.module.registry.require(op.name), op.attrs);
  const rank = main.typeOf(op.operands[0] ?? null).shape.length;
  const first = (axis: unknown) => axis === 0 || axis === -rank;
  switch (op.name) {
    case "math.softmax":
    case "math.log_softmax":
    case "shape.gather":
      return first(attrs.axis);
    case "shape.slice":
      return Array.isArray(attrs.axes) && attrs.axes.some(first);
    default:
      return false;
  }
}
