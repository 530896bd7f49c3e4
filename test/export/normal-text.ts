/**
 * @file A module's text without what a trip through another format need not keep: names of inner values and of constants, places, docs, meta, storage; absent operands at the end,
 * attributes that have their default, and the target of a reshape, which its result's type says. Constants of one definition are one. Two modules with equal normal text compute the same
 * by the same ops.
 */
import { createHash } from "node:crypto";
import { printModule } from "../../compiler/text/index.ts";
import {
  type AttrDict,
  type AttrInput,
  type Constant,
  constantBytes,
  type Func,
  type Module,
  mainFunction,
  type Operand,
  staticShape,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { registry } from "./support.ts";

export function normalText(module: Module): string {
  const main = mainFunction(module);
  const names = new Names(module);
  const ops = main.ops.map((op) => {
    const operands = withoutTrailing(op.operands.map((o) => names.operand(o)));
    return { ...op, operands, attrs: plainAttrs(op.name, op.attrs), loc: [], doc: null };
  });
  const returns = main.returns.map((operand) => names.operand(operand)) as Func["returns"];
  const kept = new Set(main.params);
  const values = main.values.map((value, id) => ({ ...value, name: kept.has(id) ? value.name : null }));
  const func: Func = { ...main, ops, returns, values, doc: null };
  return printModule({
    ...module,
    name: "m",
    doc: null,
    meta: null,
    resources: new Map(),
    functions: new Map([["main", func]]),
    constants: names.constants,
  });
}

function withoutTrailing<T>(operands: readonly (T | null)[]): readonly (T | null)[] {
  let { length } = operands;
  while (length > 0 && operands[length - 1] === null) length--;
  return operands.slice(0, length);
}

function plainAttrs(op: string, attrs: AttrDict): AttrDict {
  const def = registry.require(op);
  return op === "shape.reshape" ? new Map() : writeAttrs(def.attrs, registry.attrs(def, attrs) as AttrInput);
}

/** Constants by number, in order of first mention; equal ones have one number. */
class Names {
  readonly constants = new Map<string, Constant>();
  private readonly module: Module;
  private readonly known = new Map<string, string>();
  private readonly numbers = new Map<string, string>();

  constructor(module: Module) {
    this.module = module;
  }

  operand(operand: Operand): Operand {
    return typeof operand === "string" ? this.constant(operand) : operand;
  }

  private constant(name: string): string {
    const present = this.known.get(name);
    if (present !== undefined) return present;
    const constant = this.module.constants.get(name);
    if (!constant) throw new Error(`there is no constant @${name}`);
    const made = this.numbered(this.normal(constant));
    this.known.set(name, made);
    return made;
  }

  private normal(constant: Constant): Constant {
    const base = { ...constant, doc: null, loc: [] };
    if (base.kind === "derived")
      return {
        ...base,
        operands: withoutTrailing(base.operands.map((o) => (o === null ? null : this.constant(o)))),
        attrs: plainAttrs(base.op, base.attrs),
      };
    const bytes = constantBytes(this.module, constant as typeof base);
    // A digest instead of long data: the text stays short, and every bit still counts.
    if (bytes.length <= 64) return { ...base, storage: { kind: "bytes", bytes } };
    return { ...base, storage: { kind: "elided", sha256: createHash("sha256").update(bytes).digest("hex"), length: bytes.length } };
  }

  private numbered(constant: Constant): string {
    const { name: _, ...rest } = constant;
    const shape = staticShape(constant.type.shape);
    const key = JSON.stringify([rest, shape], (_key, value) =>
      value instanceof Uint8Array ? [...value] : value instanceof Map ? [...value] : typeof value === "bigint" ? `${value}n` : value,
    );
    const present = this.numbers.get(key);
    if (present !== undefined) return present;
    const name = `c${this.numbers.size}`;
    this.numbers.set(key, name);
    this.constants.set(name, { ...constant, name });
    return name;
  }
}
