/**
 * @file Half precision: every f32 value of the body becomes f16, with casts at the function's inputs and results, so that callers see no difference. Weights become casts of their f32
 * definitions, which a target rebuilds at load; what is stored does not change. Ops of the dialect `quant` keep f32, with casts around them.
 */
import {
  type Attr,
  attr,
  derivedConstant,
  type EditableOp,
  type FunctionEditor,
  type Module,
  ModuleEditor,
  type Operand,
  type OpRegistry,
  tensorType,
} from "../../ir-spec/index.ts";

/** Scales of a few parts in a thousand are not for f16, and its kernels read none. */
const keepsFloat = (op: string): boolean => op.startsWith("quant.");

export function narrowFloats(module: Module, registry: OpRegistry, to: "f16" | "bf16" = "f16"): Module {
  const editor = new ModuleEditor(module, registry);
  const half: Half = { dtype: to, to: attr.enum(to) };
  for (const name of module.functions.keys()) narrowFunction(editor, editor.function(name), half);
  return editor.freeze();
}

interface Half {
  readonly dtype: "f16" | "bf16";
  /** The attribute of a cast to it. */
  readonly to: Attr;
}

function narrowFunction(editor: ModuleEditor, body: FunctionEditor, half: Half): void {
  const ops = [...body.ops()];
  const [first = null] = ops;
  body.insertBefore(first);
  for (const param of body.params) if (body.typeOf(param).dtype === "f32") castUses(body, param, half);
  for (const [i, op] of ops.entries()) {
    if (keepsFloat(op.name)) widenAround(body, op, ops[i + 1] ?? null, half);
    else narrowOp(editor, body, op, half);
  }
  body.refreshTypes();
  widenResults(body);
  body.refreshTypes();
}

/** All uses of the value read its cast. */
function castUses(body: FunctionEditor, value: number, half: Half): void {
  const users = body.users(value);
  const returned = body.returned();
  const cast = body.one("type.cast", [value], { to: half.dtype });
  for (const user of users) {
    for (const [i, operand] of user.operands.entries()) if (operand === value) body.setOperand(user, i, cast);
  }
  for (const [i, operand] of returned.entries()) if (operand === value) body.setReturn(i, cast);
}

function narrowOp(editor: ModuleEditor, body: FunctionEditor, op: EditableOp, half: Half): void {
  for (const [i, operand] of op.operands.entries()) {
    if (typeof operand === "string" && body.typeOf(operand).dtype === "f32") body.setOperand(op, i, narrowed(editor, operand, half));
  }
  const to = op.attrs.get("to");
  if (op.name === "type.cast" && to?.kind === "enum" && to.value === "f32") body.setAttrs(op, new Map(op.attrs).set("to", half.to));
}

/** One constant per weight, however many ops read it. */
function narrowed(editor: ModuleEditor, name: string, half: Half): string {
  const wanted = `${name}.${half.dtype}`;
  if (editor.constant(wanted)) return wanted;
  const constant = editor.constant(name);
  if (!constant) return name;
  const type = tensorType(half.dtype, constant.type.shape);
  editor.setConstant(derivedConstant(wanted, type, "type.cast", [name], new Map([["to", half.to]]), constant.loc));
  return wanted;
}

function widenAround(body: FunctionEditor, op: EditableOp, following: EditableOp | null, half: Half): void {
  body.insertBefore(op);
  for (const [i, operand] of op.operands.entries()) {
    if (typeof operand === "number" && isHalf(body, operand)) body.setOperand(op, i, body.one("type.cast", [operand], { to: "f32" }));
  }
  body.insertBefore(following);
  for (const result of op.results) if (body.typeOf(result).dtype === "f32") castUses(body, result, half);
}

/** Values become f16 only when types are refreshed at the end: what defines an f32 value here will be. */
function isHalf(body: FunctionEditor, operand: Operand): boolean {
  const { dtype } = body.typeOf(operand);
  const definition = typeof operand === "number" ? body.def(operand) : null;
  return dtype === "f16" || dtype === "bf16" || (dtype === "f32" && definition !== null && !keepsFloat(definition.name));
}

function widenResults(body: FunctionEditor): void {
  body.insertBefore(null);
  for (const [i, operand] of body.returned().entries()) {
    const { dtype } = body.typeOf(operand);
    if (dtype === "f16" || dtype === "bf16") body.setReturn(i, body.one("type.cast", [operand], { to: "f32" }));
  }
}
