/**
 * @file Dims: a tensor's sizes, static or symbolic, always in normal form.
 *
 * A symbolic dim is a polynomial with integer coefficients over atoms: symbols and the non-polynomial functions
 * (`/` floor division, `%`, `min`, `max`, `ceildiv`). Two dims are equal when their normal forms are: cheap, sound, not complete
 * (`max(N, M) * 2` and `max(2 * N, 2 * M)` differ). A static dim is a plain number.
 */

export type Dim = number | DimExpr;

export type DimFunction = "div" | "mod" | "min" | "max" | "ceildiv";

export type DimAtom =
  | { readonly kind: "symbol"; readonly name: string; readonly key: string }
  | { readonly kind: DimFunction; readonly a: Dim; readonly b: Dim; readonly key: string };

/** coefficient * product of atoms (sorted by key, repeated for powers). The constant term has no atoms. */
export interface DimTerm {
  readonly coefficient: number;
  readonly atoms: readonly DimAtom[];
}

export interface DimExpr {
  readonly terms: readonly DimTerm[];
  /** Canonical text; equal dims have equal keys. */
  readonly key: string;
}

const symbolPattern = /^[A-Z][A-Z0-9_]*$/;

export function isDimSymbolName(name: string): boolean {
  return symbolPattern.test(name);
}

export function dimSymbol(name: string): DimExpr {
  if (!isDimSymbolName(name)) throw new RangeError(`"${name}" is not a dim symbol: uppercase letters, digits and _ only`);
  return fromTerms([{ coefficient: 1, atoms: [{ kind: "symbol", name, key: name }] }]) as DimExpr;
}

export function isStatic(dim: Dim): dim is number {
  return typeof dim === "number";
}

export function dimKey(dim: Dim): string {
  return typeof dim === "number" ? String(dim) : dim.key;
}

export function dimEquals(a: Dim, b: Dim): boolean {
  return a === b || (typeof a === "object" && typeof b === "object" && a.key === b.key);
}

/** Dim as it stands inside `tensor<...>`: a number, a bare symbol, or a bracketed expression. */
export function printDim(dim: Dim): string {
  if (typeof dim === "number") return String(dim);
  return isDimSymbolName(dim.key) ? dim.key : `[${dim.key}]`;
}

export function dimAdd(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return safe(a + b);
  return fromTerms([...termsOf(a), ...termsOf(b)]);
}

export function dimSub(a: Dim, b: Dim): Dim {
  return dimAdd(a, dimMul(-1, b));
}

export function dimMul(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return safe(a * b);
  const product: DimTerm[] = [];
  demandSmall(termsOf(a).length * termsOf(b).length, mostTerms);
  for (const s of termsOf(a)) {
    for (const t of termsOf(b)) {
      demandSmall(s.atoms.length + t.atoms.length, mostAtoms);
      product.push({ coefficient: safe(s.coefficient * t.coefficient), atoms: [...s.atoms, ...t.atoms].sort(byKey) });
    }
  }
  return fromTerms(product);
}

/** Floor division. Exact when every coefficient divides (`(4*N + 8) / 4` is `N + 2`). */
export function dimDiv(a: Dim, b: Dim): Dim {
  const exact = exactQuotient(a, b);
  return exact ?? apply("div", a, b, (x, y) => Math.floor(x / y));
}

export function dimCeilDiv(a: Dim, b: Dim): Dim {
  const exact = exactQuotient(a, b);
  return exact ?? apply("ceildiv", a, b, (x, y) => Math.ceil(x / y));
}

export function dimMod(a: Dim, b: Dim): Dim {
  if (exactQuotient(a, b) !== null) return 0;
  return apply("mod", a, b, (x, y) => x - Math.floor(x / y) * y);
}

export function dimMin(a: Dim, b: Dim): Dim {
  return dimEquals(a, b) ? a : apply("min", ...ordered(a, b), Math.min);
}

export function dimMax(a: Dim, b: Dim): Dim {
  return dimEquals(a, b) ? a : apply("max", ...ordered(a, b), Math.max);
}

export function dimProduct(dims: readonly Dim[]): Dim {
  return dims.reduce<Dim>(dimMul, 1);
}

/** Every symbol that the dim mentions, each once, in order of appearance. */
export function dimSymbols(dim: Dim, into: Set<string> = new Set()): Set<string> {
  if (typeof dim === "number") return into;
  for (const term of dim.terms) {
    for (const atom of term.atoms) {
      if (atom.kind === "symbol") into.add(atom.name);
      else {
        dimSymbols(atom.a, into);
        dimSymbols(atom.b, into);
      }
    }
  }
  return into;
}

/** Rebuilds the dim with each symbol replaced; unmapped symbols stay. */
export function substituteDim(dim: Dim, bindings: ReadonlyMap<string, Dim>): Dim {
  if (typeof dim === "number") return dim;
  return dim.terms.reduce<Dim>((sum, term) => {
    const product = term.atoms.reduce<Dim>((p, atom) => dimMul(p, substituteAtom(atom, bindings)), term.coefficient);
    return dimAdd(sum, product);
  }, 0);
}

/** The dim's number under the bindings. @throws RangeError when a symbol is unbound or a divisor is zero. */
export function evaluateDim(dim: Dim, bindings: ReadonlyMap<string, Dim>): number {
  const value = substituteDim(dim, bindings);
  if (typeof value !== "number") throw new RangeError(`dim ${value.key} has unbound symbols: ${[...dimSymbols(value)].join(", ")}`);
  return value;
}

/**
 * Proves or refutes a == b by normal form: `true` proved, `false` refuted for every binding (they differ by a non-zero constant),
 * `null` when it depends on the symbols.
 */
export function compareDims(a: Dim, b: Dim): boolean | null {
  if (dimEquals(a, b)) return true;
  const difference = dimSub(a, b);
  return typeof difference === "number" ? difference === 0 : null;
}

function substituteAtom(atom: DimAtom, bindings: ReadonlyMap<string, Dim>): Dim {
  if (atom.kind === "symbol") return bindings.get(atom.name) ?? dimSymbol(atom.name);
  return dimFunctions[atom.kind](substituteDim(atom.a, bindings), substituteDim(atom.b, bindings));
}

const dimFunctions: { readonly [F in DimFunction]: (a: Dim, b: Dim) => Dim } = {
  div: dimDiv,
  mod: dimMod,
  min: dimMin,
  max: dimMax,
  ceildiv: dimCeilDiv,
};

/** Bounds of a normal form: sharing lets a short program stand for an expression that no memory holds (`x * x` thirty times). */
const mostTerms = 4096;
const mostAtoms = 256;
const longestKey = 1 << 16;

/** What dim arithmetic refuses: the program's fault, not the compiler's. */
export function isDimFault(error: unknown): error is RangeError {
  return error instanceof RangeError && /^dim (arithmetic|division)/.test(error.message);
}

function demandSmall(size: number, most: number): void {
  if (size > most) throw new RangeError("dim arithmetic makes too large an expression");
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError("dim arithmetic leaves the range of exact integers (2^53)");
  return value === 0 ? 0 : value;
}

function termsOf(dim: Dim): readonly DimTerm[] {
  if (typeof dim === "object") return dim.terms;
  return dim === 0 ? [] : [{ coefficient: dim, atoms: [] }];
}

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

function atomsKey(atoms: readonly DimAtom[]): string {
  return atoms.map((atom) => atom.key).join(" * ");
}

/** Collects like terms; order: more atoms first, then by text, the constant last. */
function fromTerms(terms: readonly DimTerm[]): Dim {
  const sums = new Map<string, { coefficient: number; atoms: readonly DimAtom[] }>();
  for (const term of terms) {
    const key = atomsKey(term.atoms);
    const entry = sums.get(key);
    if (entry) entry.coefficient = safe(entry.coefficient + term.coefficient);
    else sums.set(key, { coefficient: term.coefficient, atoms: term.atoms });
  }
  const kept = [...sums.entries()].filter(([, t]) => t.coefficient !== 0);
  kept.sort(([ka, a], [kb, b]) => b.atoms.length - a.atoms.length || (ka < kb ? -1 : ka > kb ? 1 : 0));
  if (kept.length === 0) return 0;
  const [first] = kept;
  if (kept.length === 1 && first && first[1].atoms.length === 0) return first[1].coefficient;
  const normal = kept.map(([, t]) => ({ coefficient: t.coefficient, atoms: t.atoms }));
  demandSmall(normal.length, mostTerms);
  const key = wholeAtom(normal) ?? printTerms(normal);
  demandSmall(key.length, longestKey);
  return { terms: normal, key };
}

/** `N % 32` stands alone without the parentheses that it needs inside a sum or product. */
function wholeAtom(terms: readonly DimTerm[]): string | null {
  const [term, more] = terms;
  if (!term || more || term.coefficient !== 1 || term.atoms.length !== 1) return null;
  const [atom] = term.atoms;
  return atom && (atom.kind === "div" || atom.kind === "mod") ? atom.key.slice(1, -1) : null;
}

function printTerms(terms: readonly DimTerm[]): string {
  let text = "";
  for (const term of terms) {
    const negative = term.coefficient < 0;
    const size = Math.abs(term.coefficient);
    const body = term.atoms.length === 0 ? String(size) : size === 1 ? atomsKey(term.atoms) : `${size} * ${atomsKey(term.atoms)}`;
    if (text === "") text = negative ? `-${body}` : body;
    else text += negative ? ` - ${body}` : ` + ${body}`;
  }
  return text;
}

function apply(kind: DimFunction, a: Dim, b: Dim, fold: (x: number, y: number) => number): Dim {
  const divides = kind === "div" || kind === "mod" || kind === "ceildiv";
  if (divides && b === 0) throw new RangeError("dim division by zero");
  if (typeof a === "number" && typeof b === "number") return safe(fold(a, b));
  const infix = kind === "div" ? "/" : kind === "mod" ? "%" : null;
  const atom: DimAtom = { kind, a, b, key: infix ? infixKey(a, infix, b) : `${kind}(${dimKey(a)}, ${dimKey(b)})` };
  return fromTerms([{ coefficient: 1, atoms: [atom] }]);
}

/** Parenthesised as a whole, so that a product of atoms reads back unambiguously. */
function infixKey(a: Dim, infix: string, b: Dim): string {
  const side = (d: Dim) => (typeof d === "number" ? (d < 0 ? `(${d})` : String(d)) : isDimSymbolName(d.key) ? d.key : `(${d.key})`);
  return `(${side(a)} ${infix} ${side(b)})`;
}

function ordered(a: Dim, b: Dim): [Dim, Dim] {
  return dimKey(a) <= dimKey(b) ? [a, b] : [b, a];
}

function exactQuotient(a: Dim, b: Dim): Dim | null {
  if (b === 1) return a;
  if (b === 0) throw new RangeError("dim division by zero");
  if (typeof a === "number") return null;
  if (typeof b === "number") {
    if (!a.terms.every((term) => Number.isInteger(term.coefficient / b))) return null;
    return fromTerms(a.terms.map((term) => ({ coefficient: term.coefficient / b, atoms: term.atoms })));
  }
  return divideBySingleTerm(a, b);
}

/** (k1*x*y + k2*x) / (k*x) when b is one term that divides every term of a. */
function divideBySingleTerm(a: DimExpr, b: DimExpr): Dim | null {
  const [divisor, more] = b.terms;
  if (!divisor || more) return null;
  const quotient: DimTerm[] = [];
  for (const term of a.terms) {
    const atoms = [...term.atoms];
    for (const atom of divisor.atoms) {
      const at = atoms.findIndex((candidate) => candidate.key === atom.key);
      if (at < 0) return null;
      atoms.splice(at, 1);
    }
    const coefficient = term.coefficient / divisor.coefficient;
    if (!Number.isInteger(coefficient)) return null;
    quotient.push({ coefficient, atoms });
  }
  return fromTerms(quotient);
}
