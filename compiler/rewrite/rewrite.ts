/** @file Local rewrites: a name, the op they start from, and a function that replaces it or declines. Run to a fixed point. */
import {
  type EditableOp,
  type FunctionEditor,
  type Module,
  ModuleEditor,
  mergeLocations,
  type Operand,
  type OpRegistry,
} from "../../ir-spec/index.ts";

export interface RewriteContext {
  readonly body: FunctionEditor;
  readonly module: ModuleEditor;
  readonly registry: OpRegistry;
  /** Attributes of an op with defaults. */
  attrs(op: EditableOp): Readonly<Record<string, unknown>>;
  /** The op that defines the operand, when it is of this kind and nothing else uses it. */
  soleProducer(operand: Operand | undefined, name: string): EditableOp | null;
}

export interface Rewrite {
  readonly name: string;
  readonly doc: string;
  /** Ops that it starts from. */
  readonly ops: readonly string[];
  /** Operands that replace the op's results, or null to decline. New ops go in front of `op`. */
  apply(op: EditableOp, ctx: RewriteContext): readonly Operand[] | null;
}

const maxRounds = 16;

export interface RewriteLog {
  readonly name: string;
  count: number;
}

/** Applies the rewrites to every function until none applies. Returns the same module when none did. */
export function applyRewrites(
  module: Module,
  registry: OpRegistry,
  rewrites: readonly Rewrite[],
  log?: (rewrite: string, op: EditableOp) => void,
): Module {
  const table = new Map<string, Rewrite[]>();
  for (const rewrite of rewrites) for (const op of rewrite.ops) table.set(op, [...(table.get(op) ?? []), rewrite]);
  let current = module;
  for (let round = 0; round < maxRounds; round++) {
    const next = applyOnce(current, registry, table, log);
    if (next === current) break;
    current = next;
  }
  return current;
}

function applyOnce(
  module: Module,
  registry: OpRegistry,
  table: ReadonlyMap<string, readonly Rewrite[]>,
  log?: (rewrite: string, op: EditableOp) => void,
): Module {
  const editor = new ModuleEditor(module, registry);
  for (const [name, func] of module.functions) {
    if (!func.ops.some((op) => table.has(op.name))) continue;
    const body = editor.function(name);
    const consumed: EditableOp[] = [];
    const ctx = contextOf(body, editor, registry, consumed);
    for (const op of body.ops()) {
      for (const rewrite of table.get(op.name) ?? []) {
        consumed.length = 0;
        if (!applyTo(op, rewrite, ctx, consumed)) continue;
        log?.(rewrite.name, op);
        break;
      }
    }
  }
  return editor.freeze();
}

/** The new op carries the places of all that it replaces: the op, and the producers that only it used. */
function applyTo(op: EditableOp, rewrite: Rewrite, { body, ...rest }: RewriteContext, consumed: readonly EditableOp[]): boolean {
  body.insertBefore(op);
  const replacements = rewrite.apply(op, { body, ...rest });
  if (!replacements) return false;
  for (const [i, to] of replacements.entries()) body.replaceAllUses(op.results[i] as number, to);
  body.erase(op);
  const dead = consumed.filter((producer) => producer.results.every((id) => body.users(id).length === 0 && !body.isReturned(id)));
  const places = mergeLocations(...dead.map((producer) => producer.loc), op.loc);
  for (const to of replacements) {
    const made = typeof to === "number" ? body.def(to) : null;
    if (made && made.loc === op.loc) body.setLoc(made, places);
  }
  for (const producer of dead) body.erase(producer);
  return true;
}

function contextOf(body: FunctionEditor, module: ModuleEditor, registry: OpRegistry, consumed: EditableOp[]): RewriteContext {
  return {
    body,
    module,
    registry,
    attrs: (op) => registry.attrs(registry.require(op.name), op.attrs),
    soleProducer(operand, name) {
      if (typeof operand !== "number") return null;
      const def = body.def(operand);
      if (def?.name !== name || body.users(operand).length !== 1 || body.isReturned(operand)) return null;
      if (!consumed.includes(def)) consumed.push(def);
      return def;
    },
  };
}
