/**
 * @file Blocks that can be bypassed: a value and the nearest value before it that all of it depends on and that has the same type, with layers between. Taking the earlier value for the later one is legal by
 * type alone; a residual block is one, and so is any layer that keeps its shape.
 */
import {
  type EditableOp,
  type Func,
  isFloat,
  type Module,
  ModuleEditor,
  mainFunction,
  type OpRegistry,
  operandTypes,
  type TensorType,
  typeEquals,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { sizedDim } from "./cut.ts";

export interface Block {
  readonly from: ValueId;
  readonly to: ValueId;
  /** Constants that only the block uses, in order: its layers' weights first of all. */
  readonly constants: readonly string[];
  /** Multiply-accumulates that go. */
  readonly macs: number;
}

/** In the order of their ends. Blocks that end in a result of the function are left out, as are those without multiply-accumulates. */
export function blocksOf(module: Module, registry: OpRegistry): readonly Block[] {
  const func = mainFunction(module);
  const parents = dominators(func);
  const work = func.ops.map((op) => macsOf(module, registry, func, op));
  return func.ops.flatMap((op): readonly Block[] => {
    const [to] = op.results;
    if (to === undefined || op.results.length !== 1 || func.returns.includes(to)) return [];
    const { type } = valueInfo(func, to);
    if (!isFloat(type.dtype) || type.shape.length < 2) return [];
    for (let from = parents.get(to) ?? null; from !== null; from = parents.get(from) ?? null) {
      if (!typeEquals(valueInfo(func, from).type, type)) continue;
      const inside = between(func, from, to);
      const macs = inside.reduce((sum, i) => sum + (work[i] as number), 0);
      if (macs === 0) continue;
      return [{ from, to, constants: constantsOf(func, inside), macs }];
    }
    return [];
  });
}

/** The next value before each on which all its ways from the parameters meet; null for none. */
function dominators(func: Func): ReadonlyMap<ValueId, ValueId | null> {
  const parent = new Map<ValueId, ValueId | null>(func.params.map((id) => [id, null]));
  const chain = (id: ValueId): ValueId[] => {
    const list: ValueId[] = [];
    for (let at: ValueId | null = id; at !== null; at = parent.get(at) ?? null) list.push(at);
    return list;
  };
  for (const op of func.ops) {
    const inputs = op.operands.filter((operand): operand is ValueId => typeof operand === "number");
    const [first, ...others] = inputs.map(chain);
    const sets = others.map((list) => new Set(list));
    const meeting = first?.find((id) => sets.every((set) => set.has(id))) ?? null;
    for (const result of op.results) parent.set(result, meeting);
  }
  return parent;
}

/** Places of the ops between: those that `to` needs and that need `from`, and are needed by nothing else. */
function between(func: Func, from: ValueId, to: ValueId): readonly number[] {
  const needed = new Set<ValueId>([to]);
  const inside: number[] = [];
  const users = new Map<ValueId, Set<number>>();
  func.ops.forEach((op, i) => {
    for (const operand of op.operands) if (typeof operand === "number") users.set(operand, (users.get(operand) ?? new Set()).add(i));
  });
  const taken = new Set<number>();
  for (let i = func.ops.length - 1; i >= 0; i--) {
    const op = func.ops[i] as Func["ops"][number];
    const only = op.results.every(
      (id) => id === to || (!func.returns.includes(id) && [...(users.get(id) ?? [])].every((user) => taken.has(user))),
    );
    if (!op.results.some((id) => needed.has(id)) || op.results.includes(from) || !only) continue;
    taken.add(i);
    inside.unshift(i);
    for (const operand of op.operands) if (typeof operand === "number" && operand !== from) needed.add(operand);
  }
  return inside;
}

function constantsOf(func: Func, inside: readonly number[]): readonly string[] {
  const within = new Set(inside);
  const names = inside.flatMap((i) => (func.ops[i]?.operands ?? []).filter((operand): operand is string => typeof operand === "string"));
  const elsewhere = new Set(func.ops.flatMap((op, i) => (within.has(i) ? [] : op.operands)));
  return [...new Set(names)].filter((name) => !elsewhere.has(name));
}

function macsOf(module: Module, registry: OpRegistry, func: Func, op: Func["ops"][number]): number {
  const def = registry.get(op.name);
  const outputs: readonly TensorType[] = op.results.map((id) => valueInfo(func, id).type);
  return def ? sizedDim(def.work({ types: operandTypes(module, func, op), attrs: registry.attrs(def, op.attrs), outputs }).macs) : 0;
}

/** The module with the block's end replaced by its beginning, and what nobody needs any more gone. */
export function bypass(module: Module, registry: OpRegistry, { from, to }: Block): Module {
  const editor = new ModuleEditor(module, registry);
  const body = editor.function();
  const name = body.info(from).name;
  body.replaceAllUses(to, from);
  body.rename(from, name);
  for (const op of [...body.opsReversed()]) if (isDead(body, op)) body.erase(op);
  body.refreshTypes();
  return editor.freeze();
}

function isDead(body: ReturnType<ModuleEditor["function"]>, op: EditableOp): boolean {
  return op.results.every((id) => body.users(id).length === 0 && !body.isReturned(id));
}
