/**
 * @file A module's text without what a trip through another format need not keep: names of inner values and of constants, places, docs, meta, storage, assumptions about sizes; absent operands at the end,
 * attributes that have their default, and the target of a reshape, which its result's type says; axes counted from the last and floats beyond f32 are written otherwise. Constants of one definition are one. Two modules with equal normal text compute the same
 * by the same ops.
 */
import { createHash } from "node:crypto";
import { printModule } from "../../compiler/text/index.ts";
import {
  type AttrDict,
  type AttrInput,
  type Constant,
  constantBytes,
  type Dim,
  dataConstant,
  encodeTensor,
  evaluateConstant,
  type Func,
  type HostTensor,
  type Module,
  mainFunction,
  type Operand,
  operandType,
  staticShape,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { registry } from "./support.ts";

/** All constants by their values. */
export function withPlainConstants(module: Module): Module {
  const cache = new Map<string, HostTensor>();
  const constants = [...module.constants].map(([name, constant]) => {
    const value = evaluateConstant(module, registry, name, cache);
    return [name, dataConstant(name, constant.type, encodeTensor(value))] as const;
  });
  return { ...module, constants: new Map(constants) };
}

export function normalText(module: Module): string {
  const main = mainFunction(module);
  const names = new Names(module);
  const ops = main.ops.map((op) => {
    const operands = withoutTrailing(op.operands.map((o) => names.operand(o)));
    const shape = operandType(module, main, op.operands[0] ?? null)?.shape ?? [];
    return { ...op, operands, attrs: plainAttrs(op.name, op.attrs, shape), loc: [], doc: null };
  });
  const returns = main.returns.map((operand) => names.operand(operand)) as Func["returns"];
  const kept = new Set(main.params);
  const values = main.values.map((value, id) => ({ ...value, name: kept.has(id) ? value.name : null }));
  // ONNX has no place for what is assumed of sizes: what its own operators imply comes back, a gather says nothing about its axis.
  const func: Func = { ...main, ops, returns, values, requires: [], doc: null };
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

function plainAttrs(op: string, attrs: AttrDict, shape: readonly Dim[]): AttrDict {
  const def = registry.require(op);
  if (op === "shape.reshape") return new Map();
  const read = registry.attrs(def, attrs) as AttrInput;
  const plain = Object.fromEntries(Object.entries(read).map(([name, value]) => [name, plainValue(name, value, shape.length)]));
  if (op.startsWith("reduce.") && plain.axes) plain.axes = [...(plain.axes as readonly number[])].sort();
  return writeAttrs(def.attrs, op === "shape.slice" ? plainSlice(plain as unknown as SliceAttrs, shape) : plain);
}

/** Axes from the first, floats of as many bits as ONNX has. */
function plainValue(name: string, value: unknown, rank: number): unknown {
  const axis = (at: number) => (at < 0 ? at + rank : at);
  if (name === "axis") return axis(value as number);
  if (name === "axes") return (value as readonly number[]).map(axis);
  return typeof value === "number" && !Number.isInteger(value) ? Math.fround(value) : value;
}

interface SliceAttrs {
  readonly starts: readonly Dim[];
  readonly ends: readonly Dim[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

/** All axes and steps told, ends within the axis. */
function plainSlice({ starts, ends, axes, steps }: SliceAttrs, shape: readonly Dim[]): AttrInput {
  const all = axes.length > 0 ? axes : starts.map((_, i) => i);
  const inside = ends.map((end, i) => {
    const size = shape[all[i] ?? 0];
    return typeof end === "number" && typeof size === "number" ? Math.min(end, size) : end;
  });
  return { starts, ends: inside, axes: all, steps: steps.length > 0 ? steps : all.map(() => 1) };
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
        attrs: plainAttrs(base.op, base.attrs, this.module.constants.get(base.operands[0] ?? "")?.type.shape ?? []),
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
