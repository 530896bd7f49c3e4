/** @file What the target's cost model says of a layer and of the chain in its place: both alone in a module of their own, at the sizes that the layer has here. */
import type { Layer, PassContext, PassTarget } from "../../compiler/index.ts";
import { emptyFunction, emptyModule, type Module, ModuleEditor, mainFunction, TersorError, valueInfo } from "../../ir-spec/index.ts";
import type { Factoring, Ranks, Stage } from "./factoring.ts";
import type { LayerView } from "./layer-view.ts";
import type { TimeOf } from "./ranks.ts";
import { replaceByChain } from "./replace.ts";

/** Symbolic sizes count as 1, as everywhere in predictions. */
export function predictedTimes(module: Module, ctx: PassContext, view: LayerView, factoring: Factoring): TimeOf {
  const { target } = ctx;
  if (!target) return () => null;
  const [layer] = view.layers;
  const alone = layerAlone(module, ctx, layer);
  let before: number | null | undefined;
  const known = new Map<string, number | null>();
  return (ranks) => {
    before ??= stepsTime(target, alone);
    if (before === null || before === 0) return null;
    const key = ranks.join();
    const after = known.get(key) ?? stepsTime(target, chainAlone(alone, ctx, view, factoring, ranks));
    known.set(key, after);
    return after === null ? null : after / before;
  };
}

function layerAlone(module: Module, ctx: PassContext, layer: Layer): Module {
  const func = mainFunction(module);
  const { type } = valueInfo(func, layer.op.operands[layer.input] as number);
  const main = emptyFunction("main", [{ name: "x", type }]);
  const editor = new ModuleEditor({ ...emptyModule("layer"), functions: new Map([["main", main]]) }, ctx.registry);
  const constants = layer.op.operands.slice(1);
  for (const operand of constants) copyConstant(module, editor, typeof operand === "string" ? operand : null);
  const body = editor.function("main");
  const given = constants.map((operand) => (typeof operand === "string" ? operand : null));
  const [y] = body.insertStored(layer.op.name, [main.params[0] as number, ...given], layer.op.attrs);
  body.setResults([{ name: "y", operand: y as number }]);
  return editor.freeze();
}

function copyConstant(module: Module, editor: ModuleEditor, name: string | null): void {
  const constant = name === null ? undefined : module.constants.get(name);
  if (!constant) return;
  if (constant.kind === "derived") for (const operand of constant.operands) copyConstant(module, editor, operand);
  editor.setConstant(constant);
}

function chainAlone(alone: Module, ctx: PassContext, view: LayerView, factoring: Factoring, ranks: Ranks): Module {
  const editor = new ModuleEditor(alone, ctx.registry);
  const [first] = view.layers;
  const op = mainFunction(alone).ops[0];
  const weight = alone.constants.get(view.name);
  if (!op || !weight) throw new RangeError(`@${view.name} is not in the module`);
  const stages = factoring.shapes(ranks).map(
    (shape): Stage => ({
      ...shape,
      values: new Float64Array(shape.outputs * shape.channels * shape.axes.reduce((n, axis) => n * (view.kernel[axis] as number), 1)),
    }),
  );
  replaceByChain(editor, { weight, stages, replacements: [{ layer: { ...first, op, index: 0 }, bias: null }] });
  return editor.freeze();
}

/** Microseconds of the steps; null where the target cannot run it. */
function stepsTime(target: PassTarget, module: Module): number | null {
  try {
    return target.cost(module).steps.reduce((sum, { microseconds }) => sum + microseconds, 0);
  } catch (error) {
    if (error instanceof TersorError && error.problems.every(({ code }) => code === "E0801" || code === "E0806")) return null;
    throw error;
  }
}
