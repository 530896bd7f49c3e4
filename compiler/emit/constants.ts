/**
 * @file The constants of a file: first the source module's, in its order, data and derived; then those that plans bring beside them (what was materialized for a
 * target). Names need be unique only within the module; a plan's operand says which record it means.
 */
import { BytesElsewhere, type Constant, type DataConstant } from "../../ir-spec/core/constant.ts";
import type { Module } from "../../ir-spec/core/graph.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { printType, staticShape } from "../../ir-spec/core/type.ts";
import { ConstantFlag } from "../../ir-spec/format/codes.ts";
import { constantBytes } from "../../ir-spec/ops/evaluate.ts";
import type { SectionBuilder } from "./sections.ts";
import type { TableBuilder } from "./tables.ts";

export interface ConstantRecord {
  readonly name: number;
  readonly type: number;
  /** What `SectionBuilder.add` gave, or -(k + 1) for derived record k. */
  readonly storage: number;
  readonly flags: number;
  readonly doc: number;
  readonly loc: number;
}

export interface DerivedRecord {
  readonly op: number;
  readonly attrs: number;
  readonly operands: number;
}

export class ConstantBuilder {
  readonly records: ConstantRecord[] = [];
  readonly derived: DerivedRecord[] = [];
  readonly derivedOperands: number[] = [];
  private readonly tables: TableBuilder;
  private readonly sections: SectionBuilder;
  private readonly byIdentity = new Map<string, number>();

  private readonly bare: boolean;

  /** @param bare names, docs and locations are left out (size mode) */
  constructor(tables: TableBuilder, sections: SectionBuilder, bare = false) {
    this.tables = tables;
    this.sections = sections;
    this.bare = bare;
  }

  /** Adds all constants of the module; a derived one may name a later one. @returns index by name */
  addModule(module: Module): ReadonlyMap<string, number> {
    const index = new Map([...module.constants.keys()].map((name, i) => [name, this.records.length + i]));
    for (const constant of module.constants.values()) {
      if (constant.kind === "data") this.addData(module, constant);
      else this.push(constant, this.addDerived(constant, index), 0);
    }
    return index;
  }

  /** A plan's constant: shared with one of the same name, type and bytes. @throws TersorError E0911 when it is not data */
  addPlanConstant(module: Module, name: string): number {
    const constant = module.constants.get(name);
    if (constant?.kind !== "data") {
      throw new TersorError({
        code: "E0911",
        message: constant ? `a plan's constant @${name} must be data` : `the plan has no constant @${name}`,
      });
    }
    return this.addData(module, constant);
  }

  private addData(module: Module, constant: DataConstant): number {
    const shape = staticShape(constant.type.shape);
    if (!shape) throw new TersorError({ code: "E0207", message: `constant @${constant.name}: ${printType(constant.type)} is not static` });
    const { storage } = constant;
    const { dtype } = constant.type;
    const section =
      storage instanceof BytesElsewhere
        ? this.sections.addElsewhere(storage, { dtype, shape })
        : this.sections.add({ bytes: constantBytes(module, constant), dtype, shape });
    const identity = `${constant.name}\n${printType(constant.type)}\n${section}`;
    const known = this.byIdentity.get(identity);
    if (known !== undefined) return known;
    const index = this.push(constant, section, constant.storage.kind === "splat" ? ConstantFlag.splat : 0);
    this.byIdentity.set(identity, index);
    return index;
  }

  private addDerived(constant: Constant & { readonly kind: "derived" }, index: ReadonlyMap<string, number>): number {
    const operands = constant.operands.map((operand) => {
      if (operand === null) return -1;
      const found = index.get(operand);
      if (found === undefined)
        throw new TersorError({ code: "E0204", message: `@${constant.name} names @${operand}, which is no constant` });
      return found;
    });
    this.derivedOperands.push(...operands);
    const record = { op: this.tables.string(constant.op), attrs: this.tables.optionalDict(constant.attrs), operands: operands.length };
    return -this.derived.push(record);
  }

  private push(constant: Constant, storage: number, flags: number): number {
    const { tables } = this;
    if (this.bare)
      return this.records.push({ name: tables.string(""), type: tables.type(constant.type), storage, flags, doc: 0, loc: 0 }) - 1;
    const named = { name: tables.string(constant.name), type: tables.type(constant.type) };
    const record = { ...named, storage, flags, doc: tables.optionalString(constant.doc), loc: tables.optionalLocation(constant.loc) };
    return this.records.push(record) - 1;
  }
}
