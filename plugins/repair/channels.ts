/**
 * @file Changes a layer's output channel by channel, in the form that its weight and bias have: floats are changed in place, integers keep their codes and get other steps, and an i32 bias
 * keeps its unit `s_x s_w`, which integer kernels rely on.
 */
import { deriveConstant, type Layer, leafValues } from "../../compiler/index.ts";
import {
  type Constant,
  type DerivedConstant,
  dataConstant,
  encodeTensor,
  evaluateConstant,
  type HostTensor,
  hostTensor,
  type Module,
  type ModuleEditor,
  mainFunction,
  staticShape,
  tensorType,
  toNumbers,
} from "../../ir-spec/index.ts";

/** The scale operand of a constant that is codes with a step per output channel, or blocks within one. */
function channelScale(module: Module, name: string, channels: number): Constant | null {
  const constant = module.constants.get(name);
  if (constant?.kind !== "derived" || constant.op !== "quant.dequantize") return null;
  const scale = module.constants.get(constant.operands[1] ?? "");
  const shape = scale?.kind === "data" ? (staticShape(scale.type.shape) ?? []) : [];
  const blocked = shape.length > 1;
  const axis = constant.attrs.get("axis");
  const first = blocked || axis === undefined || (axis.kind === "int" && axis.value === 0);
  return scale && first && shape[0] === channels ? scale : null;
}

/** Whether `scaleRows` can. */
export function canScaleRows(module: Module, { weight, outputs, transposed }: Layer): boolean {
  return (
    !transposed && usesOf(module, weight) === 1 && (leafValues(module, weight) !== null || channelScale(module, weight, outputs) !== null)
  );
}

/** Multiplies each output channel of the weight; the bias stays. */
export function scaleRows(module: Module, editor: ModuleEditor, { weight, outputs }: Layer, factors: readonly number[]): void {
  const values = leafValues(module, weight);
  const target = values ? module.constants.get(weight) : channelScale(module, weight, outputs);
  if (!target) throw new RangeError(`@${weight} has no rows to scale`);
  const old = evaluateConstant(module, editor.registry, target.name);
  const inner = old.data.length / outputs;
  replaceData(editor, target, scaled(old, inner, factors));
}

function scaled({ data }: HostTensor, inner: number, factors: readonly number[]): Float64Array {
  return Float64Array.from(data as Float32Array, (value, i) => value * (factors[Math.floor(i / inner)] as number));
}

/** Data under the constant's own name. */
function replaceData(editor: ModuleEditor, constant: Constant, values: ArrayLike<number>): void {
  const shape = staticShape(constant.type.shape) ?? [];
  const { dtype } = constant.type;
  const bytes = encodeTensor(hostTensor(dtype, shape, dtype === "i32" ? Int32Array.from(values) : Float32Array.from(values)));
  editor.setConstant({ ...dataConstant(constant.name, constant.type, bytes, constant.loc), doc: constant.doc });
}

/** How often ops, results and definitions mention a constant. */
export function usesOf(module: Module, name: string): number {
  const { ops, returns } = mainFunction(module);
  const inOps = ops.reduce((sum, op) => sum + op.operands.filter((operand) => operand === name).length, 0);
  const derived = [...module.constants.values()].reduce(
    (sum, constant) => sum + (constant.kind === "derived" ? constant.operands.filter((operand) => operand === name).length : 0),
    0,
  );
  return inOps + derived + returns.filter((operand) => operand === name).length;
}

/** Whether the layer's op takes a constant bias. */
export function canShift(layer: Layer): boolean {
  return layer.op.name !== "nn.matmul" && typeof layer.op.operands[2] !== "number";
}

/**
 * Gives the layer these biases.
 * @param factors by which `scaleRows` multiplied the steps of its weight
 */
export function setBias(
  module: Module,
  editor: ModuleEditor,
  layer: Layer,
  values: readonly number[],
  factors: readonly number[] | null = null,
): void {
  const old = layer.bias === null ? undefined : module.constants.get(layer.bias);
  if (old?.kind === "derived" && old.op === "quant.dequantize" && usesOf(module, old.name) === 1) {
    setCodes(module, editor, old, values, factors);
    return;
  }
  const alone = old?.kind === "data" && usesOf(module, old.name) === 1;
  if (alone) {
    replaceData(editor, old, values);
    return;
  }
  const name = editor.freshSymbol(old ? `${old.name}.corrected` : `${layer.weight}.bias`);
  const dtype = old?.type.dtype ?? module.constants.get(layer.weight)?.type.dtype ?? "f32";
  const bytes = encodeTensor(hostTensor(dtype, [values.length], Float32Array.from(values)));
  editor.setConstant(dataConstant(name, tensorType(dtype, [values.length]), bytes, layer.op.loc));
  const node = [...editor.function().ops()][layer.index];
  if (node) editor.function().setOperand(node, 2, name);
}

/** New codes for a bias of integers, in units that follow those of the weight. */
function setCodes(
  module: Module,
  editor: ModuleEditor,
  bias: DerivedConstant,
  values: readonly number[],
  factors: readonly number[] | null,
): void {
  const [codes, scale] = bias.operands.map((operand) => module.constants.get(operand ?? ""));
  if (!codes || !scale) throw new RangeError(`@${bias.name} has no codes`);
  const units = toNumbers(evaluateConstant(module, editor.registry, scale.name)).map((unit, i) => Math.fround(unit * (factors?.[i] ?? 1)));
  const most = 2 ** 30;
  const next = values.map((value, i) => Math.max(-most, Math.min(most, Math.round(value / (units[units.length === 1 ? 0 : i] as number)))));
  const loc = bias.loc;
  const shape = staticShape(scale.type.shape) ?? [];
  const store = (base: string, dtype: "i32" | "f32", as: readonly number[], data: Int32Array | Float32Array): string => {
    const name = editor.freshSymbol(base);
    editor.setConstant(dataConstant(name, tensorType(dtype, as), encodeTensor(hostTensor(dtype, as, data)), loc));
    return name;
  };
  const parts = [
    store(codes.name, "i32", [next.length], Int32Array.from(next)),
    factors ? store(scale.name, "f32", shape, Float32Array.from(units)) : scale.name,
    null,
  ];
  const made = deriveConstant(
    editor,
    `${bias.name}.new`,
    bias.op,
    parts,
    editor.registry.attrs(editor.registry.require(bias.op), bias.attrs),
    loc,
  );
  const derived = editor.constant(made);
  if (derived) {
    editor.removeConstant(made);
    editor.setConstant({ ...derived, name: bias.name, doc: bias.doc, loc });
  }
}
