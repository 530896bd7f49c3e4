/**
 * @file The reverse sweep: from the last op to the first, each op's `gradient` turns the gradients of its results into those of its operands;
 * several uses of a value add up. Ops that have only a `decompose` are first replaced by what it emits. Reverse-mode differentiation
 * by source transformation: Griewank and Walther, "Evaluating Derivatives", 2008, chapter 6.
 */
import {
  compareDims,
  type Dim,
  type EditableOp,
  type FunctionEditor,
  isFloat,
  isInteger,
  type OpDef,
  type Operand,
  printType,
  type TensorType,
  type ValueId,
} from "../../ir-spec/index.ts";
import { trainingError } from "./errors.ts";

export interface Swept {
  /** The loss: another value than before where the op that made it was decomposed. */
  readonly loss: ValueId;
  readonly grads: readonly (Operand | null)[];
}

/**
 * Gradients of the scalar `loss` with respect to `wanted`, emitted at the end of `body`; null for those that it does not reach.
 * `active` are the values that depend on any of them; it grows with what decompositions add.
 * @throws TersorError E0901 and E0902, naming the op.
 */
export function reverseSweep(body: FunctionEditor, loss: ValueId, active: Set<ValueId>, wanted: readonly ValueId[]): Swept {
  const seeded = decomposeActive(body, loss, active);
  const ops = [...body.opsReversed()];
  body.insertBefore(null);
  const grads = new Map<ValueId, Operand>([[seeded, body.scalar(1, body.typeOf(seeded).dtype)]]);
  for (const op of ops) if (op.results.some((id) => active.has(id) && grads.has(id))) pullBack(body, op, active, grads);
  return { loss: seeded, grads: wanted.map((id) => grads.get(id) ?? null) };
}

function pullBack(body: FunctionEditor, op: EditableOp, active: ReadonlySet<ValueId>, grads: Map<ValueId, Operand>): void {
  const { registry } = body.module;
  const def = registry.require(op.name);
  if (!def.gradient) throw missing(body, def, op);
  checkIntegers(body, def, op, active);
  const operands = def.gradient({
    builder: body,
    operands: op.operands,
    results: op.results,
    grads: op.results.map((id) => grads.get(id) ?? null),
    attrs: registry.attrs(def, op.attrs),
    wanted: op.operands.map((operand) => isWanted(body, operand, active)),
  });
  op.operands.forEach((operand, i) => {
    const grad = operands[i] ?? null;
    if (grad === null || typeof operand !== "number" || !isWanted(body, operand, active)) return;
    checkType(body, op, i, grad);
    const sum = grads.get(operand);
    grads.set(operand, sum === undefined ? grad : body.one("math.add", [sum, grad]));
  });
}

function isWanted(body: FunctionEditor, operand: Operand, active: ReadonlySet<ValueId>): boolean {
  return typeof operand === "number" && active.has(operand) && isFloat(body.typeOf(operand).dtype);
}

/** An integer in the middle of the path would end it without a word: `dequantize(quantize(x))` must be `quant.fake` first. */
function checkIntegers(body: FunctionEditor, def: OpDef, op: EditableOp, active: ReadonlySet<ValueId>): void {
  op.operands.forEach((operand, i) => {
    if (typeof operand !== "number" || !active.has(operand) || !isInteger(body.typeOf(operand).dtype)) return;
    if (def.operands[Math.min(i, def.operands.length - 1)]?.role === "index") return;
    const producer = body.def(operand);
    const detail = `${def.name} reads ${printType(body.typeOf(operand))}${producer ? ` made by ${producer.name}` : ""}, and integers carry none`;
    throw trainingError("E0901", detail, { ...placeOf(body, op), hint: "relax the module first: quantized values become quant.fake" });
  });
}

function checkType(body: FunctionEditor, op: EditableOp, index: number, grad: Operand): void {
  const [has, wants] = [body.typeOf(grad), body.typeOf(op.operands[index] ?? null)];
  if (fits(has, wants)) return;
  const detail = `operand ${index} is ${printType(wants)}, its gradient ${printType(has)}`;
  throw trainingError("E0902", detail, placeOf(body, op));
}

function fits(has: TensorType, wants: TensorType): boolean {
  if (has.dtype !== wants.dtype || has.shape.length !== wants.shape.length) return false;
  return has.shape.every((dim, i) => compareDims(dim, wants.shape[i] as Dim) !== false);
}

function missing(body: FunctionEditor, def: OpDef, op: EditableOp) {
  const why = def.noGradient ?? "its record has neither `gradient` nor `decompose`";
  return trainingError("E0901", `${def.name}: ${why}`, placeOf(body, op));
}

function placeOf(body: FunctionEditor, op: EditableOp) {
  const name = op.results.map((id) => body.info(id).name).find((n) => n !== null);
  return { where: `@${body.name}, ${name ? `%${name} = ` : ""}${op.name}`, ...(op.loc.length > 0 ? { loc: op.loc } : {}) };
}

/** Rounds of decomposition: an op may emit ops that decompose in turn. */
const deepest = 16;

/** Replaces every active op that has a `decompose` and no gradient of its own. Returns what the loss is then. */
function decomposeActive(body: FunctionEditor, loss: ValueId, active: Set<ValueId>): ValueId {
  let current = loss;
  for (let round = 0; round < deepest; round++) {
    const open = [...body.ops()].filter((op) => needsDecompose(body, op, active));
    if (open.length === 0) break;
    for (const op of open) current = decomposeOne(body, op, current);
    spread(body, active);
  }
  return current;
}

function needsDecompose(body: FunctionEditor, op: EditableOp, active: ReadonlySet<ValueId>): boolean {
  const def = body.module.registry.require(op.name);
  return !def.gradient && !def.noGradient && def.decompose !== undefined && op.results.some((id) => active.has(id));
}

function decomposeOne(body: FunctionEditor, op: EditableOp, loss: ValueId): ValueId {
  const { registry } = body.module;
  const def = registry.require(op.name);
  body.insertBefore(op);
  const made = def.decompose?.({ builder: body, operands: op.operands, attrs: registry.attrs(def, op.attrs) }) ?? [];
  for (const [i, id] of op.results.entries()) body.replaceAllUses(id, made[i] ?? null);
  body.erase(op);
  const at = op.results.indexOf(loss);
  return at < 0 ? loss : (made[at] as ValueId);
}

function spread(body: FunctionEditor, active: Set<ValueId>): void {
  for (const op of body.ops()) {
    if (!op.operands.some((operand) => typeof operand === "number" && active.has(operand))) continue;
    for (const id of op.results) active.add(id);
  }
}
