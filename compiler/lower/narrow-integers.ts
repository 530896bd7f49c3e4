/**
 * @file Narrow integers: what a body computes in i64 becomes i32 where a range analysis proves that operands and results fit, so that a target without 64-bit integers runs it. The function's
 * type stays: i64 inputs are cast behind the interface, by a cast that carries the values that it admits (`narrow.checked`), which whoever brings the input to the device checks; i64 results are cast
 * back. What is not proven stays i64, and is refused by name where the target has no kernel for it.
 */
import {
  attr,
  derivedConstant,
  type EditableOp,
  type Func,
  type FunctionEditor,
  type Module,
  ModuleEditor,
  mainFunction,
  type Op,
  type Operand,
  type OpRegistry,
  operandType,
  TersorError,
  tensorType,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { ConstantRanges, dtypeRange, hasRange, isWithin, printRange, type Range, rangesOf } from "../analysis/ranges.ts";

const word = dtypeRange("i32") as Range;
const toWord = { kind: "enum", value: "i32" } as const;

/** A note on a cast of an input: `[least, most]` of what it may hold. */
export const checkedNote = "narrow.checked";

export function narrowIntegers(module: Module, registry: OpRegistry): Module {
  const func = module.functions.get("main");
  if (!func?.values.some(({ type }) => type.dtype === "i64")) return module;
  const editor = new ModuleEditor(module, registry);
  new Narrowing(module, registry, func, editor).run();
  return editor.freeze();
}

/** Why an op keeps 64-bit integers; null where it has none. */
export function explainWide(module: Module, registry: OpRegistry, op: Op): string | null {
  const func = mainFunction(module);
  const values = [...op.operands, ...op.results].filter((operand) => operand !== null);
  if (!values.some((operand) => operandType(module, func, operand)?.dtype === "i64")) return null;
  const constants = new ConstantRanges(module, registry);
  const ranges = rangesOf(module, registry, func, constants, assumptions(module, func));
  for (const operand of values) {
    const range = typeof operand === "string" ? constants.of(operand) : (ranges.get(operand) ?? null);
    if (operandType(module, func, operand)?.dtype !== "i64" || !range || isWithin(range, word)) continue;
    const made = op.results.includes(operand as ValueId) ? "its result" : "its operand";
    const named = typeof operand === "string" ? `@${operand}` : valueInfo(func, operand).name;
    const name = named === null ? made : `${made} ${typeof operand === "string" ? named : `%${named}`}`;
    return `${name} may hold ${printRange(range)}, and the target has no integers beyond ${printRange(word)}`;
  }
  return hasRange(op.name) ? null : `nothing is known of what ${op.name} makes of integers, and the target has none of 64 bits`;
}

class Narrowing {
  private readonly module: Module;
  private readonly func: Func;
  private readonly editor: ModuleEditor;
  private readonly body: FunctionEditor;
  private readonly constants: ConstantRanges;
  private readonly assumed: ReadonlyMap<ValueId, Range>;
  private readonly ranges: ReadonlyMap<ValueId, Range>;
  /** i64 value -> the same as i32. */
  private readonly narrow = new Map<ValueId, ValueId>();

  constructor(module: Module, registry: OpRegistry, func: Func, editor: ModuleEditor) {
    this.module = module;
    this.func = func;
    this.editor = editor;
    this.body = editor.function();
    this.constants = new ConstantRanges(module, registry);
    this.assumed = assumptions(module, func);
    this.ranges = rangesOf(module, registry, func, this.constants, this.assumed);
  }

  run(): void {
    const ops = [...this.body.ops()];
    for (const [i, op] of ops.entries()) this.visit(op, ops[i + 1] ?? null);
    this.widenResults();
    // What was narrowed is dead now, unless something that could not be narrowed still reads it.
    for (const op of [...this.body.opsReversed()]) {
      if (op.results.every((id) => this.body.users(id).length === 0 && !this.body.isReturned(id))) this.body.erase(op);
    }
  }

  private visit(op: EditableOp, next: EditableOp | null): void {
    const wide = (operand: Operand) => operand !== null && this.body.typeOf(operand).dtype === "i64";
    if (!hasRange(op.name) || ![...op.operands, ...op.results].some(wide)) return;
    if (!op.results.filter(wide).every((id) => this.fits(id))) return;
    if (!op.operands.filter(wide).every((operand) => this.fits(operand))) return;
    this.body.insertBefore(next);
    const operands = op.operands.map((operand) => (wide(operand) ? this.narrowed(operand as ValueId | string) : operand));
    const attrs = isWideCast(op) ? new Map(op.attrs).set("to", toWord) : op.attrs;
    const made = this.body.insertStored(op.name, operands, attrs, { ...(next ? { before: next } : {}), loc: op.loc, doc: op.doc });
    for (const [i, result] of op.results.entries()) this.replace(result, made[i] as ValueId);
  }

  /** A result that is i64 whatever its operands are, as argmax, is cast. */
  private replace(result: ValueId, made: ValueId): void {
    if (this.body.typeOf(result).dtype !== "i64") this.body.replaceAllUses(result, made);
    else this.narrow.set(result, this.body.typeOf(made).dtype === "i64" ? this.body.one("type.cast", [made], { to: "i32" }) : made);
  }

  private fits(operand: Operand): boolean {
    const range = typeof operand === "string" ? this.constants.of(operand) : this.ranges.get(operand as ValueId);
    return range !== undefined && range !== null && isWithin(range, word);
  }

  private narrowed(operand: ValueId | string): Operand {
    if (typeof operand === "string") return this.narrowConstant(operand);
    const known = this.narrow.get(operand);
    if (known !== undefined) return known;
    const cast = this.body.one("type.cast", [operand], { to: "i32" });
    this.narrow.set(operand, cast);
    const bounds = this.assumed.get(operand);
    const made = this.body.def(cast);
    if (bounds && made) {
      const list = { kind: "list" as const, value: [attr.int(Number(bounds.min)), attr.int(Number(bounds.max))] };
      this.body.setAttrs(made, new Map(made.attrs).set(checkedNote, list));
    }
    return cast;
  }

  private narrowConstant(name: string): string {
    const wanted = `${name}.i32`;
    const { type, loc } = this.module.constants.get(name) ?? fail(name);
    if (!this.editor.constant(wanted))
      this.editor.setConstant(derivedConstant(wanted, tensorType("i32", type.shape), "type.cast", [name], new Map([["to", toWord]]), loc));
    return wanted;
  }

  private widenResults(): void {
    this.body.insertBefore(null);
    for (const [i, operand] of this.body.returned().entries()) {
      const narrow = typeof operand === "number" ? this.narrow.get(operand) : undefined;
      if (narrow !== undefined && !this.func.params.includes(operand as ValueId))
        this.body.setReturn(i, this.body.one("type.cast", [narrow], { to: "i64" }));
    }
  }
}

function fail(name: string): never {
  throw new TersorError({ code: "E0204", message: `no constant @${name}` });
}

/** A cast to i64 keeps its value in an i32 where that fits: truncated, saturated or sign-extended alike. */
function isWideCast({ name, attrs }: Pick<Op, "name" | "attrs">): boolean {
  const to = attrs.get("to");
  return name === "type.cast" && to?.kind === "enum" && to.value === "i64";
}

/**
 * What i64 inputs are taken to hold, since it is checked: an i32, or, where one does nothing but index axes of known sizes, an index of the shortest.
 */
function assumptions(module: Module, func: Func): ReadonlyMap<ValueId, Range> {
  const wide = func.params.filter((id) => valueInfo(func, id).type.dtype === "i64");
  return new Map(wide.map((id) => [id, indexRange(module, func, id) ?? word]));
}

function indexRange(module: Module, func: Func, id: ValueId): Range | null {
  if (func.returns.includes(id)) return null;
  const users = func.ops.filter(({ operands }) => operands.includes(id));
  const sizes = users.map(({ name, operands: [x, indices], attrs }) => {
    const type = operandType(module, func, x ?? null);
    if (name !== "shape.gather" || indices !== id || x === id || !type) return null;
    const axis = attrs.get("axis");
    const at = axis?.kind === "int" ? Number(axis.value) : 0;
    const size = type.shape[at < 0 ? at + type.shape.length : at];
    return typeof size === "number" ? size : null;
  });
  const known = sizes.filter((size) => size !== null);
  if (known.length === 0 || known.length < sizes.length) return null;
  const size = BigInt(Math.min(...known));
  return { min: -size, max: size - 1n };
}
