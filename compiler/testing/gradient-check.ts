/**
 * @file Checks an op's gradient against central differences. The gradient is built as training builds it, by the record's `gradient` through the
 * function editor, and run by the interpreter; the loss is a fixed weighting of the op's results, so that every result element counts differently.
 */
import {
  type AttrInput,
  countOf,
  emptyFunction,
  emptyModule,
  type FunctionEditor,
  type HostTensor,
  hostTensor,
  isFloat,
  type Module,
  ModuleEditor,
  type OpDef,
  type Operand,
  type OpRegistry,
  printType,
  type TensorType,
  tensorType,
  typeEquals,
} from "../../ir-spec/index.ts";
import { interpret } from "../interpret/interpret.ts";

export interface GradientCheckOptions {
  /** Which operands are checked; default: those that are floats. They should be f64. */
  readonly wanted?: readonly boolean[];
  /** Types to build with, for symbolic sizes; default: those of the inputs. */
  readonly types?: readonly (TensorType | null)[];
  /** Half the distance of the two points of a difference; default 1e-5. */
  readonly step?: number;
}

/**
 * Largest absolute difference between an element of a gradient and its central difference.
 * @throws RangeError when the op has no gradient, or returns none or one of another type for a wanted operand.
 */
export function checkGradient(
  registry: OpRegistry,
  opName: string,
  inputs: readonly (HostTensor | null)[],
  attrs: AttrInput = {},
  options: GradientCheckOptions = {},
): number {
  const wanted = inputs.map((input, i) => input !== null && isFloat(input.dtype) && (options.wanted?.[i] ?? options.wanted === undefined));
  const types = inputs.map((input, i) => options.types?.[i] ?? (input && tensorType(input.dtype, input.shape)));
  const forward = build(registry, opName, types, attrs, null);
  const results = interpret(forward, registry, named(inputs)).outputs;
  const weights = Object.values(results).map((result, i) => weightsFor(result, i));
  const backward = build(registry, opName, types, attrs, wanted);
  const analytic = interpret(backward, registry, { ...named(inputs), ...named(weights, "dy") }).outputs;
  const loss = (moved: readonly (HostTensor | null)[]) =>
    weighted(Object.values(interpret(forward, registry, named(moved)).outputs), weights);
  let worst = 0;
  inputs.forEach((input, i) => {
    if (wanted[i] && input)
      worst = Math.max(worst, largestError(inputs, i, input, analytic[`dx${i}`] as HostTensor, loss, options.step ?? 1e-5));
  });
  return worst;
}

function largestError(
  inputs: readonly (HostTensor | null)[],
  index: number,
  input: HostTensor,
  analytic: HostTensor,
  loss: (inputs: readonly (HostTensor | null)[]) => number,
  step: number,
): number {
  if (String(analytic.shape) !== String(input.shape))
    throw new RangeError(`operand ${index} is [${input.shape}], its gradient [${analytic.shape}]`);
  const at = (element: number, delta: number): number => {
    const data = Float64Array.from(input.data as Float64Array);
    data[element] = (data[element] as number) + delta;
    return loss(inputs.map((other, i) => (i === index ? { ...input, data } : other)));
  };
  let worst = 0;
  for (let k = 0; k < input.data.length; k++) {
    const error = Math.abs((at(k, step) - at(k, -step)) / (2 * step) - Number(analytic.data[k]));
    // A NaN must not pass as "not larger".
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }
  return worst;
}

/** `@main`: the op itself, or, where `wanted` is given, its gradients as `dx0`, `dx1` ... for `dy0`, `dy1` ... */
function build(
  registry: OpRegistry,
  opName: string,
  types: readonly (TensorType | null)[],
  attrs: AttrInput,
  wanted: readonly boolean[] | null,
): Module {
  const def = registry.require(opName);
  const params = types.flatMap((type, i) => (type ? [{ name: `x${i}`, type }] : []));
  const probe = edit(registry, params);
  const results = probe.emit(opName, operandsOf(types), attrs);
  if (!wanted) {
    probe.setResults(results.map((operand, i) => ({ name: `y${i}`, operand })));
    return probe.module.freeze();
  }
  const seeds = results.map((id, i) => ({ name: `dy${i}`, type: probe.typeOf(id) }));
  const body = edit(registry, [...params, ...seeds]);
  body.setResults(emitGradient(body, def, types, attrs, params.length, wanted));
  return body.module.freeze();
}

function emitGradient(
  body: FunctionEditor,
  def: OpDef,
  types: readonly (TensorType | null)[],
  attrs: AttrInput,
  firstSeed: number,
  wanted: readonly boolean[],
) {
  if (!def.gradient) throw new RangeError(`${def.name} has no gradient`);
  const operands = operandsOf(types);
  const results = body.emit(def.name, operands, attrs);
  const op = body.def(results[0] as number);
  const values = body.module.registry.attrs(def, op?.attrs ?? new Map());
  const seeds = results.map((id, i) => (isFloat(body.typeOf(id).dtype) ? firstSeed + i : null));
  const grads = def.gradient({ builder: body, operands, results, grads: seeds, attrs: values, wanted });
  return wanted.flatMap((want, i) =>
    want ? [{ name: `dx${i}`, operand: checked(body, def, i, grads[i] ?? null, operands[i] ?? null) }] : [],
  );
}

function checked(body: FunctionEditor, def: OpDef, index: number, grad: Operand, operand: Operand): number | string {
  if (grad === null) throw new RangeError(`${def.name}: no gradient for operand ${index}, which is wanted`);
  const [has, wants] = [body.typeOf(grad), body.typeOf(operand)];
  const same = typeEquals(has, wants) || (has.dtype === wants.dtype && wants.shape.some((dim) => typeof dim !== "number"));
  if (!same) throw new RangeError(`${def.name}: operand ${index} is ${printType(wants)}, its gradient ${printType(has)}`);
  return grad;
}

function edit(registry: OpRegistry, params: readonly { readonly name: string; readonly type: TensorType }[]): FunctionEditor {
  const module = { ...emptyModule("gradient"), functions: new Map([["main", emptyFunction("main", params)]]) };
  return new ModuleEditor(module, registry).function();
}

/** Value ids of the parameters, which stand in order; null where an operand is absent. */
function operandsOf(types: readonly (TensorType | null)[]): readonly Operand[] {
  let next = 0;
  return types.map((type) => (type ? next++ : null));
}

function named(tensors: readonly (HostTensor | null)[], prefix = "x"): Record<string, HostTensor> {
  return Object.fromEntries(tensors.flatMap((tensor, i) => (tensor ? [[`${prefix}${i}`, tensor]] : [])));
}

/** Different for every element, between 0.5 and 1.5; integers have none. */
function weightsFor(result: HostTensor, index: number): HostTensor {
  if (!isFloat(result.dtype)) return hostTensor(result.dtype, result.shape);
  const count = countOf(result.shape);
  return hostTensor(
    result.dtype,
    result.shape,
    Float64Array.from({ length: count }, (_, k) => 0.5 + (((k + 1) * 0.6180339887 + index * 0.37) % 1)),
  );
}

function weighted(results: readonly HostTensor[], weights: readonly HostTensor[]): number {
  return results.reduce((total, result, i) => {
    if (!isFloat(result.dtype)) return total;
    const weight = weights[i]?.data as Float64Array;
    return (result.data as Float64Array).reduce((sum, value, k) => sum + value * (weight[k] as number), total);
  }, 0);
}
