/**
 * @file Symbolic sizes as ONNX computes them: a size that an axis of an earlier value has is read off its shape (`Shape`), so are its multiples, and other expressions are integer nodes.
 * Sizes are 1-element i64 tensors, lists of them one concatenated tensor.
 */
import { type Dim, type DimAtom, type DimTerm, dimEquals, dimMul, isDimSymbolName } from "../../../ir-spec/index.ts";
import { attribute, type GraphBuilder } from "./builder.ts";
import { ExportFailure } from "./errors.ts";

interface Source {
  readonly dim: Exclude<Dim, number>;
  readonly value: string;
  readonly axis: number;
}

export class Sizes {
  private readonly builder: GraphBuilder;
  private readonly sources = new Map<string, Source>();
  private readonly made = new Map<string, string>();

  constructor(builder: GraphBuilder) {
    this.builder = builder;
  }

  /** From here on the value's shape gives the sizes that no earlier value gave. */
  define(value: string, shape: readonly Dim[]): void {
    shape.forEach((dim, axis) => {
      if (typeof dim !== "number" && !this.sources.has(dim.key)) this.sources.set(dim.key, { dim, value, axis });
    });
  }

  /** The list as an i64 tensor of rank 1. @throws ExportFailure E1005 */
  list(dims: readonly Dim[]): string {
    if (dims.every((dim) => typeof dim === "number")) return this.builder.ints(dims);
    const parts: string[] = [];
    let fixed: number[] = [];
    const flush = () => {
      if (fixed.length > 0) parts.push(this.builder.ints(fixed));
      fixed = [];
    };
    for (const dim of dims) {
      if (typeof dim === "number") fixed.push(dim);
      else {
        flush();
        parts.push(this.one(dim));
      }
    }
    flush();
    return parts.length === 1 ? (parts[0] as string) : this.node("Concat", parts, { axis: attribute.int(0) });
  }

  /** One size as an i64 tensor of shape [1]. @throws ExportFailure E1005 */
  one(dim: Dim): string {
    if (typeof dim === "number") return this.builder.ints([dim]);
    const present = this.made.get(dim.key);
    if (present !== undefined) return present;
    const name = this.readOff(dim) ?? dim.terms.map((term) => this.term(term)).reduce((sum, term) => this.node("Add", [sum, term]));
    this.made.set(dim.key, name);
    return name;
  }

  private term({ coefficient, atoms }: DimTerm): string {
    const factors = atoms.map((atom) => this.atom(atom));
    if (coefficient !== 1 || factors.length === 0) factors.push(this.builder.ints([coefficient]));
    return factors.reduce((product, factor) => this.node("Mul", [product, factor]));
  }

  private atom(atom: DimAtom): string {
    const present = this.made.get(atom.key);
    if (present !== undefined) return present;
    const name = atom.kind === "symbol" ? this.symbol(atom.name) : this.call(atom);
    this.made.set(atom.key, name);
    return name;
  }

  private call({ kind, a, b }: DimAtom & { readonly a: Dim; readonly b: Dim; readonly kind: string }): string {
    const [x, y] = [this.one(a), this.one(b)];
    switch (kind) {
      case "min":
        return this.node("Min", [x, y]);
      case "max":
        return this.node("Max", [x, y]);
      case "mod":
        return this.node("Mod", [x, y]);
      case "ceildiv":
        return this.floorDivision(
          this.node("Sub", [this.node("Add", [x, y]), this.builder.ints([1])]),
          y,
          !hasNegative(a) && !hasNegative(b),
        );
      default:
        return this.floorDivision(x, y, !hasNegative(a) && !hasNegative(b));
    }
  }

  /** ONNX divides toward zero: what may be negative first loses its remainder, whose sign is the divisor's. */
  private floorDivision(x: string, y: string, positive: boolean): string {
    return this.node("Div", [positive ? x : this.node("Sub", [x, this.node("Mod", [x, y])]), y]);
  }

  private symbol(name: string): string {
    const source = this.sources.get(name);
    if (!source) throw new ExportFailure("E1005", `no value before this has the size ${name} alone`, "give the model a static size there");
    return this.shape(source);
  }

  /** An axis that has the size, or a part of it: shorter than the arithmetic, and the same size to whoever reads the model. */
  private readOff(dim: Exclude<Dim, number>): string | null {
    const source = this.sources.get(dim.key);
    if (source) return this.shape(source);
    for (const part of this.sources.values()) {
      const factor = factorOf(dim, part.dim);
      if (factor !== null) return this.node("Mul", [this.one(part.dim), this.builder.ints([factor])]);
    }
    return null;
  }

  private shape({ value, axis }: Source): string {
    if (this.builder.opset >= 15) return this.node("Shape", [value], { start: attribute.int(axis), end: attribute.int(axis + 1) });
    return this.node("Gather", [this.node("Shape", [value]), this.builder.ints([axis])]);
  }

  private node(opType: string, inputs: readonly string[], attrs = {}): string {
    return this.builder.value(opType, inputs, attrs, "size");
  }
}

/** Could the expression be below zero for sizes that are not? */
function hasNegative(dim: Dim): boolean {
  if (typeof dim === "number") return dim < 0;
  return dim.terms.some(
    (term) => term.coefficient < 0 || term.atoms.some((atom) => atom.kind !== "symbol" && (hasNegative(atom.a) || hasNegative(atom.b))),
  );
}

/** How many times the part, which is more than a symbol, the size is. */
function factorOf(dim: Exclude<Dim, number>, part: Exclude<Dim, number>): number | null {
  if (isDimSymbolName(part.key) || part.terms.length !== dim.terms.length) return null;
  const factor = (dim.terms[0]?.coefficient ?? 0) / (part.terms[0]?.coefficient ?? 1);
  return Number.isInteger(factor) && factor > 1 && dimEquals(dimMul(part, factor), dim) ? factor : null;
}
