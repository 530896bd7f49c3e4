/** @file Functions: single assignment, definition before use, every op's types inferred anew and compared, returns, carries, requires. */
import { compareDims } from "../../ir-spec/core/dim.ts";
import { knownIntegers } from "../../ir-spec/core/editor.ts";
import type { Func, Op, Operand } from "../../ir-spec/core/graph.ts";
import { printType, type TensorType, typeEquals } from "../../ir-spec/core/type.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import { signaturesOf } from "../../ir-spec/ops/signature.ts";
import { quoteName } from "../text/names.ts";
import { checkDict } from "./attr-rules.ts";
import { checkCall } from "./call-check.ts";
import { DimRules } from "./dim-rules.ts";
import { checkSizes, type Findings, type Site, valueNames } from "./findings.ts";
import { printRequire, requireKey } from "./requires.ts";

export type Profile = "source" | "lowered";

export function checkFunction(findings: Findings, registry: OpRegistry, func: Func, profile: Profile): void {
  new FunctionRules(findings, registry, func, profile).check();
}

class FunctionRules {
  private readonly findings: Findings;
  private readonly registry: OpRegistry;
  private readonly func: Func;
  private readonly profile: Profile;
  private readonly site: Site;
  private readonly dims: DimRules;
  private readonly defined: Uint8Array;
  private readonly names = new Set<string>();
  private readonly requires: ReadonlySet<string>;

  constructor(findings: Findings, registry: OpRegistry, func: Func, profile: Profile) {
    this.findings = findings;
    this.registry = registry;
    this.func = func;
    this.profile = profile;
    this.site = { kind: "function", name: func.name };
    this.dims = new DimRules(findings);
    this.defined = new Uint8Array(func.values.length);
    this.requires = new Set(func.requires.map(requireKey));
  }

  check(): void {
    this.checkParams();
    for (const [index, op] of this.func.ops.entries()) this.checkOp(op, { kind: "op", func: this.func.name, index });
    this.checkResults();
    this.checkCarries();
    this.checkRequires();
  }

  private checkParams(): void {
    for (const id of this.func.params) {
      this.define(id, this.site);
      const info = this.func.values[id];
      if (!info) continue;
      if (info.name === null) this.findings.report(this.site, "E0216", [`value ${id}`]);
      this.dims.bind(info.type.shape);
      checkSizes(this.findings, this.site, info.type);
    }
  }

  private define(id: number, site: Site): void {
    const info = this.func.values[id];
    if (!info) {
      this.findings.report(site, "E0401", [`there is no value ${id}`]);
      return;
    }
    if (this.defined[id]) {
      this.findings.report(site, "E0401", [`value ${id} is defined twice`]);
      return;
    }
    this.defined[id] = 1;
    if (info.name === null) return;
    if (info.name === "") this.findings.report(site, "E0108", ['%""']);
    else if (this.names.has(info.name)) this.findings.report(site, "E0202", [`%${quoteName(info.name)}`]);
    this.names.add(info.name);
  }

  private checkOp(op: Op, site: Site): void {
    if (this.profile === "lowered" && !op.name.startsWith("rt.")) this.findings.report(site, "E0404", [op.name]);
    if (op.attrs.size > 0) checkDict(op.attrs, { findings: this.findings, site, dims: this.dims, checkSymbols: true });
    const types = this.operandTypes(op, site);
    const declared: TensorType[] = [];
    for (const id of op.results) {
      const info = this.func.values[id];
      if (info) declared.push(info.type);
    }
    if (types && declared.length === op.results.length) this.checkTypes(op, site, types, declared);
    this.dims.results(site, declared);
    if (op.results.length === 0) this.findings.report(site, "E0407", ["an op without results"]);
    for (const id of op.results) this.define(id, site);
  }

  /** null with a report when an operand cannot be used here. */
  private operandTypes(op: Op, site: Site): (TensorType | null)[] | null {
    let good = true;
    const types = op.operands.map((operand, i) => {
      const type = this.operandType(operand, site, i);
      if (type === undefined) good = false;
      return type ?? null;
    });
    return good ? types : null;
  }

  private operandType(operand: Operand, site: Site, index?: number): TensorType | null | undefined {
    if (operand === null) return null;
    if (typeof operand === "string") return this.constantType(operand, site, index);
    const info = this.func.values[operand];
    if (info && this.defined[operand]) return info.type;
    if (info) this.findings.report(site, "E0402", [valueNames(this.func)(operand)], index);
    else this.findings.report(site, "E0401", [`there is no value ${operand}`], index);
    return undefined;
  }

  private constantType(name: string, site: Site, index?: number): TensorType | undefined {
    const constant = this.findings.module.constants.get(name);
    if (!constant) this.findings.report(site, "E0204", [name, "constant"], index);
    return constant?.type;
  }

  private checkTypes(op: Op, site: Site, types: readonly (TensorType | null)[], declared: readonly TensorType[]): void {
    const { constants } = this.findings.module;
    const known = (i: number) => {
      const operand = op.operands[i];
      const constant = typeof operand === "string" ? constants.get(operand) : undefined;
      return constant ? knownIntegers(constant) : null;
    };
    const checked = checkCall(this.registry, {
      op: op.name,
      attrs: op.attrs,
      types,
      declared,
      known,
      callee: signaturesOf(this.findings.module),
    });
    for (const problem of checked.problems) this.findings.add(site, problem);
    if (checked.types) this.compare(op, site, declared, checked.types);
    for (const require of checked.requires) {
      if (!this.requires.has(requireKey(require))) this.findings.report(site, "E0405", [printRequire(require)]);
    }
  }

  private compare(op: Op, site: Site, declared: readonly TensorType[], inferred: readonly TensorType[]): void {
    if (declared.length !== inferred.length) {
      this.findings.report(site, "E0305", [op.name, inferred.length, declared.length]);
      return;
    }
    for (const [i, type] of declared.entries()) {
      const other = inferred[i];
      if (other && !typeEquals(type, other)) this.findings.report(site, "E0313", [printType(type), printType(other)]);
    }
  }

  private checkResults(): void {
    const { results, returns } = this.func;
    const names = new Set<string>();
    for (const { name, type } of results) {
      if (name === "") this.findings.report(this.site, "E0108", ['""']);
      if (names.has(name)) this.findings.report(this.site, "E0217", [name]);
      names.add(name);
      this.dims.use(this.site, type.shape);
    }
    if (returns.length !== results.length) this.findings.report(this.site, "E0314", [returns.length, results.length]);
    for (const [i, result] of results.entries()) {
      const returned = returns[i];
      const type = returned === undefined ? null : this.operandType(returned, this.site);
      if (type && !typeEquals(type, result.type))
        this.findings.report(this.site, "E0315", [result.name, printType(result.type), printType(type)]);
    }
  }

  private checkCarries(): void {
    const params = new Set(this.func.params);
    const carried = new Set<number | string>();
    for (const { param, result } of this.func.carries) {
      const target = this.func.results.find((r) => r.name === result);
      const value = valueNames(this.func)(param);
      if (!params.has(param)) this.findings.report(this.site, "E0316", [`${value} is no parameter of @${this.func.name}`]);
      if (!target) this.findings.report(this.site, "E0219", [result, this.func.name]);
      if (carried.has(param) || carried.has(result)) this.findings.report(this.site, "E0316", [`${value} -> ${result}: carried twice`]);
      carried.add(param).add(result);
      const type = this.func.values[param]?.type;
      if (!type || !target || typeEquals(type, target.type)) continue;
      const why = `a carried value keeps its type: ${value} is ${printType(type)}, ${result} is ${printType(target.type)}`;
      this.findings.report(this.site, "E0316", [why]);
    }
  }

  private checkRequires(): void {
    for (const require of this.func.requires) {
      this.dims.use(this.site, [require.left, require.right]);
      if (compareDims(require.left, require.right) === false) this.findings.report(this.site, "E0406", [printRequire(require)]);
    }
  }
}
