/**
 * @file The source module of a file, rebuilt: structure, names, docs, locations, attributes and constant bits as they were emitted. Data comes back as bytes or splats: resources and
 * random constants were written out. Used by this backend and, through it, by the compiler's `readSource`.
 */
import type { Attr, AttrDict } from "../../../ir-spec/core/attr.ts";
import { emptyAttrs } from "../../../ir-spec/core/attr.ts";
import type { Constant, DataStorage } from "../../../ir-spec/core/constant.ts";
import * as dims from "../../../ir-spec/core/dim.ts";
import { byteLengthOf } from "../../../ir-spec/core/dtype.ts";
import type { Func, Module, Op, Operand } from "../../../ir-spec/core/graph.ts";
import type { Location, Place } from "../../../ir-spec/core/location.ts";
import type { TensorType } from "../../../ir-spec/core/type.ts";
import { AttrKind, ConstantFlag, dtypeCodes, ExprOp } from "../../../ir-spec/format/codes.ts";
import { RuntimeError } from "../../errors.ts";
import type { OpenedFile } from "../../open-file.ts";
import { exprInteger } from "../../plan-dim.ts";
import { float64, int64 } from "../../program.ts";
import type { ConstantView, FuncView, OpView, ProgramView, SourceView } from "../../program-view.ts";

/** @throws RuntimeError R0207 when the file keeps no source functions, R0203 when a dim's arithmetic leaves the exact integers */
export function readModule(file: OpenedFile): Module {
  const { source } = file.view;
  if (!source)
    throw new RuntimeError("R0207", "the file keeps no source functions: compile it with target reference among its targets", "file");
  return new ModuleReader(file, source).read();
}

const builders: { readonly [op: number]: (a: dims.Dim, b: dims.Dim) => dims.Dim } = {
  [ExprOp.add]: dims.dimAdd,
  [ExprOp.mul]: dims.dimMul,
  [ExprOp.div]: dims.dimDiv,
  [ExprOp.mod]: dims.dimMod,
  [ExprOp.min]: dims.dimMin,
  [ExprOp.max]: dims.dimMax,
  [ExprOp.ceildiv]: dims.dimCeilDiv,
};

class ModuleReader {
  private readonly file: OpenedFile;
  private readonly view: ProgramView;
  private readonly source: SourceView;
  private readonly exprs: readonly dims.Dim[];
  private readonly types: readonly TensorType[];
  private readonly attrs: Attr[] = [];
  private readonly sections = new Map<number, Uint8Array>();

  constructor(file: OpenedFile, source: SourceView) {
    this.file = file;
    this.view = file.view;
    this.source = source;
    this.exprs = readExprs(file.view);
    this.types = this.view.types.map(({ dtype, dims: shape }) => ({
      dtype: dtypeCodes[dtype] ?? "u8",
      shape: Array.from(shape, (dim) => this.dim(dim)),
    }));
    for (const { kind, a, b } of this.view.attrs) this.attrs.push(this.readAttr(kind, a, b));
  }

  read(): Module {
    const { source } = this;
    const functions = source.functions.map((func) => this.func(func));
    const constants = this.view.constants.slice(0, source.constants).map((constant) => this.constant(constant));
    return {
      version: this.text(source.version),
      name: this.text(source.name),
      doc: this.optionalText(source.doc),
      meta: source.meta === 0 ? null : this.dict(source.meta),
      metaDoc: this.optionalText(source.metaDoc),
      resources: new Map(),
      functions: new Map(functions.map((func) => [func.name, func])),
      constants: new Map(constants.map((constant) => [constant.name, constant])),
    };
  }

  private text(index: number): string {
    return this.view.strings[index] ?? "";
  }

  private optionalText(index: number): string | null {
    return index === 0 ? null : this.text(index - 1);
  }

  private dim(dim: number): dims.Dim {
    return dim >= 0 ? dim : (this.exprs[-dim - 1] as dims.Dim);
  }

  private type(index: number): TensorType {
    return this.types[index] as TensorType;
  }

  /** An optional attr that is a dict. */
  private dict(index: number): AttrDict {
    const attr = index === 0 ? undefined : this.attrs[index - 1];
    return attr?.kind === "dict" ? attr.value : emptyAttrs;
  }

  private location(index: number): Location {
    const attr = index === 0 ? undefined : this.attrs[index - 1];
    return attr?.kind === "list" ? attr.value.map(readPlace) : [];
  }

  private func(func: FuncView): Func {
    const values = Array.from(func.types, (type, i) => ({ name: this.optionalText(func.names[i] ?? 0), type: this.type(type) }));
    return {
      name: this.text(func.name),
      values,
      params: Array.from({ length: func.params }, (_, i) => i),
      results: func.results.map((result) => ({ name: this.text(result.name), type: this.type(result.type) })),
      returns: Array.from(func.returns, (operand) => this.operand(operand) as number | string),
      carries: func.carries.map((carry) => ({ param: carry.param, result: this.text(carry.result) })),
      requires: func.requires.map(({ left, right }) => ({ left: this.dim(left), right: this.dim(right) })),
      ops: func.ops.map((op) => this.op(op)),
      doc: this.optionalText(func.doc),
    };
  }

  private op(op: OpView): Op {
    return {
      name: this.text(op.name),
      operands: Array.from(op.operands, (operand) => this.operand(operand)),
      attrs: this.dict(op.attrs),
      results: Array.from({ length: op.resultCount }, (_, i) => op.firstResult + i),
      doc: this.optionalText(op.doc),
      loc: this.location(op.loc),
    };
  }

  private operand(operand: number): Operand {
    if (operand >= 0) return operand;
    return operand === -1 ? null : this.constantName(-operand - 2);
  }

  private constantName(index: number): string {
    return this.text(this.view.constants[index]?.name ?? -1);
  }

  private constant(constant: ConstantView): Constant {
    const base = {
      name: this.text(constant.name),
      type: this.type(constant.type),
      doc: this.optionalText(constant.doc),
      loc: this.location(constant.loc),
    };
    const derived = constant.storage < 0 ? this.view.derived[-constant.storage - 1] : undefined;
    if (!derived) return { kind: "data", ...base, storage: this.storage(constant, base.type) };
    const operands = Array.from(derived.operands, (operand) => (operand === -1 ? null : this.constantName(operand)));
    return { kind: "derived", ...base, op: this.text(derived.op), operands, attrs: this.dict(derived.attrs) };
  }

  private storage(constant: ConstantView, type: TensorType): DataStorage {
    const bytes = this.section(constant.storage);
    return (constant.flags & ConstantFlag.splat) === 0 || bytes.length === 0
      ? { kind: "bytes", bytes }
      : { kind: "splat", element: firstElement(type, bytes) };
  }

  /** Constants with equal bytes share a section: it is decoded once, or a short file could ask for the same bytes any number of times. */
  private section(index: number): Uint8Array {
    const known = this.sections.get(index) ?? this.file.sectionBytes(index);
    this.sections.set(index, known);
    return known;
  }

  private readAttr(kind: number, a: number, b: number): Attr {
    switch (kind) {
      case AttrKind.int:
        return { kind: "int", value: safeInteger(int64(a, b)) };
      case AttrKind.uint:
        return { kind: "int", value: BigInt.asUintN(64, int64(a, b)) };
      case AttrKind.float:
        return { kind: "float", value: float64(a, b) };
      case AttrKind.nan:
        return { kind: "float", value: Number.NaN, bits: BigInt.asUintN(64, int64(a, b)) };
      case AttrKind.bool:
        return { kind: "bool", value: a !== 0 };
      case AttrKind.string:
        return { kind: "string", value: this.text(a) };
      case AttrKind.enum:
        return { kind: "enum", value: this.text(a) };
      case AttrKind.symbol:
        return { kind: "symbol", value: this.text(a) };
      case AttrKind.type:
        return { kind: "type", value: this.type(a) };
      case AttrKind.dim:
        return { kind: "dim", value: this.dim(a), ...(b === 0 ? {} : { introduces: true }) };
      case AttrKind.list:
        return { kind: "list", value: Array.from(this.view.listItems.subarray(a, a + b), (item) => this.attrs[item] as Attr) };
      default:
        return {
          kind: "dict",
          value: new Map(this.view.dictItems.slice(a, a + b).map((d) => [this.text(d.key), this.attrs[d.value] as Attr])),
        };
    }
  }
}

function readExprs(view: ProgramView): readonly dims.Dim[] {
  const exprs: dims.Dim[] = [];
  view.exprs.forEach((expr, i) => {
    try {
      if (expr.op === ExprOp.integer) exprs.push(exprInteger(expr));
      else if (expr.op === ExprOp.symbol) exprs.push(dims.dimSymbol(view.strings[view.symbols[expr.a]?.name ?? -1] ?? ""));
      else exprs.push((builders[expr.op] as (typeof builders)[number])(exprs[expr.a] as dims.Dim, exprs[expr.b] as dims.Dim));
    } catch (error) {
      throw new RuntimeError("R0203", error instanceof Error ? error.message : String(error), `dim expression ${i}`);
    }
  });
  return exprs;
}

/** Attributes are always normal: BigInt only beyond 2^53. */
function safeInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readPlace(place: Attr): Place {
  const parts =
    place.kind === "list"
      ? place.value.map((part) => (part.kind === "int" ? Number(part.value) : part.kind === "string" ? part.value : ""))
      : [];
  return { file: String(parts[0] ?? ""), parts: parts.slice(1) };
}

/** Little-endian bytes of one element; a sub-byte one in the low bits. */
function firstElement(type: TensorType, bytes: Uint8Array): Uint8Array {
  const bits = byteLengthOf(type.dtype, 8);
  return bits >= 8 ? bytes.slice(0, bits / 8) : Uint8Array.of((bytes[0] ?? 0) & ((1 << bits) - 1));
}
