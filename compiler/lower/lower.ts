/**
 * @file Lowering: a source module to a plan for one target. Every op becomes the cheapest kernel of the manifest; what rebuilds compressed weights, and
 * what packs them, goes to `@init`, which runs once at load; `@main` takes the public inputs and then the values that `@init` made.
 */
import {
  type Attr,
  type AttrDict,
  attr,
  type Constant,
  type DerivedConstant,
  type Dim,
  dataConstant,
  dimCeilDiv,
  encodeTensor,
  evaluateConstant,
  type Func,
  type HostTensor,
  type Location,
  type Module,
  mainFunction,
  type Op,
  type Operand,
  type OpRegistry,
  operandType,
  type Problem,
  printType,
  type TensorType,
  TersorError,
  tensorType,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import type { KernelRow, OperandRule, PackDim } from "../../runtime/manifest.ts";
import type { TargetSpec } from "../target/target.ts";
import { PlanFunctionBuilder } from "./builder.ts";
import { decomposeUnsupported } from "./decompose.ts";
import { formLeaves, formParams, readableForms } from "./forms.ts";
import { type Legalized, legalize } from "./legalize/legalize.ts";
import { hasIntegerKernels, unsupportedBy } from "./legalize/target.ts";
import { ruleFor, type Selected, type SelectRequest, selectKernel } from "./select.ts";

export interface Lowered {
  readonly target: string;
  /** Functions `init` and `main`, ops `rt.kernel` only, constants all data. */
  readonly module: Module;
  /** Kernel ids that the plan needs, sorted. */
  readonly kernels: readonly string[];
  /** Derivations that had no kernel and were evaluated at compile time, with the bytes this adds. */
  readonly materialized: readonly { readonly constant: string; readonly extraBytes: number }[];
  /** Predicted microseconds per step of main at batch 1, by the op's first result name. */
  readonly predicted: readonly { readonly op: string; readonly kernel: string; readonly microseconds: number }[];
  /** Quantized clusters that became integer ops, and those that stayed float; null for a target without integer kernels. */
  readonly legalized: Pick<Legalized, "integer" | "float"> | null;
}

/** @throws TersorError E0801 naming every op that the target cannot run and why each kernel row was refused. */
export function lower(source: Module, target: TargetSpec, registry: OpRegistry): Lowered {
  if (!target.manifest) throw new TersorError({ code: "E0802", message: `target ${target.name} runs source functions: it has no plan` });
  const legal = hasIntegerKernels(target) ? legalize(source, registry, { unsupported: unsupportedBy(target) }) : null;
  const module = decomposeUnsupported(
    legal?.module ?? source,
    registry,
    (module, func, op) => choose(module, func, op, target, registry).ok,
  );
  const legalized = legal && { integer: legal.integer, float: legal.float };
  return { ...new Lowering(module, target, registry).run(), legalized };
}

function choose(module: Module, func: Func, op: Op, target: TargetSpec, registry: OpRegistry): Selected {
  return selectKernel(
    target.manifest as NonNullable<TargetSpec["manifest"]>,
    target.features,
    requestOf(
      module,
      registry,
      op.name,
      op.operands,
      op.attrs,
      op.results.map((id) => valueInfo(func, id).type),
      (operand) => operandType(module, func, operand),
    ),
  );
}

function requestOf(
  module: Module,
  registry: OpRegistry,
  name: string,
  operands: readonly Operand[],
  attrs: AttrDict,
  results: readonly TensorType[],
  typeOf: (operand: Operand) => TensorType | null,
): SelectRequest {
  const def = registry.require(name);
  return {
    def,
    attrs: registry.attrs(def, attrs),
    operands: operands.map((operand) => {
      const constant = typeof operand === "string";
      return { operand, type: typeOf(operand), constant, forms: constant ? readableForms(module, operand) : ["dense"] };
    }),
    results,
  };
}

class Lowering {
  private readonly module: Module;
  private readonly target: TargetSpec;
  private readonly registry: OpRegistry;
  private readonly init = new PlanFunctionBuilder("init");
  private readonly main = new PlanFunctionBuilder("main");
  private readonly constants = new Map<string, Constant>();
  /** Constant name (and pack kernel) -> value in init. */
  private readonly built = new Map<string, ValueId>();
  /** Same key -> index among main's extra parameters. */
  private readonly exported = new Map<
    string,
    { readonly index: number; readonly value: ValueId; readonly name: string; readonly type: TensorType }
  >();
  private readonly evaluated = new Map<string, HostTensor>();
  private readonly materialized: { constant: string; extraBytes: number }[] = [];
  private readonly kernels = new Set<string>();
  private readonly problems: Problem[] = [];

  constructor(module: Module, target: TargetSpec, registry: OpRegistry) {
    this.module = module;
    this.target = target;
    this.registry = registry;
  }

  run(): Omit<Lowered, "legalized"> {
    const func = mainFunction(this.module);
    const chosen = func.ops.map((op) => this.choose(func, op));
    if (this.problems.length > 0) throw new TersorError(this.problems);
    const rows = chosen.map((c) => c as { readonly row: KernelRow; readonly microseconds: number });
    const operands = func.ops.map((op, i) => this.operandsOf(op, (rows[i] as { row: KernelRow }).row));
    const returned = func.returns.map((operand) => (typeof operand === "string" ? this.constantOperand(operand) : operand));
    if (this.problems.length > 0) throw new TersorError(this.problems);
    return this.assemble(func, rows, operands, returned);
  }

  private choose(func: Func, op: Op): (Selected & { readonly ok: true }) | null {
    const selected = choose(this.module, func, op, this.target, this.registry);
    if (selected.ok) return selected;
    const types = op.operands.map((operand) => operandType(this.module, func, operand));
    this.problems.push(noKernel(this.target, op.name, types, selected.refusals, op.loc));
    return null;
  }

  /** Operands of the kernel call: constants replaced by what init makes of them, forms expanded to their leaves. */
  private operandsOf(op: Op, row: KernelRow): readonly PendingOperand[] {
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
  private constantOperand(name: string): PendingOperand {
    const constant = this.constantNamed(name);
    if (constant.kind === "data") {
      this.constants.set(name, constant);
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
      const [made] = this.init.kernel(
        pack.kernel,
        new Map(),
        [this.initOperand(name)],
        [{ name: `${name}.packed`, type }],
        constant.loc,
        "pack",
      );
      value = made as ValueId;
      this.kernels.add(pack.kernel);
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
    this.constants.set(name, constant);
    return name;
  }

  /** Lowers a definition into init; null when no kernel of the target can and it was evaluated here instead. */
  private build(constant: DerivedConstant): ValueId | null {
    const present = this.built.get(constant.name);
    if (present !== undefined) return present;
    if (this.constants.has(constant.name)) return null;
    const typeOf = (operand: Operand) => (typeof operand === "string" ? this.constantNamed(operand).type : null);
    const request = requestOf(this.module, this.registry, constant.op, constant.operands, constant.attrs, [constant.type], typeOf);
    const selected = selectKernel(this.target.manifest as NonNullable<TargetSpec["manifest"]>, this.target.features, request);
    if (!selected.ok) return null;
    const operands = this.initOperandsOf(constant, selected.row);
    const result = { name: constant.name, type: constant.type };
    const params = this.stepParams({ name: constant.op, operands: constant.operands, attrs: constant.attrs }, selected.row);
    const [value] = this.init.kernel(selected.row.id, params, operands, [result], constant.loc, constant.op);
    this.kernels.add(selected.row.id);
    this.built.set(constant.name, value as ValueId);
    return value as ValueId;
  }

  /** Evaluates a definition at compile time and stores the result as data. */
  private keepData(name: string): string {
    if (this.constants.has(name)) return name;
    const constant = this.constantNamed(name);
    const bytes = encodeTensor(evaluateConstant(this.module, this.registry, name, this.evaluated));
    this.constants.set(name, dataConstant(name, constant.type, bytes, constant.loc));
    this.materialized.push({ constant: name, extraBytes: bytes.length });
    return name;
  }

  private export(key: string, value: ValueId, name: string, type: TensorType): Exported {
    let entry = this.exported.get(key);
    if (!entry) {
      entry = { index: this.exported.size, value, name, type };
      this.exported.set(key, entry);
    }
    return { exported: entry.index };
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

  /** The op's attributes, and those of weight forms that the kernel reads in place. */
  private stepParams(op: Pick<Op, "name" | "operands" | "attrs">, row: KernelRow): AttrDict {
    const def = this.registry.require(op.name);
    const params = new Map(this.params(op.name, op.attrs));
    op.operands.forEach((operand, i) => {
      const form = ruleFor(row, i, def)?.form ?? "dense";
      if (typeof operand !== "string" || form === "dense") return;
      for (const [key, value] of formParams(this.module, operand, def.operands[i]?.name ?? `operand${i}`)) params.set(key, value);
    });
    return params;
  }

  private assemble(
    func: Func,
    rows: readonly { readonly row: KernelRow; readonly microseconds: number }[],
    operands: readonly (readonly PendingOperand[])[],
    returned: readonly PendingOperand[],
  ): Omit<Lowered, "legalized"> {
    const ids = new Map<ValueId, ValueId>();
    for (const id of func.params) ids.set(id, this.main.param(nameOf(func, id), valueInfo(func, id).type));
    const extra = [...this.exported.values()].map((e) => this.main.param(e.name, e.type));
    const resolve = (operand: PendingOperand): Operand =>
      typeof operand === "object" && operand !== null
        ? (extra[operand.exported] as ValueId)
        : typeof operand === "number"
          ? (ids.get(operand) as ValueId)
          : operand;
    const predicted: { op: string; kernel: string; microseconds: number }[] = [];
    func.ops.forEach((op, i) => {
      const { row, microseconds } = rows[i] as { readonly row: KernelRow; readonly microseconds: number };
      const results = op.results.map((id) => valueInfo(func, id));
      const made = this.main.kernel(row.id, this.stepParams(op, row), (operands[i] ?? []).map(resolve), results, op.loc, op.name);
      for (const [k, id] of op.results.entries()) ids.set(id, made[k] as ValueId);
      this.kernels.add(row.id);
      predicted.push({ op: nameOf(func, op.results[0] ?? 0), kernel: row.id, microseconds });
    });
    const results = func.results.map((r, i) => ({
      name: r.name,
      type: r.type,
      operand: resolve(returned[i] as PendingOperand) as ValueId | string,
    }));
    const init = this.init.finish([...this.exported.values()].map((e) => ({ name: e.name, operand: e.value, type: e.type })));
    const carries = func.carries.map((c) => ({ param: ids.get(c.param) as ValueId, result: c.result }));
    const main = this.main.finish(results, { requires: func.requires, carries });
    return {
      target: this.target.name,
      module: this.plan(init, main),
      kernels: [...this.kernels].sort(),
      materialized: this.materialized,
      predicted,
    };
  }

  private plan(init: Func, main: Func): Module {
    const meta = new Map<string, Attr>([["target", attr.string(this.target.name)]]);
    return {
      ...this.module,
      meta,
      metaDoc: null,
      doc: null,
      functions: new Map([
        ["init", init],
        ["main", main],
      ]),
      constants: this.constants,
    };
  }
}

interface Exported {
  readonly exported: number;
}

type PendingOperand = Operand | Exported;

function nameOf(func: Func, id: ValueId): string {
  return valueInfo(func, id).name ?? `${id}`;
}

function packedDim(dim: PackDim, type: TensorType): Dim {
  if (typeof dim === "number") return dim;
  const size = type.shape[dim.axis] ?? 1;
  return "tiles" in dim ? dimCeilDiv(size, dim.tiles) : size;
}

function noKernel(
  target: TargetSpec,
  op: string,
  types: readonly (TensorType | null)[],
  refusals: readonly string[],
  loc: Location,
): Problem {
  const operands = types.map((type) => (type ? printType(type) : "_")).join(", ");
  const why = refusals.length > 0 ? `: ${refusals.join("; ")}` : "";
  return { code: "E0801", message: `target ${target.name} has no kernel for ${op}(${operands})${why}`, loc };
}
