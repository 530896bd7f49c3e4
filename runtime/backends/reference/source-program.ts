/**
 * @file A source module made ready to run: types inferred again and compared with those in the file (which bounds what the ops may allocate), constants evaluated once.
 */
import type { Constant } from "../../../ir-spec/core/constant.ts";
import { knownIntegers } from "../../../ir-spec/core/editor.ts";
import { type Func, type Module, mainFunction, type Op, type Operand, operandType } from "../../../ir-spec/core/graph.ts";
import { TersorError } from "../../../ir-spec/core/problem.ts";
import { decodeTensor, encodeTensor, type HostTensor } from "../../../ir-spec/core/tensor.ts";
import { printType, type TensorType, typeEquals } from "../../../ir-spec/core/type.ts";
import { evaluateConstant, evaluateOp } from "../../../ir-spec/ops/evaluate.ts";
import { inferOp } from "../../../ir-spec/ops/infer.ts";
import type { OpRegistry } from "../../../ir-spec/ops/registry.ts";
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
  /** Bindings whose cost was checked. */
  private readonly affordable = new Set<string>();

  /** @throws RuntimeError R0406 when an op is unknown, or the file's types are not those that its ops give; R0410, R0411 when its constants cost more than the limits */
  constructor(module: Module, registry: OpRegistry, limits: RunLimits = defaultLimits) {
    this.module = module;
    this.registry = registry;
    this.limits = limits;
    this.main = mainFunction(module);
    coded("R0406", () => this.check());
    coded("R0406", () => constantsCost(module, registry, this.main, limits));
  }

  async run(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): Promise<readonly Tensor[]> {
    return this.runSync(inputs, bindings);
  }

  runSync(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): readonly Tensor[] {
    return coded("R0404", () => {
      this.demandAffordable(bindings);
      return this.evaluate(inputs, bindings);
    });
  }

  dispose(): void {
    this.constants = null;
  }

  private evaluate(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): readonly Tensor[] {
    const { main } = this;
    const values = new Map<Operand, HostTensor>(main.params.map((id, i) => [id, hostTensorOf(inputs[i] as Tensor)]));
    const lastUse = lastUses(main);
    main.ops.forEach((op, at) => {
      const operands = op.operands.map((operand) => (operand === null ? null : this.value(operand, values)));
      const declared = this.declared(op).map((type) => bindType(type, bindings));
      const results = evaluateOp(this.registry, op.name, operands, bindAttrs(op.attrs, bindings), declared);
      op.results.forEach((id, i) => void values.set(id, results[i] as HostTensor));
      for (const operand of op.operands) if (lastUse.get(operand) === at) values.delete(operand);
    });
    return main.returns.map((operand) => tensorOf(this.value(operand, values)));
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

  private declared(op: Op): readonly TensorType[] {
    return op.results.map((id) => (this.main.values[id] as { readonly type: TensorType }).type);
  }

  private check(): void {
    if (this.main.carries.length > 0) throw new RuntimeError("R0208", "carried state is not supported by this backend", where);
    for (const op of this.main.ops) {
      const types = op.operands.map((operand) => operandType(this.module, this.main, operand));
      this.checkTypes(op.name, op.attrs, op.operands, types, this.declared(op));
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
    const inferred = inferOp(this.registry, this.registry.require(name), { types, attrs, declared, known });
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
    if (error instanceof TersorError) throw new RuntimeError(code, error.problems.map((p) => `${p.code} ${p.message}`).join("; "), where);
    throw new RuntimeError(code, error instanceof Error ? error.message : String(error), where, error);
  }
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
