/**
 * @file The weights of a module, for passes that compress them: constants that an op uses in the role `weight`, each with the float leaf of its definition. Passes rewrite
 * that leaf and keep the rest of the tree, so that techniques nest (IR.md section 1).
 */
import {
  constantBytes,
  countOf,
  decodeTensor,
  type Func,
  isFloat,
  type Module,
  type Op,
  type OpRegistry,
  staticShape,
} from "../../ir-spec/index.ts";
import type { Analysis } from "../pass/pass.ts";

export interface WeightUse {
  readonly func: Func;
  readonly op: Op;
  readonly operand: number;
  /** Named axes of the operand, from the op's record. */
  readonly axes: readonly string[];
}

export interface Weight {
  /** The constant that ops mention. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Elements of the whole weight, zeros included. */
  readonly count: number;
  readonly uses: readonly WeightUse[];
  /** The constant whose data later passes may rewrite: the weight itself, or what its definition unfolds. */
  readonly leaf: string;
}

export const weights: Analysis<readonly Weight[]> = { name: "weights", compute: weightsOf };

/** In order of first use. Integer and symbolic constants are left out. */
export function weightsOf(module: Module, registry: OpRegistry): readonly Weight[] {
  const uses = new Map<string, WeightUse[]>();
  for (const func of module.functions.values()) {
    for (const op of func.ops) {
      const def = registry.get(op.name);
      op.operands.forEach((operand, i) => {
        const spec = def?.operands[i];
        if (typeof operand !== "string" || spec?.role !== "weight") return;
        const use = { func, op, operand: i, axes: spec.axes ?? [] };
        const list = uses.get(operand);
        if (list) list.push(use);
        else uses.set(operand, [use]);
      });
    }
  }
  return [...uses].flatMap(([name, list]) => weightNamed(module, name, list) ?? []);
}

function weightNamed(module: Module, name: string, uses: readonly WeightUse[]): Weight | null {
  const constant = module.constants.get(name);
  const shape = constant && isFloat(constant.type.dtype) ? staticShape(constant.type.shape) : null;
  return shape ? { name, shape, count: countOf(shape), uses, leaf: floatLeaf(module, name) } : null;
}

/** Ops whose first operand carries the weight's own elements, moved or spread. */
const transparent: ReadonlySet<string> = new Set(["sparse.expand", "shape.transpose", "shape.reshape"]);

/** Follows the definition through movement and sparsity to the constant that holds the element values. */
export function floatLeaf(module: Module, name: string): string {
  let current = name;
  for (;;) {
    const constant = module.constants.get(current);
    const next = constant?.kind === "derived" && transparent.has(constant.op) ? constant.operands[0] : null;
    if (!next) return current;
    current = next;
  }
}

/** The leaf's elements when it is float data: what a pass may change. null when it is a definition already (shared, quantized). */
export function leafValues(module: Module, leaf: string): Float32Array | Float64Array | null {
  const constant = module.constants.get(leaf);
  const shape = constant ? staticShape(constant.type.shape) : null;
  if (constant?.kind !== "data" || !shape || !isFloat(constant.type.dtype)) return null;
  return decodeTensor(constant.type.dtype, shape, constantBytes(module, constant)).data as Float32Array | Float64Array;
}

/** What defines a constant, for messages: an op's name, or `data of <dtype>`. */
export function definitionOf(module: Module, name: string): string {
  const constant = module.constants.get(name);
  return constant?.kind === "derived" ? constant.op : `data of ${constant?.type.dtype ?? "nothing"}`;
}

/** Glob over names: `*` any run of characters, `?` one. An empty list of patterns matches nothing. */
export function matchesAny(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => globToRegExp(pattern).test(name));
}

function globToRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s");
}
