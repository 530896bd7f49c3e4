/** @file Writes quantize-dequantize pairs into `main`: every use of a chosen value reads what its pair gives; float constants of additions and concatenations become codes. */

import { deriveConstant, RangeObserver } from "../../compiler/index.ts";
import {
  dataConstant,
  type EditableOp,
  encodeTensor,
  evaluateConstant,
  evaluateOp,
  type FunctionEditor,
  type HostTensor,
  hostTensor,
  type Location,
  type Module,
  type ModuleEditor,
  mainFunction,
  type ValueId,
} from "../../ir-spec/index.ts";
import type { QuantizedValues } from "./activation-values.ts";
import { type AffineParams, affineParams } from "./ranges.ts";

export function insertPairs(
  module: Module,
  editor: ModuleEditor,
  chosen: QuantizedValues,
  params: ReadonlyMap<ValueId, AffineParams>,
): void {
  const func = mainFunction(module);
  const body = editor.function();
  const nodes = [...body.ops()];
  quantizeConstants(module, editor, chosen, nodes);
  const places = new Map<ValueId, number>(func.ops.flatMap((op, i) => op.results.map((id) => [id, i] as const)));
  const taken = new Set(func.values.flatMap(({ name }) => name ?? []));
  const symbols = new Map<ValueId, readonly [string, string]>();
  for (const value of chosen.values) {
    const place = places.get(value);
    const next = place === undefined ? nodes[0] : nodes[place + 1];
    const loc = place === undefined ? [] : (nodes[place]?.loc ?? []);
    const group = chosen.groupOf(value);
    const known =
      symbols.get(group) ?? storeParams(editor, body.info(value).name ?? `value${value}`, params.get(value) as AffineParams, loc);
    symbols.set(group, known);
    insertPair(body, value, known, next, loc, taken);
  }
}

function insertPair(
  body: FunctionEditor,
  value: ValueId,
  [scale, zero]: readonly [string, string],
  before: EditableOp | undefined,
  loc: Location,
  taken: Set<string>,
): void {
  const { name } = body.info(value);
  const named = (suffix: string) => ({
    ...(before ? { before } : {}),
    loc,
    names: [name === null ? null : freshName(`${name}.${suffix}`, taken)],
  });
  const [codes] = body.insert("quant.quantize", [value, scale, zero], {}, named("q"));
  const [back] = body.insert("quant.dequantize", [codes as ValueId, scale, zero], {}, named("dq"));
  const quantize = body.def(codes as ValueId) as EditableOp;
  body.replaceAllUses(value, back as ValueId);
  body.setOperand(quantize, 0, value);
}

function freshName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 2; taken.has(name); i++) name = `${wanted}.${i}`;
  taken.add(name);
  return name;
}

/** Scale and zero point as scalars `@name.s` and `@name.z`. */
function storeParams(editor: ModuleEditor, name: string, { scale, zero }: AffineParams, loc: Location): readonly [string, string] {
  const store = (suffix: string, tensor: HostTensor): string => {
    const symbol = editor.freshSymbol(`${name}.${suffix}`);
    editor.setConstant(dataConstant(symbol, { dtype: tensor.dtype, shape: [] }, encodeTensor(tensor), loc));
    return symbol;
  };
  return [store("s", hostTensor("f32", [], Float32Array.of(scale))), store("z", hostTensor("i8", [], Int8Array.of(zero)))];
}

function quantizeConstants(module: Module, editor: ModuleEditor, chosen: QuantizedValues, nodes: readonly EditableOp[]): void {
  const { ops } = mainFunction(module);
  const made = new Map<string, string>();
  for (const { op, operand } of chosen.constants) {
    const name = op.operands[operand] as string;
    const node = nodes[ops.indexOf(op)];
    if (!node || module.constants.get(name)?.type.dtype !== "f32") continue;
    const codes = made.get(name) ?? quantizeConstant(module, editor, name);
    made.set(name, codes);
    editor.function().setOperand(node, operand, codes);
  }
}

/** `@name.dq = quant.dequantize(codes, scale, zero)`, i8, with the range of its own values. */
function quantizeConstant(module: Module, editor: ModuleEditor, name: string): string {
  const value = evaluateConstant(module, editor.registry, name);
  const observer = new RangeObserver();
  observer.observe(value);
  const params = affineParams(name, [observer.range]);
  const loc = module.constants.get(name)?.loc ?? [];
  const [scale, zero] = storeParams(editor, name, params, loc);
  const [codes] = evaluateOp(
    editor.registry,
    "quant.quantize",
    [value, hostTensor("f32", [], Float32Array.of(params.scale)), hostTensor("i8", [], Int8Array.of(params.zero))],
    new Map(),
  );
  const symbol = editor.freshSymbol(`${name}.q`);
  editor.setConstant(dataConstant(symbol, { dtype: "i8", shape: value.shape }, encodeTensor(codes as HostTensor), loc));
  return deriveConstant(editor, `${name}.dq`, "quant.dequantize", [symbol, scale, zero], {}, loc);
}
