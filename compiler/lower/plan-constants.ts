/**
 * @file The constants of a plan, for the ops of one backend: data is read as it is; a derived constant is rebuilt in `init` by that backend's kernels, packed where a kernel asks for it,
 * and becomes a parameter of `main`; what no kernel rebuilds is evaluated now and stored.
 */
import {
  type Attr,
  type AttrDict,
  type Constant,
  type DerivedConstant,
  type Dim,
  dataConstant,
  dimCeilDiv,
  encodeTensor,
  evaluateConstant,
  type HostTensor,
  type Module,
  type Op,
  type Operand,
  type OpRegistry,
  type TensorType,
  TersorError,
  tensorType,
  type ValueId,
} from "../../ir-spec/index.ts";
import type { KernelRow, OperandRule, PackDim } from "../../runtime/manifest.ts";
import type { PlanFunctionBuilder } from "./builder.ts";
import { formLeaves, formParams } from "./forms.ts";
import { checkedNote } from "./narrow-integers.ts";
import { ruleFor, type Selected } from "./select.ts";

/** A result of `init`, by its index among the parameters of `main` after the public inputs. */
export interface Exported {
  readonly exported: number;
}

export type PendingOperand = Operand | Exported;

/** What the backends of a plan share. */
export class PlanParts {
  readonly init: PlanFunctionBuilder;
  /** Data that the plan reads. */
  readonly constants = new Map<string, Constant>();
  readonly materialized: { constant: string; extraBytes: number }[] = [];
  readonly kernels = new Set<string>();
  /** What `init` returns, by backend, constant and packing. */
  readonly exported = new Map<
    string,
    { readonly index: number; readonly value: ValueId; readonly name: string; readonly type: TensorType }
  >();
  readonly evaluated = new Map<string, HostTensor>();

  constructor(init: PlanFunctionBuilder) {
    this.init = init;
  }
}

export interface PlanConstantsOptions {
  readonly module: Module;
  readonly registry: OpRegistry;
  readonly parts: PlanParts;
  /** Backend of the steps, null for the plan's own. */
  readonly backend: string | null;
  /** The kernel that rebuilds a derived constant. */
  select(constant: DerivedConstant): Selected;
}

export class PlanConstants {
  private readonly module: Module;
  private readonly registry: OpRegistry;
  private readonly parts: PlanParts;
  private readonly backend: string | null;
  private readonly select: (constant: DerivedConstant) => Selected;
  /** Constant name (and pack kernel) -> value in init. */
  private readonly built = new Map<string, ValueId>();

  constructor(options: PlanConstantsOptions) {
    this.module = options.module;
    this.registry = options.registry;
    this.parts = options.parts;
    this.backend = options.backend;
    this.select = options.select;
  }

  /** Operands of the kernel call: constants replaced by what init makes of them, forms expanded to their leaves. */
  operandsOf(op: Op, row: KernelRow): readonly PendingOperand[] {
    const def = this.registry.require(op.name);
    return op.operands.flatMap((operand, i): readonly PendingOperand[] => {
      if (typeof operand !== "string") return [operand];
      const rule = ruleFor(row, i, def);
      if (rule?.form && rule.form !== "dense")
        return formLeaves(this.module, operand, rule.form).map((leaf) => (leaf === null ? null : this.constantOperand(leaf)));
      return [rule?.pack ? this.packedOperand(operand, rule.pack) : this.constantOperand(operand)];
    });
  }

  /** A data constant is read directly; a derived one is built in init. */
  constantOperand(name: string): PendingOperand {
    const constant = this.constantNamed(name);
    if (constant.kind === "data") {
      this.parts.constants.set(name, constant);
      return name;
    }
    const value = this.build(constant);
    return value === null ? this.keepData(name) : this.export(name, value, name, constant.type);
  }

  private packedOperand(name: string, pack: NonNullable<OperandRule["pack"]>): PendingOperand {
    const { key, value, type } = this.packed(name, pack);
    return this.export(key, value, `${name}.packed`, type);
  }

  /** The constant packed for a kernel, as a value of init. */
  private packed(
    name: string,
    pack: NonNullable<OperandRule["pack"]>,
  ): { readonly key: string; readonly value: ValueId; readonly type: TensorType } {
    const key = `${name} ${pack.kernel}`;
    const constant = this.constantNamed(name);
    const type = tensorType(
      pack.dtype,
      pack.shape.map((dim) => packedDim(dim, constant.type)),
    );
    let value = this.built.get(key);
    if (value === undefined) {
      const [made] = this.parts.init.kernel(
        pack.kernel,
        new Map(),
        [this.initOperand(name)],
        [{ name: `${name}.packed`, type }],
        constant.loc,
        "pack",
        this.backend,
      );
      value = made as ValueId;
      this.parts.kernels.add(this.called(pack.kernel));
      this.built.set(key, value);
    }
    return { key, value, type };
  }

  /** What a kernel inside init reads for an operand of a definition: as `operandsOf` for ops. */
  private initOperandsOf(constant: DerivedConstant, row: KernelRow): readonly Operand[] {
    const def = this.registry.require(constant.op);
    return constant.operands.flatMap((operand, i): readonly Operand[] => {
      if (operand === null) return [null];
      const rule = ruleFor(row, i, def);
      if (rule?.form && rule.form !== "dense")
        return formLeaves(this.module, operand, rule.form).map((leaf) => (leaf === null ? null : this.initOperand(leaf)));
      return [rule?.pack ? this.packed(operand, rule.pack).value : this.initOperand(operand)];
    });
  }

  /** The constant as an operand inside init. */
  private initOperand(name: string): Operand {
    const constant = this.constantNamed(name);
    if (constant.kind === "derived") {
      const value = this.build(constant);
      if (value !== null) return value;
      this.keepData(name);
      return name;
    }
    this.parts.constants.set(name, constant);
    return name;
  }

  /** Lowers a definition into init; null when no kernel of the target can and it was evaluated here instead. */
  private build(constant: DerivedConstant): ValueId | null {
    const present = this.built.get(constant.name);
    if (present !== undefined) return present;
    if (this.parts.constants.has(constant.name)) return null;
    const selected = this.select(constant);
    if (!selected.ok) return null;
    const operands = this.initOperandsOf(constant, selected.row);
    const result = { name: constant.name, type: constant.type };
    const params = this.stepParams({ name: constant.op, operands: constant.operands, attrs: constant.attrs }, selected.row);
    const [value] = this.parts.init.kernel(selected.row.id, params, operands, [result], constant.loc, constant.op, this.backend);
    this.parts.kernels.add(this.called(selected.row.id));
    this.built.set(constant.name, value as ValueId);
    return value as ValueId;
  }

  /** Evaluates a definition at compile time and stores the result as data. */
  private keepData(name: string): string {
    if (this.parts.constants.has(name)) return name;
    const constant = this.constantNamed(name);
    const bytes = encodeTensor(evaluateConstant(this.module, this.registry, name, this.parts.evaluated));
    this.parts.constants.set(name, dataConstant(name, constant.type, bytes, constant.loc));
    this.parts.materialized.push({ constant: name, extraBytes: bytes.length });
    return name;
  }

  private export(key: string, value: ValueId, name: string, type: TensorType): Exported {
    const own = this.called(key);
    let entry = this.parts.exported.get(own);
    if (!entry) {
      entry = { index: this.parts.exported.size, value, name: this.backend === null ? name : `${name}.${this.backend}`, type };
      this.parts.exported.set(own, entry);
    }
    return { exported: entry.index };
  }

  /** The name with the backend where that is not the plan's own: `wasm:f32_linear`. */
  called(name: string): string {
    return this.backend === null ? name : `${this.backend}:${name}`;
  }

  private constantNamed(name: string): Constant {
    const constant = this.module.constants.get(name);
    if (!constant) throw new TersorError({ code: "E0204", message: `no constant @${name}` });
    return constant;
  }

  /** All attributes with defaults filled in, so that kernels know no defaults. */
  private params(op: string, stored: AttrDict): AttrDict {
    const def = this.registry.require(op);
    const values = this.registry.attrs(def, stored);
    return new Map(Object.entries(def.attrs).map(([name, spec]): [string, Attr] => [name, spec.write(values[name])]));
  }

  /** The op's attributes, those of weight forms that the kernel reads in place, and what an input is checked for. */
  stepParams(op: Pick<Op, "name" | "operands" | "attrs">, row: KernelRow): AttrDict {
    const def = this.registry.require(op.name);
    const params = new Map(this.params(op.name, op.attrs));
    op.operands.forEach((operand, i) => {
      const form = ruleFor(row, i, def)?.form ?? "dense";
      if (typeof operand !== "string" || form === "dense") return;
      for (const [key, value] of formParams(this.module, operand, def.operands[i]?.name ?? `operand${i}`)) params.set(key, value);
    });
    const checked = op.attrs.get(checkedNote);
    if (checked) params.set("checked", checked);
    return params;
  }
}

function packedDim(dim: PackDim, type: TensorType): Dim {
  if (typeof dim === "number") return dim;
  const size = type.shape[dim.axis] ?? 1;
  return "tiles" in dim ? dimCeilDiv(size, dim.tiles) : size;
}
