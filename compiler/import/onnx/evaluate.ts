/**
 * @file Small tensors that the graph computes from constants alone, for operands that must be known while importing (a range's bounds, an axis): walked back from the value and
 * evaluated by the ops' own references. What is evaluated stays in the graph; a later pass drops it when nothing else uses it.
 */
import {
  decodeTensor,
  evaluateOp,
  type FunctionEditor,
  type HostTensor,
  hostTensor,
  type Operand,
  staticShape,
  type ValueId,
} from "../../../ir-spec/index.ts";
import type { Value } from "./value.ts";

/** Elements of each tensor on the way. */
const mostElements = 1024;
/** Ops between the value and the constants. */
const deepest = 200;

/** Values that were asked for. An op's result never changes while a graph is imported. */
const known = new WeakMap<FunctionEditor, Map<ValueId, HostTensor | null>>();

/** The value's elements when they follow from constants, else null. @throws TersorError as the evaluated ops do */
export function evaluated(value: Value, editor: FunctionEditor): HostTensor | null {
  if (value.kind === "result") return resultOf(value.id, editor, 0);
  const shape = smallShape(value.type.shape);
  if (!shape) return null;
  if (value.kind === "constant") return decodeTensor(value.type.dtype, shape, value.bytes);
  const sizes = value.elements.filter((element) => typeof element === "number");
  if (sizes.length < value.elements.length) return null;
  const tensor = hostTensor(value.type.dtype, shape);
  sizes.forEach((size, i) => {
    tensor.data[i] = tensor.data instanceof BigInt64Array ? BigInt(size) : size;
  });
  return tensor;
}

function smallShape(dims: Value["type"]["shape"]): readonly number[] | null {
  const shape = staticShape(dims);
  return shape && shape.reduce((n, d) => n * d, 1) <= mostElements ? shape : null;
}

function resultOf(id: ValueId, editor: FunctionEditor, depth: number): HostTensor | null {
  const values = known.get(editor) ?? new Map<ValueId, HostTensor | null>();
  known.set(editor, values);
  const present = values.get(id);
  if (present !== undefined) return present;
  const value = depth < deepest && smallShape(editor.typeOf(id).shape) ? computed(id, editor, depth) : null;
  values.set(id, value);
  return value;
}

function computed(id: ValueId, editor: FunctionEditor, depth: number): HostTensor | null {
  const op = editor.def(id);
  if (!op || op.operands.length === 0 || editor.module.registry.require(op.name).execute) return null;
  const inputs: (HostTensor | null)[] = [];
  for (const operand of op.operands) {
    const input = operand === null ? null : operandOf(operand, editor, depth);
    if (operand !== null && input === null) return null;
    inputs.push(input);
  }
  return evaluateOp(editor.module.registry, op.name, inputs, op.attrs)[op.results.indexOf(id)] ?? null;
}

function operandOf(operand: NonNullable<Operand>, editor: FunctionEditor, depth: number): HostTensor | null {
  if (typeof operand === "number") return resultOf(operand, editor, depth + 1);
  const constant = editor.module.constant(operand);
  const shape = constant && smallShape(constant.type.shape);
  return shape && constant.kind === "data" && constant.storage.kind === "bytes"
    ? decodeTensor(constant.type.dtype, shape, constant.storage.bytes)
    : null;
}
