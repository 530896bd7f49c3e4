/**
 * @file A source module made ready to run: types inferred again and compared with those in the file (which bounds what the ops may allocate), constants evaluated once.
 */
import type { Constant } from "../../../ir-spec/core/constant.ts";
import { dimSymbols, isDimSymbolName } from "../../../ir-spec/core/dim.ts";
import { knownIntegers } from "../../../ir-spec/core/editor.ts";
import { type Func, type Module, mainFunction, type Op, type Operand, operandType } from "../../../ir-spec/core/graph.ts";
import { TersorError } from "../../../ir-spec/core/problem.ts";
import { decodeTensor, encodeTensor, type HostTensor } from "../../../ir-spec/core/tensor.ts";
import { printType, type TensorType, typeEquals } from "../../../ir-spec/core/type.ts";
import { WorkBudget } from "../../../ir-spec/ops/budget.ts";
import type { CallFunction } from "../../../ir-spec/ops/define.ts";
import { evaluateConstant, evaluateOp } from "../../../ir-spec/ops/evaluate.ts";
import { inferOp } from "../../../ir-spec/ops/infer.ts";
import type { OpRegistry } from "../../../ir-spec/ops/registry.ts";
import { signaturesOf } from "../../../ir-spec/ops/signature.ts";
import type { Executable } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, type RunLimits } from "../../limits.ts";
import { Tensor } from "../../tensor.ts";
import { bindAttrs, bindType } from "./bind-dims.ts";
import { constantsCost, runCost } from "./cost.ts";

const where = "backend reference";

export class SourceProgram implements Executable {
  private readonly module: Module;
  private readonly registry: OpRegistry;
  private readonly main: Func;
  private constants: Map<string, HostTensor> | null = new Map();

  private readonly limits: RunLimits;
  /** Whether sizes depend on values, so that the price of a run is known only as it goes on. */
  private readonly dynamic: boolean;
  /** Bindings whose cost was checked. */
  private readonly affordable = new Set<string>();

  /** @throws RuntimeError R0406 when an op is unknown, or the file's types are not those that its ops give; R0410, R0411 when its constants cost more than the limits */
  constructor(module: Module, registry: OpRegistry, limits: RunLimits = defaultLimits) {
    this.module = module;
    this.registry = registry;
    this.limits = limits;
    this.main = mainFunction(module);
    this.dynamic = dependsOnValues(this.main, registry);
    coded("R0406", () => this.check());
    coded("R0406", () => constantsCost(module, registry, this.main, limits));
  }

  async run(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): Promise<readonly Tensor[]> {
    return this.runSync(inputs, bindings);
  }

  runSync(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): readonly Tensor[] {
    return coded("R0404", () => {
      this.demandAffordable(bindings);
      const values = this.evaluate(this.main, inputs.map(hostTensorOf), bindings, new WorkBudget(this.limits.maxWork));
      return values.map(tensorOf);
    });
  }

  dispose(): void {
    this.constants = null;
  }

  /** What a function called by the program does was not in the price of the run, so its ops are charged as they come. */
  private evaluate(
    func: Func,
    inputs: readonly HostTensor[],
    given: ReadonlyMap<string, number>,
    budget: WorkBudget,
  ): readonly HostTensor[] {
    const values = new Map<Operand, HostTensor>(func.params.map((id, i) => [id, inputs[i] as HostTensor]));
    const bindings = new Map(given);
    const lastUse = lastUses(func);
    const charged = func === this.main && !this.dynamic ? null : budget;
    const call: CallFunction = (name, args) => this.call(name, args as readonly HostTensor[], budget);
    func.ops.forEach((op, at) => {
      const operands = op.operands.map((operand) => (operand === null ? null : this.value(operand, values)));
      const declared = this.declared(func, op).map((type) => bindType(type, bindings));
      const results = evaluateOp(this.registry, op.name, operands, bindAttrs(op.attrs, bindings), declared, charged, call);
      op.results.forEach((id, i) => {
        const result = results[i] as HostTensor;
        bindSizes(declared[i], result, bindings);
        values.set(id, result);
      });
      for (const operand of op.operands) if (lastUse.get(operand) === at) values.delete(operand);
    });
    return func.returns.map((operand) => this.value(operand, values));
  }

  /** @throws TersorError E0520 when the calls of a run cost more than the limits */
  private call(name: string, args: readonly HostTensor[], budget: WorkBudget): readonly HostTensor[] {
    budget.charge(`@${name}`, 1);
    const func = this.module.functions.get(name) as Func;
    const bindings = new Map<string, number>();
    func.params.forEach((id, i) => void bindSizes(func.values[id]?.type, args[i] as HostTensor, bindings));
    return this.evaluate(func, args, bindings, budget);
  }

  private demandAffordable(bindings: ReadonlyMap<string, number>): void {
    const key = [...bindings].join(";");
    if (this.affordable.has(key)) return;
    runCost(this.module, this.registry, this.main, bindings, this.limits);
    if (this.affordable.size >= 64) this.affordable.clear();
    this.affordable.add(key);
  }

  private value(operand: number | string, values: ReadonlyMap<Operand, HostTensor>): HostTensor {
    if (typeof operand === "string") return evaluateConstant(this.module, this.registry, operand, this.cache());
    const value = values.get(operand);
    if (!value) throw new RuntimeError("R0404", `value ${operand} is gone before its last use`, where);
    return value;
  }

  private cache(): Map<string, HostTensor> {
    if (!this.constants) throw new RuntimeError("R0309", "the session was disposed", where);
    return this.constants;
  }

  private declared(func: Func, op: Op): readonly TensorType[] {
    return op.results.map((id) => (func.values[id] as { readonly type: TensorType }).type);
  }

  private check(): void {
    if (this.main.carries.length > 0) throw new RuntimeError("R0208", "carried state is not supported by this backend", where);
    for (const func of reachableFunctions(this.module, this.main)) {
      for (const op of func.ops) {
        const types = op.operands.map((operand) => operandType(this.module, func, operand));
        this.checkTypes(op.name, op.attrs, op.operands, types, this.declared(func, op));
      }
    }
    for (const constant of this.module.constants.values()) if (constant.kind === "derived") this.checkDefinition(constant);
  }

  private checkDefinition(constant: Constant & { readonly kind: "derived" }): void {
    const types = constant.operands.map((operand) => (operand === null ? null : operandType(this.module, this.main, operand)));
    this.checkTypes(constant.op, constant.attrs, constant.operands, types, [constant.type]);
  }

  private checkTypes(
    name: string,
    attrs: Op["attrs"],
    operands: readonly Operand[],
    types: readonly (TensorType | null)[],
    declared: readonly TensorType[],
  ): void {
    const known = (i: number) => {
      const operand = operands[i];
      const constant = typeof operand === "string" ? this.module.constants.get(operand) : undefined;
      return constant ? knownIntegers(constant) : null;
    };
    const inferred = inferOp(this.registry, this.registry.require(name), {
      types,
      attrs,
      declared,
      known,
      callee: signaturesOf(this.module),
    });
    if (inferred.types.length === declared.length && inferred.types.every((type, i) => typeEquals(type, declared[i] as TensorType))) return;
    const list = (all: readonly TensorType[]) => all.map(printType).join(", ");
    throw new RuntimeError("R0406", `${name} gives ${list(inferred.types)}, the file says ${list(declared)}`, where);
  }
}

/** Runs it; what is no RuntimeError becomes one. */
function coded<T>(code: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    if (error instanceof TersorError && error.problems[0]?.code === "E0520")
      throw new RuntimeError("R0410", `${error.problems[0].message}: load(source, { maxWork }) allows more`, where);
    if (error instanceof TersorError) throw new RuntimeError(code, error.problems.map((p) => `${p.code} ${p.message}`).join("; "), where);
    throw new RuntimeError(code, error instanceof Error ? error.message : String(error), where, error);
  }
}

/** The function and all that it calls, each once, callees last. @throws RuntimeError R0406 on recursion, which would not end */
function reachableFunctions(module: Module, main: Func): readonly Func[] {
  const done = new Map<Func, boolean>();
  const visit = (func: Func): void => {
    if (done.get(func) === false) throw new RuntimeError("R0406", `@${func.name} calls itself`, where);
    if (done.has(func)) return;
    done.set(func, false);
    for (const op of func.ops) for (const name of calleesOf(op)) visitNamed(name);
    done.set(func, true);
  };
  const visitNamed = (name: string): void => {
    const func = module.functions.get(name);
    if (func) visit(func);
  };
  visit(main);
  return [...done.keys()];
}

/** Whether an op calls functions or introduces a size that the parameters do not tell. */
function dependsOnValues(main: Func, registry: OpRegistry): boolean {
  const told = new Set<string>();
  for (const id of main.params) for (const dim of main.values[id]?.type.shape ?? []) dimSymbols(dim, told);
  const introduces = main.values.some(({ type }) => type.shape.some((dim) => [...dimSymbols(dim)].some((name) => !told.has(name))));
  return introduces || main.ops.some((op) => registry.get(op.name)?.execute !== undefined);
}

const calleesOf = (op: Op): readonly string[] => [...op.attrs.values()].flatMap((attr) => (attr.kind === "symbol" ? [attr.value] : []));

/** A size that is a bare symbol binds it, where it is not bound yet. */
function bindSizes(type: TensorType | undefined, tensor: HostTensor, bindings: Map<string, number>): void {
  type?.shape.forEach((dim, axis) => {
    if (typeof dim === "object" && isDimSymbolName(dim.key) && !bindings.has(dim.key)) bindings.set(dim.key, tensor.shape[axis] as number);
  });
}

/** Index of the last op that reads each value; returned values are kept. */
function lastUses(func: Func): ReadonlyMap<Operand, number> {
  const last = new Map<Operand, number>();
  func.ops.forEach((op, at) => {
    for (const operand of op.operands) if (typeof operand === "number") last.set(operand, at);
  });
  for (const operand of func.returns) last.delete(operand);
  return last;
}

/** A session's tensor holds f16 as bits and packs what is below a byte; a host tensor is wide. */
function hostTensorOf(tensor: Tensor): HostTensor {
  return decodeTensor(tensor.dtype, tensor.shape, tensor.bytes());
}

function tensorOf(value: HostTensor): Tensor {
  return Tensor.fromBytes(value.dtype, encodeTensor(value), value.shape);
}
