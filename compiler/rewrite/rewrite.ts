/** @file Local rewrites: a name, the op they start from, and a function that replaces it or declines. Run to a fixed point. */
import { type EditableOp, type FunctionEditor, mergeLocations, type Module, ModuleEditor, type Operand, type OpRegistry } from "../../ir-spec/index.ts";

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
export function applyRewrites(module: Module, registry: OpRegistry, rewrites: readonly Rewrite[], log?: (rewrite: string, op: EditableOp) => void): Module {
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

function applyOnce(module: Module, registry: OpRegistry, table: ReadonlyMap<string, readonly Rewrite[]>, log?: (rewrite: string, op: EditableOp) => void): Module {
  const editor = new ModuleEditor(module, registry);
  for (const [name, func] of module.functions) {
    if (!func.ops.some((op) => table.has(op.name))) continue;
    const body = editor.function(name);
    const ctx = contextOf(body, editor, registry);
    for (const op of body.ops()) {
      for (const rewrite of table.get(op.name) ?? []) {
        if (!applyTo(op, rewrite, ctx)) continue;
        log?.(rewrite.name, op);
        break;
      }
    }
  }
  return editor.freeze();
}

function applyTo(op: EditableOp, rewrite: Rewrite, ctx: RewriteContext): boolean {
  ctx.body.insertBefore(op);
  const replacements = rewrite.apply(op, ctx);
  if (!replacements) return false;
  replacements.forEach((to, i) => {
    const from = op.results[i] as number;
    const made = typeof to === "number" ? ctx.body.def(to) : null;
    if (made && made !== op) ctx.body.setLoc(made, mergeLocations(made.loc, op.loc));
    ctx.body.replaceAllUses(from, to);
  });
  ctx.body.erase(op);
  return true;
}

function contextOf(body: FunctionEditor, module: ModuleEditor, registry: OpRegistry): RewriteContext {
  return {
    body,
    module,
    registry,
    attrs: (op) => registry.attrs(registry.require(op.name), op.attrs),
    soleProducer(operand, name) {
      if (typeof operand !== "number") return null;
      const def = body.def(operand);
      return def?.name === name && body.users(operand).length === 1 && !body.isReturned(operand) ? def : null;
    },
  };
}
