/**
 * @file The interning tables of a file: strings, dim expressions, types and attributes, each stored once and named by index afterwards. Earlier entries never refer to
 * later ones, so a reader needs no recursion and no cycle can be written.
 */
import type { Attr, AttrDict } from "../../ir-spec/core/attr.ts";
import { type Dim, type DimAtom, type DimTerm, isStatic } from "../../ir-spec/core/dim.ts";
import type { Location } from "../../ir-spec/core/location.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { printType, type TensorType } from "../../ir-spec/core/type.ts";
import { AttrKind, dtypeCodes, ExprOp, limits } from "../../ir-spec/format/codes.ts";

/** A list of entries without duplicates; a duplicate is what has the same key. */
class Pool<T> {
  readonly items: T[] = [];
  private readonly byKey = new Map<string, number>();

  add(key: string, make: () => T): number {
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const item = make();
    const index = this.items.push(item) - 1;
    this.byKey.set(key, index);
    return index;
  }
}

export interface ExprRecord {
  readonly op: ExprOp;
  readonly a: number;
  readonly b: number;
}

export interface TypeRecord {
  readonly dtype: number;
  readonly dims: readonly number[];
}

export interface AttrRecord {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
}

export class TableBuilder {
  private readonly stringPool = new Pool<string>();
  private readonly symbolPool = new Pool<{ readonly name: number; readonly original: number }>();
  private readonly exprPool = new Pool<ExprRecord>();
  private readonly typePool = new Pool<TypeRecord>();
  private readonly attrPool = new Pool<AttrRecord>();
  readonly listItems: number[] = [];
  readonly dictItems: { readonly key: number; readonly value: number }[] = [];
  private readonly symbolOriginals: ReadonlyMap<string, string>;

  constructor(symbolOriginals: ReadonlyMap<string, string> = new Map()) {
    this.symbolOriginals = symbolOriginals;
  }

  get strings(): readonly string[] {
    return this.stringPool.items;
  }
  get symbols(): readonly { readonly name: number; readonly original: number }[] {
    return this.symbolPool.items;
  }
  get exprs(): readonly ExprRecord[] {
    return this.exprPool.items;
  }
  get types(): readonly TypeRecord[] {
    return this.typePool.items;
  }
  get attrs(): readonly AttrRecord[] {
    return this.attrPool.items;
  }

  /** @throws TersorError E0902 for text that UTF-8 cannot hold (a lone surrogate). */
  string(text: string): number {
    if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)) {
      throw new TersorError({ code: "E0902", message: `${JSON.stringify(text)} is no well-formed Unicode: a file cannot hold it` });
    }
    return this.stringPool.add(text, () => text);
  }

  optionalString(text: string | null | undefined): number {
    return text === null || text === undefined ? 0 : this.string(text) + 1;
  }

  /** The size itself, or -(k + 1) for expression k. */
  dim(dim: Dim): number {
    return isStatic(dim) && dim >= 0 && dim < 2 ** 31 ? dim : -(this.expr(dim) + 1);
  }

  type(type: TensorType): number {
    if (type.shape.length > limits.rank)
      throw new TersorError({ code: "E0903", message: `${printType(type)}: a file holds ranks up to ${limits.rank}` });
    const dims = type.shape.map((dim) => this.dim(dim));
    const dtype = dtypeCodes.indexOf(type.dtype);
    return this.typePool.add(`${dtype}:${dims.join(",")}`, () => ({ dtype, dims }));
  }

  attr(attr: Attr): number {
    const record = this.attrRecord(attr);
    return this.attrPool.add(`${record.kind} ${record.key ?? `${record.a} ${record.b}`}`, () => (record.place ? record.place() : record));
  }

  /** 0 for an empty dict: absent and empty are the same. */
  optionalDict(dict: AttrDict): number {
    return dict.size === 0 ? 0 : this.attr({ kind: "dict", value: dict }) + 1;
  }

  /** A location is a list of places, a place the list of its file and parts. */
  optionalLocation(location: Location): number {
    if (location.length === 0) return 0;
    const list = (value: readonly Attr[]): Attr => ({ kind: "list", value });
    const part = (value: number | string): Attr => (typeof value === "number" ? { kind: "int", value } : { kind: "string", value });
    return this.attr(list(location.map((place) => list([place.file, ...place.parts].map(part))))) + 1;
  }

  private attrRecord(attr: Attr): AttrRecord & { readonly key?: string; readonly place?: () => AttrRecord } {
    switch (attr.kind) {
      case "int":
        return integerRecord(attr.value);
      case "float":
        return attr.bits === undefined ? bitsRecord(AttrKind.float, doubleBits(attr.value)) : bitsRecord(AttrKind.nan, attr.bits);
      case "bool":
        return { kind: AttrKind.bool, a: attr.value ? 1 : 0, b: 0 };
      case "string":
        return { kind: AttrKind.string, a: this.string(attr.value), b: 0 };
      case "enum":
        return { kind: AttrKind.enum, a: this.string(attr.value), b: 0 };
      case "symbol":
        return { kind: AttrKind.symbol, a: this.string(attr.value), b: 0 };
      case "type":
        return { kind: AttrKind.type, a: this.type(attr.value), b: 0 };
      case "dim":
        return { kind: AttrKind.dim, a: this.dim(attr.value), b: attr.introduces ? 1 : 0 };
      case "list":
        return this.listRecord(attr.value.map((item) => this.attr(item)));
      case "dict":
        return this.dictRecord([...attr.value].map(([key, value]) => ({ key: this.string(key), value: this.attr(value) })));
    }
  }

  private listRecord(items: readonly number[]) {
    const place = () => ({ kind: AttrKind.list, a: append(this.listItems, items), b: items.length });
    return { kind: AttrKind.list, a: 0, b: 0, key: items.join(","), place };
  }

  private dictRecord(items: readonly { readonly key: number; readonly value: number }[]) {
    const place = () => ({ kind: AttrKind.dict, a: append(this.dictItems, items), b: items.length });
    return { kind: AttrKind.dict, a: 0, b: 0, key: items.map((item) => `${item.key}=${item.value}`).join(","), place };
  }

  private expr(dim: Dim): number {
    if (isStatic(dim)) return this.node(ExprOp.integer, ...halves(BigInt(dim)));
    const [first, ...rest] = dim.terms.map((term) => this.term(term));
    return rest.reduce((sum, term) => this.node(ExprOp.add, sum, term), first as number);
  }

  private term(term: DimTerm): number {
    const factors = term.atoms.map((atom) => this.atom(atom));
    const [first, ...rest] = term.coefficient === 1 && factors.length > 0 ? factors : [this.expr(term.coefficient), ...factors];
    return rest.reduce((product, factor) => this.node(ExprOp.mul, product, factor), first as number);
  }

  private atom(atom: DimAtom): number {
    if (atom.kind === "symbol") return this.node(ExprOp.symbol, this.symbol(atom.name), 0);
    return this.node(ExprOp[atom.kind], this.expr(atom.a), this.expr(atom.b));
  }

  private symbol(name: string): number {
    const original = this.symbolOriginals.get(name);
    return this.symbolPool.add(name, () => ({ name: this.string(name), original: original === name ? 0 : this.optionalString(original) }));
  }

  private node(op: ExprOp, a: number, b: number): number {
    return this.exprPool.add(`${op} ${a} ${b}`, () => ({ op, a, b }));
  }
}

/** @returns index of the first */
function append<T>(pool: T[], items: readonly T[]): number {
  const first = pool.length;
  for (const item of items) pool.push(item);
  return first;
}

const scratch = new DataView(new ArrayBuffer(8));

function doubleBits(value: number): bigint {
  scratch.setFloat64(0, value);
  return Number.isNaN(value) ? 0x7ff8000000000000n : scratch.getBigUint64(0);
}

function halves(value: bigint): [low: number, high: number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}

function bitsRecord(kind: number, bits: bigint): AttrRecord {
  const [a, b] = halves(bits);
  return { kind, a, b };
}

/** @throws TersorError E0904 beyond 64 bits. */
function integerRecord(value: number | bigint): AttrRecord {
  const wide = BigInt(value);
  if (wide >= -(2n ** 63n) && wide < 2n ** 63n) return bitsRecord(AttrKind.int, wide);
  if (wide >= 2n ** 63n && wide < 2n ** 64n) return bitsRecord(AttrKind.uint, wide);
  throw new TersorError({ code: "E0904", message: `attribute integer ${value} takes more than 64 bits` });
}
