/**
 * @file Quantized weights next to quantized activations, made ops of the body: layer(dequantize(x), @w) with @w = quant.dequantize(codes, scale, zero) becomes
 * layer(dequantize(x), dequantize(codes, scale, zero)). That is the pattern which ONNX Runtime turns into int8 kernels. One of its rewrites (signed weights to unsigned, on processors
 * whose products would saturate) makes a new initializer per weight and per zero point, named after the old one, and fails where two layers share either (1.30): so a weight or
 * codes with several users stay as they are, and every weight here gets a zero point of its own.
 */
import {
  type Constant,
  type DataConstant,
  type DerivedConstant,
  type EditableOp,
  type FunctionEditor,
  type Module,
  ModuleEditor,
  mainFunction,
  type OpRegistry,
  tensorType,
} from "../../ir-spec/index.ts";

export function withIntegerWeights(module: Module, registry: OpRegistry): Module {
  const editor = new ModuleEditor(module, registry);
  const body = editor.function();
  const mentions = countMentions(module);
  for (const op of body.ops()) {
    if (!readsDequantized(body, op)) continue;
    op.operands.forEach((operand, i) => {
      const constant = i > 0 && typeof operand === "string" ? module.constants.get(operand) : undefined;
      if (constant && isOwnDequantize(module, constant, mentions)) dequantizeInBody(editor, body, op, i, constant);
    });
  }
  return editor.freeze();
}

/** How often ops, returns and definitions name each constant. */
function countMentions(module: Module): ReadonlyMap<string, number> {
  const { ops, returns } = mainFunction(module);
  const counts = new Map<string, number>();
  const definitions = [...module.constants.values()].flatMap((constant) => (constant.kind === "derived" ? constant.operands : []));
  for (const name of [...ops.flatMap((op) => op.operands), ...returns, ...definitions]) {
    if (typeof name === "string") counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function readsDequantized(body: FunctionEditor, op: EditableOp): boolean {
  const [data] = op.operands;
  return typeof data === "number" && op.name !== "quant.quantize" && body.def(data)?.name === "quant.dequantize";
}

function isOwnDequantize(module: Module, constant: Constant, mentions: ReadonlyMap<string, number>): constant is DerivedConstant {
  if (constant.kind !== "derived" || constant.op !== "quant.dequantize") return false;
  const [codes, , zero = null] = constant.operands;
  const alone = [constant.name, codes ?? ""].every((name) => mentions.get(name) === 1);
  return alone && (zero === null || module.constants.get(zero)?.kind === "data");
}

function dequantizeInBody(editor: ModuleEditor, body: FunctionEditor, op: EditableOp, index: number, constant: DerivedConstant): void {
  const [codes = null, scale = null, zero = null] = constant.operands;
  const own = ownZero(editor, constant, codes, scale, zero);
  if (own) editor.setConstant(own);
  const [value] = body.insertStored(constant.op, [codes, scale, own?.name ?? zero], constant.attrs, { before: op });
  if (value === undefined) throw new RangeError(`${constant.op} of @${constant.name} has no result`);
  body.setOperand(op, index, value);
}

/** A zero point that no other weight has: a copy, or zeros in the shape of the scale; null where nothing may look for one. */
function ownZero(
  editor: ModuleEditor,
  { name, attrs, loc }: DerivedConstant,
  codes: string | null,
  scale: string | null,
  zero: string | null,
): DataConstant | null {
  const given = zero === null ? null : editor.constant(zero);
  const fresh = editor.freshSymbol(`${name}.zero`);
  if (given?.kind === "data") return { ...given, name: fresh };
  const dtype = codes === null ? undefined : editor.constant(codes)?.type.dtype;
  const shape = scale === null ? undefined : editor.constant(scale)?.type.shape;
  const block = attrs.get("block");
  const blocked = block?.kind === "int" && block.value !== 0;
  if ((dtype !== "i8" && dtype !== "u8") || !shape || blocked) return null;
  return {
    kind: "data",
    name: fresh,
    type: tensorType(dtype, shape),
    storage: { kind: "splat", element: Uint8Array.of(0) },
    doc: null,
    loc,
  };
}
