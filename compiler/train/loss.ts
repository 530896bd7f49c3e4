/** @file Puts a loss at the end of a model: labels become a parameter, the mean over the batch the one result. */
import {
  type Func,
  type FunctionEditor,
  type Module,
  ModuleEditor,
  type Operand,
  type OpRegistry,
  printType,
  type TensorType,
  tensorType,
  type ValueId,
} from "../../ir-spec/index.ts";
import { trainingError } from "../autodiff/errors.ts";

/** A loss of scores `[batch, classes]` and one class per sample, `i32 [batch]`; emits the loss of each sample. */
type LossOps = (body: FunctionEditor, scores: Operand, labels: Operand) => ValueId;

const losses = {
  softmax_cross_entropy: (body, scores, labels) => body.one("loss.softmax_cross_entropy", [scores, labels]),
} as const satisfies Record<string, LossOps>;

export type LossName = keyof typeof losses;

export interface WithLoss {
  readonly module: Module;
  /** `(inputs..., labels) -> (loss)`. */
  readonly func: Func;
  /** Name of the parameter that takes the labels. */
  readonly labels: string;
}

/**
 * Replaces the results of `func` by the loss. `result` names the scores, the first result unless said; a softmax that makes it is left out, since the
 * loss wants what stands before it.
 * @throws TersorError E0904 when there is no such result or it is not `[batch, classes]`.
 */
export function withLoss(module: Module, registry: OpRegistry, func: Func, loss: LossName, result?: string): WithLoss {
  const index = result === undefined ? 0 : func.results.findIndex((r) => r.name === result);
  const scores = func.returns[index];
  if (scores === undefined) throw trainingError("E0904", `@${func.name} has no result ${result ?? ""}`);
  const { opened, labels, id } = withLabels(func, scoresType(func, index));
  const functions = new Map(module.functions).set(func.name, opened);
  const editor = new ModuleEditor({ ...module, functions }, registry);
  const body = editor.function(func.name);
  const perSample = losses[loss](body, beforeSoftmax(func, scores), id);
  body.setResults([{ name: "loss", operand: body.one("reduce.mean", [perSample], { axes: [0] }) }]);
  const made = editor.freeze();
  return { module: made, func: made.functions.get(func.name) as Func, labels };
}

function scoresType(func: Func, index: number): TensorType {
  const { name, type } = func.results[index] as Func["results"][number];
  if (type.shape.length !== 2) throw trainingError("E0904", `result ${name} is ${printType(type)}, this loss takes [batch, classes]`);
  return type;
}

function withLabels(func: Func, scores: TensorType): { opened: Func; labels: string; id: ValueId } {
  const taken = new Set(func.values.map((value) => value.name));
  let labels = "labels";
  for (let i = 2; taken.has(labels); i++) labels = `labels.${i}`;
  const id = func.values.length;
  const type = tensorType("i32", scores.shape.slice(0, 1));
  return { opened: { ...func, values: [...func.values, { name: labels, type }], params: [...func.params, id] }, labels, id };
}

function beforeSoftmax(func: Func, scores: ValueId | string): Operand {
  const op = func.ops.find((candidate) => candidate.results.some((id) => id === scores));
  return op?.name === "math.softmax" ? (op.operands[0] ?? null) : scores;
}
