/**
 * @file Makes quantized values trainable: integers have no gradient, so a weight `dequantize(codes, s, z)` becomes `quant.fake(latent, s, z)` on a float
 * latent, and so does every pair `dequantize(quantize(x))` in a body. Rounding then passes gradients straight through (Bengio et al., 2013; Jacob et
 * al., "Quantization and training of neural networks", 2018). `unrelax` is the way back; without training in between the codes return unchanged.
 */
import {
  type AttrInput,
  attrDictEquals,
  type Constant,
  type DerivedConstant,
  type DType,
  dataConstant,
  type EditableOp,
  encodeTensor,
  evaluateConstant,
  evaluateOp,
  type FunctionEditor,
  type HostTensor,
  type Module,
  ModuleEditor,
  type Operand,
  type OpRegistry,
  tensorType,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { quantizedDtypes } from "../../ir-spec/ops/quant/scales.ts";
import { redefineAs } from "../rewrite/derive.ts";

const latentSuffix = ".latent";

/** Quantized weights and pairs of the module as `quant.fake`. Codes that are themselves derived (packed, sparse) stay as they are. */
export function relax(module: Module, registry: OpRegistry): Module {
  const editor = new ModuleEditor(module, registry);
  const values = new Map<string, HostTensor>();
  for (const constant of editor.allConstants()) {
    if (constant.kind === "derived" && constant.op === "quant.dequantize") relaxConstant(editor, module, constant, values);
  }
  for (const name of module.functions.keys()) relaxBody(editor.function(name));
  return editor.freeze();
}

function relaxConstant(editor: ModuleEditor, module: Module, constant: DerivedConstant, values: Map<string, HostTensor>): void {
  const codes = module.constants.get(constant.operands[0] ?? "");
  if (codes?.kind !== "data" || !isFakeable(codes.type.dtype)) return;
  const value = evaluateConstant(module, editor.registry, constant.name, values);
  const latent = editor.freshSymbol(`${codes.name}${latentSuffix}`);
  editor.setConstant({ ...dataConstant(latent, tensorType(value.dtype, value.shape), encodeTensor(value), codes.loc), doc: codes.doc });
  const attrs = { ...placement(editor.registry, constant), to: codes.type.dtype };
  redefineAs(editor, constant, "quant.fake", [latent, ...constant.operands.slice(1)], attrs);
  removeUnused(editor, codes.name);
}

function relaxBody(body: FunctionEditor): void {
  for (const op of body.ops()) {
    if (op.name !== "quant.dequantize") continue;
    const [codes, ...grid] = op.operands;
    const quantize = typeof codes === "number" ? body.def(codes) : null;
    if (typeof codes !== "number" || quantize?.name !== "quant.quantize" || !sameGrid(body, quantize, op, grid)) continue;
    const attrs = { ...placement(body.module.registry, op), to: body.typeOf(codes).dtype };
    replace(body, op, "quant.fake", [quantize.operands[0] ?? null, ...grid], attrs);
    if (body.users(codes).length === 0 && !body.isReturned(codes)) body.erase(quantize);
  }
}

/** Whether both ops name the same scale, zero point and axis. */
function sameGrid(body: FunctionEditor, quantize: EditableOp, dequantize: EditableOp, grid: readonly Operand[]): boolean {
  const others = quantize.operands.slice(1);
  const sameOperands = [0, 1].every((i) => (others[i] ?? null) === (grid[i] ?? null));
  const stored = (op: EditableOp) => writeAttrs(attrsOf(body.module.registry, "quant.dequantize"), placement(body.module.registry, op));
  return sameOperands && attrDictEquals(stored(quantize), stored(dequantize));
}

/** Every `quant.fake` as codes: a weight's latent is rounded to data, an activation's op becomes the pair again. */
export function unrelax(module: Module, registry: OpRegistry): Module {
  const editor = new ModuleEditor(module, registry);
  const values = new Map<string, HostTensor>();
  for (const constant of editor.allConstants()) {
    if (constant.kind === "derived" && constant.op === "quant.fake") unrelaxConstant(editor, module, constant, values);
  }
  for (const name of module.functions.keys()) unrelaxBody(editor.function(name));
  return editor.freeze();
}

function unrelaxConstant(editor: ModuleEditor, module: Module, constant: DerivedConstant, values: Map<string, HostTensor>): void {
  const { registry } = editor;
  const inputs = constant.operands.map((name) => (name === null ? null : evaluateConstant(module, registry, name, values)));
  const stored = writeAttrs(attrsOf(registry, "quant.quantize"), fakeAttrs(registry, constant));
  const [codes] = evaluateOp(registry, "quant.quantize", inputs, stored);
  const latent = constant.operands[0] ?? "";
  if (!codes) return;
  const base = latent.endsWith(latentSuffix) ? latent.slice(0, -latentSuffix.length) : `${constant.name}.codes`;
  const name = editor.freshSymbol(base);
  const { doc = null, loc = [] } = module.constants.get(latent) ?? {};
  editor.setConstant({ ...dataConstant(name, tensorType(codes.dtype, codes.shape), encodeTensor(codes), loc), doc });
  redefineAs(editor, constant, "quant.dequantize", [name, ...constant.operands.slice(1)], placement(registry, constant));
  removeUnused(editor, latent);
}

function unrelaxBody(body: FunctionEditor): void {
  const { registry } = body.module;
  for (const op of body.ops()) {
    if (op.name !== "quant.fake") continue;
    body.insertBefore(op);
    const codes = body.one("quant.quantize", op.operands, fakeAttrs(registry, op));
    replace(body, op, "quant.dequantize", [codes, ...op.operands.slice(1)], placement(registry, op));
  }
}

/** A new op in the place of one with one result, which gives up its name. */
function replace(body: FunctionEditor, op: EditableOp, name: string, operands: readonly Operand[], attrs: AttrInput): void {
  const [made] = body.insert(name, operands, attrs, { before: op, doc: op.doc });
  body.replaceAllUses(op.results[0] as number, made ?? null);
  body.erase(op);
}

function attrsOf(registry: OpRegistry, op: string) {
  return registry.require(op).attrs;
}

function isFakeable(dtype: DType): boolean {
  return (quantizedDtypes as readonly DType[]).includes(dtype);
}

/** Axis and block, the attributes that all three ops share. */
function placement(registry: OpRegistry, op: { readonly name: string; readonly attrs: EditableOp["attrs"] } | DerivedConstant): AttrInput {
  const { axis, block } = registry.attrs(registry.require("op" in op ? op.op : op.name), op.attrs);
  return { axis, block };
}

function fakeAttrs(registry: OpRegistry, op: EditableOp | DerivedConstant): AttrInput {
  const { axis, block, to } = registry.attrs(registry.require("quant.fake"), op.attrs);
  return { axis, block, to };
}

function removeUnused(editor: ModuleEditor, name: string): void {
  const inDefinition = [...editor.allConstants()].some((c: Constant) => c.kind === "derived" && c.operands.includes(name));
  const inBody = editor.functionNames().some((func) => mentions(editor.function(func), name));
  if (!inDefinition && !inBody) editor.removeConstant(name);
}

function mentions(body: FunctionEditor, name: string): boolean {
  return body.returned().includes(name) || [...body.ops()].some((op) => op.operands.includes(name));
}
