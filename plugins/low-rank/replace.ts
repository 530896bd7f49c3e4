/** @file Writes a chain of factors into the body: its constants once, and for every op that used the weight a chain of ops of the same kind. Bias and activation stay on the last. */
import type { Layer } from "../../compiler/index.ts";
import {
  type AttrInput,
  type Constant,
  type DType,
  dataConstant,
  encodeTensor,
  hostTensor,
  type Location,
  type ModuleEditor,
  tensorType,
} from "../../ir-spec/index.ts";
import type { Stage } from "./factoring.ts";
import { type Window, windowOf } from "./layer-view.ts";
import { matrix, transposed } from "./linear-algebra/matrix.ts";

export interface Replacement {
  readonly layer: Layer;
  /** Values of a bias of its own; null: the bias that is there, or none. */
  readonly bias: Float64Array | null;
}

export interface Chain {
  readonly weight: Constant;
  readonly stages: readonly Stage[];
  readonly replacements: readonly Replacement[];
}

export function replaceByChain(editor: ModuleEditor, { weight, stages, replacements }: Chain): void {
  const { dtype } = weight.type;
  const [{ layer } = { layer: null }] = replacements;
  if (!layer) return;
  const names = stages.map((stage) =>
    addConstant(editor, `${weight.name}.${stage.part}`, dtype, shapeOf(stage, layer), storedValues(stage, layer), weight.loc),
  );
  for (const replacement of replacements) {
    const bias = replacement.bias
      ? addConstant(editor, `${weight.name}.bias`, dtype, [replacement.bias.length], replacement.bias, weight.loc)
      : null;
    insertChain(editor, replacement.layer, stages, names, bias);
  }
}

function insertChain(editor: ModuleEditor, layer: Layer, stages: readonly Stage[], names: readonly string[], bias: string | null): void {
  const body = editor.function("main");
  const op = [...body.ops()].find((candidate) => candidate.results[0] === layer.op.results[0]);
  if (!op) throw new RangeError(`${layer.op.name} of @${layer.weight} is not in the body`);
  const window = windowOf(layer.op, editor.registry, layer.kernel.length);
  const attrs = editor.registry.attrs(editor.registry.require(op.name), op.attrs);
  let value = op.operands[0] ?? null;
  stages.forEach((stage, i) => {
    const isLast = i === stages.length - 1;
    const operands = [value, names[i] as string];
    if (op.name !== "nn.matmul") operands.push(isLast ? (bias ?? op.operands[2] ?? null) : null);
    const own: AttrInput = isLast && attrs.activation !== undefined ? { activation: attrs.activation } : {};
    const geometry = op.name === "nn.conv" ? { ...windowAttrs(window, stage), groups: stage.groups } : {};
    const [made] = body.insert(op.name, operands, { ...geometry, ...own }, { before: op, loc: op.loc, doc: isLast ? op.doc : null });
    value = made ?? null;
  });
  body.replaceAllUses(op.results[0] as number, value);
  body.erase(op);
}

/** The stage has the layer's window on its own axes, and none on the others. */
function windowAttrs({ stride, dilation, begin, end }: Window, { axes }: Stage): AttrInput {
  const on = (values: readonly number[], otherwise: number) => values.map((value, axis) => (axes.includes(axis) ? value : otherwise));
  return { stride: on(stride, 1), dilation: on(dilation, 1), pad: [...on(begin, 0), ...on(end, 0)] };
}

function shapeOf({ outputs, channels, axes }: Stage, layer: Layer): readonly number[] {
  if (layer.op.name === "nn.conv") return [outputs, channels, ...layer.kernel.map((size, axis) => (axes.includes(axis) ? size : 1))];
  return layer.transposed ? [channels, outputs] : [outputs, channels];
}

function storedValues({ outputs, channels, values }: Stage, { transposed: turned }: Layer): Float64Array {
  return turned ? transposed(matrix(outputs, channels, values)).data : values;
}

function addConstant(
  editor: ModuleEditor,
  name: string,
  dtype: DType,
  shape: readonly number[],
  values: Float64Array,
  loc: Location,
): string {
  const fresh = editor.freshSymbol(name);
  const data = dtype === "f64" ? values : Float32Array.from(values);
  editor.setConstant(dataConstant(fresh, tensorType(dtype, shape), encodeTensor(hostTensor(dtype, shape, data)), loc));
  return fresh;
}
