/**
 * @file The one reader of dim expressions, wherever they stand: in `tensor<...>`, `require` and `dim[...]`. A recursive-descent parser on
 * characters, since inside these brackets `28x28x1xf32` would fight with identifiers and `0x10` with hexadecimal. Every error and
 * every symbol has its place, as offsets into the text given. Printing is `printDim`, `printType` and `dimKey` of `dim.ts` and `type.ts`.
 */
import { limits } from "../format/codes.ts";
import { type Dim, dimAdd, dimCeilDiv, dimDiv, dimMax, dimMin, dimMod, dimMul, dimSub, dimSymbol } from "./dim.ts";
import { type DType, dtypes, isDType } from "./dtype.ts";
import type { TensorType } from "./type.ts";

/** A symbol where it stands; `introduced` for `?K`. */
export interface SymbolMention {
  readonly name: string;
  readonly introduced: boolean;
  readonly start: number;
  readonly end: number;
}

export interface DimTextError {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

export type DimReading<T> =
  | { readonly ok: true; readonly value: T; readonly symbols: readonly SymbolMention[] }
  | { readonly ok: false; readonly error: DimTextError };

/** `tensor<Nx[2 * H]x3xf32>`. */
export function readType(text: string): DimReading<TensorType> {
  return reading(text, (reader) => reader.type());
}

/** The text of an expression alone: `2 * H + 1`. */
export function readDim(text: string): DimReading<Dim> {
  return reading(text, (reader) => reader.expression());
}

/** `dim[N + 1]` or `dim[?K]`. */
export function readDimAttr(text: string): DimReading<Dim> {
  return reading(text, (reader) => reader.dimAttr());
}

/** `require [H % 32] == 0`. */
export function readRequire(text: string): DimReading<{ readonly left: Dim; readonly right: Dim }> {
  return reading(text, (reader) => reader.require());
}

function reading<T>(text: string, read: (reader: DimReader) => T): DimReading<T> {
  const reader = new DimReader(text);
  try {
    const value = read(reader);
    reader.end();
    return { ok: true, value, symbols: reader.symbols };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, error: error.at };
    throw error;
  }
}

class Fault extends Error {
  readonly at: DimTextError;
  constructor(at: DimTextError) {
    super(at.message);
    this.at = at;
  }
}

/** Beyond this the text is hostile, and the parser would run out of stack. */
const deepest = 100;

const infixes = { "+": dimAdd, "-": dimSub, "*": dimMul, "/": dimDiv, "%": dimMod } as const;
const calls = { min: dimMin, max: dimMax, ceildiv: dimCeilDiv } as const;

class DimReader {
  readonly symbols: SymbolMention[] = [];
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  type(): TensorType {
    this.expect("tensor<");
    const shape: Dim[] = [];
    while (!/[a-z]/.test(this.peek())) {
      shape.push(this.dim());
      this.expect("x", 'a dim is followed by "x"');
      if (shape.length > limits.rank) this.fail(`a type has at most ${limits.rank} dims`);
    }
    const dtype = this.dtype();
    this.expect(">");
    return { dtype, shape };
  }

  dimAttr(): Dim {
    this.expect("dim[");
    const value = this.peek() === "?" ? this.introduced() : this.expression();
    this.expect("]");
    return value;
  }

  require(): { left: Dim; right: Dim } {
    this.expect("require");
    this.space();
    const left = this.bracketed();
    this.space();
    this.expect("==");
    this.space();
    return { left, right: this.peek() === "[" ? this.bracketed() : this.integer() };
  }

  expression(): Dim {
    if (++this.depth > deepest) this.fail("a dim expression nests too deep");
    this.space();
    const start = this.at;
    let sum = this.product();
    for (;;) {
      this.space();
      const sign = this.peek();
      if (sign !== "+" && sign !== "-") break;
      this.at++;
      const right = this.product();
      sum = this.compute(start, infixes[sign], sum, right);
    }
    this.depth--;
    return sum;
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) this.fail(`unexpected "${this.peek()}"`);
  }

  private product(): Dim {
    this.space();
    const start = this.at;
    let product = this.factor();
    for (;;) {
      this.space();
      const sign = this.peek();
      if (sign !== "*" && sign !== "/" && sign !== "%") return product;
      this.at++;
      const right = this.factor();
      product = this.compute(start, infixes[sign], product, right);
    }
  }

  private factor(): Dim {
    this.space();
    const c = this.peek();
    if (c === "(") return this.parenthesised();
    if (/[0-9]/.test(c)) return this.integer();
    if (/[A-Z]/.test(c)) return this.symbol(false);
    if (/[a-z]/.test(c)) return this.call();
    if (c !== "-") return this.fail(c === "?" ? '"?" introduces a symbol only as a whole dim' : "expected a number, a symbol or (");
    const start = this.at++;
    if (++this.depth > deepest) this.fail("a dim expression nests too deep");
    const negated = this.compute(start, dimMul, -1, this.factor());
    this.depth--;
    return negated;
  }

  private parenthesised(): Dim {
    this.expect("(");
    const value = this.expression();
    this.space();
    this.expect(")");
    return value;
  }

  private call(): Dim {
    const start = this.at;
    const name = this.match(/[a-z]+/y) ?? "";
    if (!Object.hasOwn(calls, name)) this.fail(`unknown function "${name}"; dims have min, max and ceildiv (symbols are uppercase)`, start);
    this.expect("(");
    const a = this.expression();
    this.space();
    this.expect(",");
    const b = this.expression();
    this.space();
    this.expect(")");
    return this.compute(start, calls[name as keyof typeof calls], a, b);
  }

  private dim(): Dim {
    const c = this.peek();
    if (/[0-9]/.test(c)) return this.integer();
    if (/[A-Z]/.test(c)) return this.symbol(false);
    if (c === "?") return this.introduced();
    if (c === "[") return this.bracketed();
    return this.fail("expected a dim (a number, an UPPERCASE symbol or [expression]) or a dtype");
  }

  private bracketed(): Dim {
    const start = this.at;
    this.expect("[");
    const value = this.expression();
    this.space();
    this.expect("]");
    if (typeof value === "number" && value < 0 && this.text.startsWith("tensor")) this.fail(`a dim cannot be ${value}`, start);
    return value;
  }

  private introduced(): Dim {
    this.expect("?");
    if (!/[A-Z]/.test(this.peek())) this.fail('"?" is followed by an UPPERCASE symbol');
    return this.symbol(true);
  }

  private symbol(introduced: boolean): Dim {
    const start = this.at;
    const name = this.match(/[A-Z][A-Z0-9_]*/y) ?? "";
    this.symbols.push({ name, introduced, start, end: this.at });
    return dimSymbol(name);
  }

  private integer(): number {
    const start = this.at;
    const digits = this.match(/0(?![0-9])|[1-9][0-9]*/y);
    if (digits === null)
      return this.fail(/[0-9]/.test(this.peek()) ? "a number has no leading zero here" : "expected a number or [expression]");
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) this.fail(`${digits} is beyond 2^53`, start);
    return value;
  }

  private dtype(): DType {
    const start = this.at;
    const name = this.match(/[a-z][a-z0-9]*/y) ?? "";
    return isDType(name) ? name : this.fail(`unknown dtype "${name}"; there are ${dtypes.join(" ")}`, start);
  }

  /** Dim arithmetic refuses division by zero and numbers beyond 2^53: said at the expression that does it. */
  private compute(start: number, operation: (a: Dim, b: Dim) => Dim, a: Dim, b: Dim): Dim {
    try {
      return operation(a, b);
    } catch (error) {
      if (error instanceof RangeError) this.fail(error.message, start);
      throw error;
    }
  }

  private peek(): string {
    return this.text.charAt(this.at);
  }

  private space(): void {
    while (this.peek() === " " || this.peek() === "\t") this.at++;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? null;
    if (found !== null) this.at += found.length;
    return found;
  }

  private expect(what: string, why = `expected "${what}"`): void {
    if (!this.text.startsWith(what, this.at)) this.fail(why);
    this.at += what.length;
  }

  /** At the next character, or from `start` to here. */
  private fail(message: string, start?: number): never {
    const place = start === undefined ? { start: this.at, end: Math.min(this.at + 1, this.text.length) } : { start, end: this.at };
    throw new Fault({ message, ...place });
  }
}
