/** @file Random functions: ops of the registry on values and constants that they accept, with names, docs, locations, carries and requires. */
import type { Constant } from "../../ir-spec/core/constant.ts";
import { compareDims, dimSymbol, dimSymbols } from "../../ir-spec/core/dim.ts";
import { knownIntegers } from "../../ir-spec/core/editor.ts";
import type { Carry, Func, FuncResult, Op, Operand, Require, ValueInfo } from "../../ir-spec/core/graph.ts";
import { type TensorType, tensorType } from "../../ir-spec/core/type.ts";
import type { OpDef } from "../../ir-spec/ops/define.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import type { Random } from "../random/random.ts";
import { checkCall } from "../verify/call-check.ts";
import { mergeRequires } from "../verify/requires.ts";
import { randomOpAttrs } from "./random-attrs.ts";
import { operandCount } from "./random-constants.ts";
import { freshName, once, pick, randomDoc, randomLocation, times, upTo } from "./random-names.ts";
import { randomDim, randomDType, randomStaticType, randomType } from "./random-types.ts";

export interface FunctionWorld {
  readonly registry: OpRegistry;
  readonly defs: readonly OpDef[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly names: readonly string[];
  readonly functions: readonly string[];
  readonly ops: number;
  /** Symbolic dims allowed. */
  readonly symbolic: boolean;
}

export function randomFunction(random: Random, name: string, world: FunctionWorld): Func {
  return new FunctionMaker(random, world).make(name);
}

class FunctionMaker {
  private readonly random: Random;
  private readonly world: FunctionWorld;
  private readonly values: ValueInfo[] = [];
  private readonly used = new Set<string>();
  private readonly symbols: string[] = [];
  private requires: readonly Require[] = [];
  private introductions = 0;

  constructor(random: Random, world: FunctionWorld) {
    this.random = random;
    this.world = world;
  }

  make(name: string): Func {
    const params = times(1 + upTo(this.random, 2), () => this.param());
    const ops: Op[] = [];
    for (let i = 0; i < this.world.ops; i++) {
      const op = this.op();
      if (op) ops.push(op);
    }
    const { results, returns, carries } = this.outcome(params);
    const extra = once(this.random, 3) ? this.extraRequires() : [];
    const requires = mergeRequires(extra, this.requires);
    return { name, values: this.values, params, results, returns, carries, requires, ops, doc: randomDoc(this.random) };
  }

  private param(): number {
    const type = this.world.symbolic ? randomType(this.random, ["N", "H", "W_2"]) : randomStaticType(this.random);
    for (const dim of type.shape) for (const symbol of dimSymbols(dim)) if (!this.symbols.includes(symbol)) this.symbols.push(symbol);
    return this.define(freshName(this.random, this.used), type);
  }

  private define(name: string | null, type: TensorType): number {
    this.values.push({ name, type });
    return this.values.length - 1;
  }

  private introduce(): string | null {
    if (!this.world.symbolic) return null;
    const name = `K${this.introductions++}`;
    this.symbols.push(name);
    return name;
  }

  private operand(): Operand {
    if (once(this.random, 10)) return null;
    const names = [...this.world.constants.keys()];
    return names.length > 0 && once(this.random, 3) ? pick(this.random, names) : this.random.int(this.values.length);
  }

  private typeOf(operand: Operand): TensorType | null {
    if (operand === null) return null;
    return (typeof operand === "number" ? this.values[operand]?.type : this.world.constants.get(operand)?.type) ?? null;
  }

  /** null when the op refuses what it was offered: the caller goes on with another. */
  private op(): Op | null {
    const def = pick(this.random, this.world.defs);
    const before = [...this.symbols];
    const { names, functions, registry } = this.world;
    const attrs = randomOpAttrs(this.random, def, { symbols: [...this.symbols], names, functions, introduce: () => this.introduce() });
    const operands = times(operandCount(this.random, def), () => this.operand());
    const known = (i: number) => {
      const operand = operands[i];
      const constant = typeof operand === "string" ? this.world.constants.get(operand) : undefined;
      return constant ? knownIntegers(constant) : null;
    };
    const types = operands.map((operand) => this.typeOf(operand));
    if (!attrs) return this.give(before);
    const introduced = [...this.symbols];
    const checked = checkCall(registry, { op: def.name, types, attrs, declared: this.declared(), known });
    if (!checked.types || checked.types.length === 0) return this.give(before);
    this.give([...introduced, ...checked.types.flatMap(({ shape }) => shape.flatMap((dim) => [...dimSymbols(dim)]))]);
    this.requires = mergeRequires(this.requires, checked.requires);
    const results = checked.types.map((type) => this.define(once(this.random, 2) ? null : freshName(this.random, this.used), type));
    return { name: def.name, operands, attrs, results, doc: randomDoc(this.random), loc: randomLocation(this.random) };
  }

  /** These symbols, each once, are known from here on. */
  private give(symbols: readonly string[]): null {
    this.symbols.splice(0, this.symbols.length, ...new Set(symbols));
    return null;
  }

  /** Result types for ops that take them as written, now and then with a new symbol. */
  private declared(): readonly TensorType[] {
    if (!this.world.symbolic) return times(1 + upTo(this.random, 1), () => randomStaticType(this.random));
    return times(1 + upTo(this.random, 2), () => {
      const fresh = once(this.random, 6) ? this.introduce() : null;
      return fresh === null ? randomType(this.random, this.symbols) : tensorType(randomDType(this.random), [2, dimSymbol(fresh)]);
    });
  }

  private outcome(params: readonly number[]): Pick<Func, "results" | "returns" | "carries"> {
    const names = new Set<string>();
    const results: FuncResult[] = [];
    const returns: (number | string)[] = [];
    const carries: Carry[] = [];
    const add = (operand: number | string): string => {
      const name = freshName(this.random, names);
      const type = this.typeOf(operand);
      if (!type) throw new RangeError("a returned operand has a type");
      results.push({ name, type });
      returns.push(operand);
      return name;
    };
    for (const param of params) if (once(this.random, 5)) carries.push({ param, result: add(param) });
    for (let i = upTo(this.random, 3); i > 0; i--) add(this.operand() ?? 0);
    return { results, returns, carries };
  }

  /** Requires that could hold. */
  private extraRequires(): readonly Require[] {
    const [left, right] = [randomDim(this.random, this.symbols), randomDim(this.random, this.symbols)];
    return compareDims(left, right) === false ? [] : [{ left, right }];
  }
}
