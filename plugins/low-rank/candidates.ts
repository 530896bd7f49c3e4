/** @file The layers that can be factored: one entry per weight, with all ops that use it. Others are left alone with a reason, or are an error where the user named them. */
import { definitionOf, type Layer, layers, leafValues, matchesAny, type PassContext } from "../../compiler/index.ts";
import { type Module, TersorError } from "../../ir-spec/index.ts";
import { type LayerView, viewOf } from "./layer-view.ts";

export interface CandidateOptions {
  readonly layers: readonly string[];
  readonly keep: readonly string[];
  readonly min: number;
}

/** Warns, or throws E0730 where `layers` has the weight's full name. */
export type Refuse = (name: string, why: string) => void;

export function refusing(ctx: PassContext, { layers }: CandidateOptions): Refuse {
  return (name, why) => {
    if (layers.includes(name)) throw new TersorError({ code: "E0730", message: `@${name} cannot be factored: ${why}`, where: `@${name}` });
    ctx.warn(`${name}: ${why}; left alone`);
  };
}

/** @throws TersorError E0730 on a named weight that does not exist or cannot be factored */
export function candidatesOf(module: Module, ctx: PassContext, options: CandidateOptions, refuse: Refuse): readonly LayerView[] {
  const groups = new Map<string, Layer[]>();
  for (const layer of ctx.analysis(layers, module)) groups.set(layer.weight, [...(groups.get(layer.weight) ?? []), layer]);
  for (const name of options.layers) if (!/[*?]/.test(name) && !groups.has(name)) refuse(name, "main has no layer with this weight");
  const views: LayerView[] = [];
  for (const [name, [first, ...rest]] of groups) {
    if (!first || !matchesAny(name, options.layers) || matchesAny(name, options.keep)) continue;
    if (first.outputs * first.inputs < options.min && !options.layers.includes(name)) continue;
    const why = reasonAgainst(module, first, rest);
    if (why !== null) {
      refuse(name, why);
      continue;
    }
    const view = viewOf(module, ctx, [first, ...rest]);
    if (view.matrix.data.every(Number.isFinite)) views.push(view);
    else refuse(name, "it has NaN or infinite weights");
  }
  return views;
}

function reasonAgainst(module: Module, first: Layer, rest: readonly Layer[]): string | null {
  const { weight, leaf, groups, op } = first;
  if (groups > 1) return `it has ${groups} groups, whose matrices are small already`;
  if (leafValues(module, leaf) === null) return `@${leaf} is defined by ${definitionOf(module, leaf)}, not float data`;
  if (isPruned(module, weight, leaf)) return "its zeros are structural, factors would fill them";
  if (rest.some((other) => other.op.name !== op.name)) return "ops of different kinds use it";
  const uses = usesOf(module, weight);
  if (uses !== rest.length + 1) return "something else uses it, so that it would have to stay beside the factors";
  if (leaf !== weight && usesOf(module, leaf) > 1) return `@${leaf} has other uses, so that it would have to stay beside the factors`;
  return null;
}

/** A mask or sparse form between the weight and its leaf. */
function isPruned(module: Module, weight: string, leaf: string): boolean {
  for (let name = weight; name !== leaf; ) {
    const constant = module.constants.get(name);
    if (constant?.kind !== "derived" || constant.op === "sparse.expand") return true;
    name = constant.operands[0] ?? leaf;
  }
  return false;
}

/** Mentions of a constant in bodies and definitions. */
function usesOf(module: Module, name: string): number {
  let uses = 0;
  const count = (operands: readonly unknown[]) => {
    for (const operand of operands) if (operand === name) uses++;
  };
  for (const func of module.functions.values()) {
    for (const { operands } of func.ops) count(operands);
    count(func.returns);
  }
  for (const constant of module.constants.values()) if (constant.kind === "derived") count(constant.operands);
  return uses;
}
