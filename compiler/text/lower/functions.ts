/**
 * @file Functions of the text. Each op is resolved and inferred in order; what could not be typed is left without a type, and whatever
 * depends on it stays silent, so that one mistake is told once and all others still are.
 */
import type { IToken } from "chevrotain";
import type { AttrDict } from "../../../ir-spec/core/attr.ts";
import type { Constant } from "../../../ir-spec/core/constant.ts";
import { knownIntegers } from "../../../ir-spec/core/editor.ts";
import type { Carry, Func, FuncResult, Op, Operand, Require, ValueInfo } from "../../../ir-spec/core/graph.ts";
import type { Location } from "../../../ir-spec/core/location.ts";
import { printType, type TensorType, tensorType, typeEquals } from "../../../ir-spec/core/type.ts";
import { nearest } from "../../../ir-spec/ops/registry.ts";
import type { Signature } from "../../../ir-spec/ops/signature.ts";
import type { Span } from "../../diagnostics/source.ts";
import { type CallCheck, checkCall } from "../../verify/call-check.ts";
import { mergeRequires } from "../../verify/requires.ts";
import { type AstFunc, type AstOp, type AstTyped, spanFrom, spanOf } from "../ast.ts";
import { readName } from "../names.ts";
import * as t from "../tokens.ts";
import { lowerDict, lowerLocation } from "./attrs.ts";
import { placeCallProblems } from "./calls.ts";
import { type LowerContext, lowerDocs } from "./context.ts";
import { DimScope, lowerRequire, lowerType, lowerTypes, readTypeQuietly } from "./types.ts";

/** What the rest of the module offers to a function. */
export interface ModuleView {
  readonly constantTypes: ReadonlyMap<string, TensorType | null>;
  constant(name: string): Constant | null;
  /** By the headers: bodies may come later. */
  readonly signature: (name: string) => Signature | null;
}

/** Of a function whose header can be read; null otherwise, which its own lowering tells. */
export function headerSignature(ctx: LowerContext, ast: AstFunc): Signature | null {
  const params = ast.params.map((param) => readTypeQuietly(ctx, param.type));
  const results = ast.results.map((result) => readTypeQuietly(ctx, result.type));
  const known = (type: TensorType | null): type is TensorType => type !== null;
  return params.every(known) && results.every(known) ? { params, results } : null;
}

export function lowerFunction(ctx: LowerContext, ast: AstFunc, view: ModuleView): Func {
  return new FunctionLowering(ctx, view).lower(ast);
}

/** Stands in where a type is not known; such a module is never handed out. */
const unknownType = tensorType("f32", []);

type Resolved = { readonly operand: Operand; readonly type: TensorType | null } | null;

class FunctionLowering {
  private readonly ctx: LowerContext;
  private readonly view: ModuleView;
  private readonly scope = new DimScope();
  /** null: not known, because of a problem already told. */
  private readonly types: (TensorType | null)[] = [];
  private readonly values: ValueInfo[] = [];
  private readonly defined = new Map<string, { readonly id: number; readonly span: Span }>();
  private readonly requires: Require[] = [];

  constructor(ctx: LowerContext, view: ModuleView) {
    this.ctx = ctx;
    this.view = view;
  }

  lower(ast: AstFunc): Func {
    const name = this.ctx.name(ast.name, "@") ?? "";
    const params = this.lowerParams(ast);
    const ops = ast.ops.map((op) => this.lowerOp(op));
    const { results, types } = this.lowerResults(ast);
    const returns = this.lowerReturns(ast, types);
    const carries = ast.carries.flatMap(({ param, result }) => this.lowerCarry(param, result, params, results, types, name));
    const written = ast.requires.flatMap((token) => lowerRequire(this.ctx, this.scope, token) ?? []);
    const requires = mergeRequires(written, this.requires);
    return { name, values: this.values, params, results, returns, carries, requires, ops, doc: lowerDocs(ast.docs) };
  }

  private lowerParams(ast: AstFunc): number[] {
    const tokens = ast.params.map((param) => param.type);
    const types = lowerTypes(this.ctx, this.scope, tokens, "bind");
    return ast.params.map(({ name }, i) => {
      const read = readName(name.image.slice(1));
      if (read.name === null) this.ctx.report("E0216", spanOf(name), [name.image], { hint: `%"${read.key}" is a name` });
      return this.define(name, types[i] ?? null);
    });
  }

  private define(token: IToken, type: TensorType | null): number {
    const name = this.ctx.name(token, "%");
    const { key } = readName(token.image.slice(1));
    const id = this.values.length;
    this.values.push({ name, type: type ?? unknownType });
    this.types.push(type);
    const before = this.defined.get(key);
    if (before) this.ctx.report("E0202", spanOf(token), [token.image], { notes: [this.ctx.note(before.span, "first defined here")] });
    else this.defined.set(key, { id, span: spanOf(token) });
    return id;
  }

  private resolve(token: IToken): Resolved {
    if (token.tokenType === t.Absent) return { operand: null, type: null };
    if (token.tokenType === t.SymbolName) {
      const name = this.ctx.symbol(token, "constant");
      return name === null ? null : { operand: name, type: this.view.constantTypes.get(name) ?? null };
    }
    const value = this.defined.get(readName(token.image.slice(1)).key);
    if (value) return { operand: value.id, type: this.types[value.id] ?? null };
    const near = this.ctx.isFull ? null : nearest(token.image, this.nearbyNames());
    this.ctx.report("E0203", spanOf(token), [token.image], near === null ? {} : { hint: `did you mean ${near}?` });
    return null;
  }

  /** A slip of the pen means something close by. */
  private nearbyNames(): readonly string[] {
    return this.values.slice(-500).flatMap(({ name }) => (name === null ? [] : `%${name}`));
  }

  private lowerOp(ast: AstOp): Op {
    const { call } = ast;
    const resolved = call.operands.map((token) => this.resolve(token));
    const told = this.ctx.problems.length;
    const attrs = lowerDict(this.ctx, call.dict, { scope: this.scope, use: "introduce", checkSymbols: true });
    const loc = lowerLocation(this.ctx, ast.loc);
    const declared = this.lowerDeclared(ast);
    // Attributes that could not be read would only be called missing.
    const checked = this.ctx.problems.length > told ? null : this.check(ast, resolved, attrs, declared, loc);
    this.compare(ast, declared, checked, loc);
    const inferred = checked?.types ?? null;
    const results = ast.results.map((token, i) => this.define(token, declared?.[i] ?? (declared ? null : (inferred?.[i] ?? null))));
    if (checked) this.requires.push(...checked.requires);
    const operands = resolved.map((r) => r?.operand ?? null);
    return { name: call.op.image, operands, attrs, results, doc: lowerDocs(ast.docs), loc };
  }

  /** null when the types were left out. */
  private lowerDeclared(ast: AstOp): (TensorType | null)[] | null {
    const [first] = ast.types;
    if (!first) return null;
    const types = lowerTypes(this.ctx, this.scope, ast.types, "introduce");
    if (types.length === ast.results.length) return types;
    this.ctx.report("E0306", spanFrom(first, ast.types.at(-1) ?? first), [ast.results.length, types.length]);
    return ast.results.map(() => null);
  }

  /** null when an operand or a declared type is not known. */
  private check(
    ast: AstOp,
    resolved: readonly Resolved[],
    attrs: AttrDict,
    declared: readonly (TensorType | null)[] | null,
    loc: Location,
  ): CallCheck | null {
    const types: (TensorType | null)[] = [];
    for (const r of resolved) {
      if (!r || (r.operand !== null && r.type === null)) return null;
      types.push(r.type);
    }
    const known = (i: number) => {
      const operand = resolved[i]?.operand;
      const constant = typeof operand === "string" ? this.view.constant(operand) : null;
      return constant ? knownIntegers(constant) : null;
    };
    const given = declared?.every((type) => type !== null) ? (declared as readonly TensorType[]) : null;
    if (declared && !given) return null;
    const checked = checkCall(this.ctx.registry, {
      op: ast.call.op.image,
      types,
      attrs,
      declared: given,
      known,
      callee: this.view.signature,
    });
    placeCallProblems(this.ctx, ast.call, checked.problems, loc, types);
    return checked;
  }

  private compare(ast: AstOp, declared: readonly (TensorType | null)[] | null, checked: CallCheck | null, loc: Location): void {
    const types = checked?.types;
    if (!types) return;
    const details = loc.length > 0 ? { loc } : {};
    if (types.length !== ast.results.length) {
      const span = spanFrom(ast.results[0] ?? ast.call.op, ast.results.at(-1) ?? ast.call.op);
      this.ctx.report("E0305", span, [ast.call.op.image, types.length, ast.results.length], details);
      return;
    }
    declared?.forEach((type, i) => {
      const inferred = types[i];
      const token = ast.types[i];
      if (!type || !inferred || !token || typeEquals(type, inferred)) return;
      this.ctx.report("E0313", spanOf(token), [printType(type), printType(inferred)], details);
    });
  }

  private lowerResults(ast: AstFunc): { results: FuncResult[]; types: (TensorType | null)[] } {
    const names = new Set<string>();
    const types = ast.results.map((result) => lowerType(this.ctx, this.scope, result.type, "use"));
    const results = ast.results.map(({ name }: AstTyped, i) => {
      const text = this.ctx.name(name, "") ?? "";
      if (names.has(text)) this.ctx.report("E0217", spanOf(name), [text]);
      names.add(text);
      return { name: text, type: types[i] ?? unknownType };
    });
    return { results, types };
  }

  private lowerReturns(ast: AstFunc, types: readonly (TensorType | null)[]): (number | string)[] {
    if (ast.returns.length !== ast.results.length)
      this.ctx.report("E0314", spanOf(ast.returnKeyword), [ast.returns.length, ast.results.length]);
    return ast.returns.map((token, i) => {
      const resolved = this.resolve(token);
      const declared = types[i];
      const result = ast.results[i];
      if (resolved?.type && declared && result && !typeEquals(resolved.type, declared)) {
        const notes = [this.ctx.note(spanOf(result.type), "declared here")];
        this.ctx.report("E0315", spanOf(token), [result.name.image, printType(declared), printType(resolved.type)], { notes });
      }
      return resolved?.operand ?? 0;
    });
  }

  private lowerCarry(
    param: IToken,
    result: IToken,
    params: readonly number[],
    results: readonly FuncResult[],
    types: readonly (TensorType | null)[],
    func: string,
  ): Carry[] {
    const value = this.defined.get(readName(param.image.slice(1)).key);
    const name = this.ctx.name(result, "") ?? "";
    const index = results.findIndex((r) => r.name === name);
    if (!value || !params.includes(value.id)) this.ctx.report("E0316", spanOf(param), [`${param.image} is no parameter of @${func}`]);
    if (index < 0) this.ctx.report("E0219", spanOf(result), [name, func]);
    if (!value || index < 0) return [];
    const from = this.types[value.id];
    const to = types[index];
    if (from && to && !typeEquals(from, to)) {
      const why = `a carried value keeps its type: ${param.image} is ${printType(from)}, ${name} is ${printType(to)}`;
      this.ctx.report("E0316", spanFrom(param, result), [why]);
    }
    return [{ param: value.id, result: name }];
  }
}
