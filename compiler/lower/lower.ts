/**
 * @file Lowering: a source module to a plan for one target. Every op becomes the cheapest kernel of the manifest; what rebuilds compressed weights, and
 * what packs them, goes to `@init`, which runs once at load; `@main` takes the public inputs and then the values that `@init` made.
 */
import {
  type Attr,
  type AttrDict,
  attr,
  type Func,
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
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import { type PlanPorts, type PlanStepCost, type Prediction, predictSteps } from "../cost/predict.ts";
import { sizedStep, tensorBytes, unitSizes } from "../cost/step.ts";
import { costOf, decisionModel, type TargetSpec } from "../target/target.ts";
import { PlanFunctionBuilder } from "./builder.ts";
import { type Crossing, copyRates, crossingOf, fallbackHint, foreignTo, homesOf, type Placed, withCrossings } from "./crossings.ts";
import { decomposeUnsupported } from "./decompose.ts";
import { readableForms } from "./forms.ts";
import { type Legalized, legalize } from "./legalize/legalize.ts";
import { hasIntegerKernels, unsupportedBy } from "./legalize/target.ts";
import { explainWide } from "./narrow-integers.ts";
import { placeOps, type Side, segmentsOf } from "./placement.ts";
import { type PendingOperand, PlanConstants, PlanParts } from "./plan-constants.ts";
import { type Prices, type Selected, type SelectRequest, selectKernel } from "./select.ts";

export interface Lowered {
  readonly target: string;
  /** Functions `init` and `main`, ops `rt.kernel` only, constants all data. */
  readonly module: Module;
  /** Kernel ids that the plan needs, sorted. */
  readonly kernels: readonly string[];
  /** Derivations that had no kernel and were evaluated at compile time, with the bytes this adds. */
  readonly materialized: readonly { readonly constant: string; readonly extraBytes: number }[];
  /** Steps of main in order, as the cost model takes them; of an ONNX graph, its ops. Empty: nothing is known. */
  readonly steps: readonly PlanStepCost[];
  /** What a run takes in and gives out. */
  readonly ports: PlanPorts;
  /** What the target's cost model says of them with every symbol 1: `predictPlan` asks for other sizes. */
  readonly predicted: Prediction;
  /** Copies between the target and its fallback, in order; empty for a plan of one backend. */
  readonly crossings: readonly Crossing[];
  /** Ops that run on the fallback, and why. */
  readonly placed: readonly Placed[];
  /** Quantized clusters that became integer ops, and those that stayed float; null for a target without integer kernels. */
  readonly legalized: Pick<Legalized, "integer" | "float"> | null;
}

export interface LowerOptions {
  /** Where ops run that the target has no kernel for, with copies between. Absent: they are refused. Ignored by targets whose values lie in the host's memory. */
  readonly fallback?: TargetSpec;
}

/** @throws TersorError E0801 naming every op that the target cannot run and why each kernel row was refused. */
export function lower(source: Module, target: TargetSpec, registry: OpRegistry, options: LowerOptions = {}): Lowered {
  if (!target.manifest) throw new TersorError({ code: "E0802", message: `target ${target.name} runs source functions: it has no plan` });
  const legal = hasIntegerKernels(target)
    ? legalize(source, registry, { unsupported: unsupportedBy(target, pricesOf(source, target)) })
    : null;
  const fallback = target.manifest.copies ? (options.fallback ?? null) : null;
  const module = decomposed(legal?.module ?? source, target, fallback, registry);
  const legalized = legal && { integer: legal.integer, float: legal.float };
  return { ...new Lowering(module, target, fallback, registry).run(), legalized };
}

/** As far as the target needs; where that leaves ops that neither side can run, only as far as both together need. */
function decomposed(source: Module, target: TargetSpec, fallback: TargetSpec | null, registry: OpRegistry): Module {
  const runs = (on: TargetSpec) => (module: Module, func: Func, op: Op) => choose(module, func, op, on, registry).ok;
  const module = decomposeUnsupported(source, registry, runs(target));
  if (!fallback) return module;
  const either = (module: Module, func: Func, op: Op) => runs(target)(module, func, op) || runs(fallback)(module, func, op);
  const main = mainFunction(module);
  return main.ops.every((op) => either(module, main, op)) ? module : decomposeUnsupported(source, registry, either);
}

function choose(module: Module, func: Func, op: Op, target: TargetSpec, registry: OpRegistry): Selected {
  const request = requestOf(
    module,
    registry,
    op.name,
    op.operands,
    op.attrs,
    op.results.map((id) => valueInfo(func, id).type),
    (operand) => operandType(module, func, operand),
  );
  return selectKernel(target.manifest as NonNullable<TargetSpec["manifest"]>, target.features, request, pricesOf(module, target));
}

const constantBytes = new WeakMap<Module, number>();

/** What kernels of a module are chosen by. The context is the whole module's: its constants, as they are read. */
export function pricesOf(module: Module, target: TargetSpec): Prices {
  let workingSet = constantBytes.get(module);
  if (workingSet === undefined) {
    workingSet = [...module.constants.values()].reduce((sum, { type }) => sum + tensorBytes(type, unitSizes), 0);
    constantBytes.set(module, workingSet);
  }
  return { model: decisionModel(target), context: { workingSet } };
}

/** An op on a kernel, for the cost model. */
export function stepCost(module: Module, func: Func, op: Op, row: KernelRow | null, registry: OpRegistry): PlanStepCost {
  const def = registry.require(op.name);
  return {
    name: nameOf(func, op.results[0] ?? 0),
    kernel: row?.id ?? op.name,
    row,
    def,
    attrs: registry.attrs(def, op.attrs),
    operands: op.operands.map((operand) => {
      const type = operandType(module, func, operand);
      return type && { type, constant: typeof operand === "string" };
    }),
    constants: op.operands.map((operand) => (typeof operand === "string" ? operand : null)),
    results: op.results.map((id) => valueInfo(func, id).type),
  };
}

export function portsOf(func: Func): PlanPorts {
  return { inputs: func.params.map((id) => valueInfo(func, id).type), outputs: func.results.map(({ type }) => type) };
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

interface Chosen {
  readonly side: Side;
  readonly row: KernelRow;
}

class Lowering {
  private readonly module: Module;
  private readonly targets: { readonly target: TargetSpec; readonly fallback: TargetSpec | null };
  private readonly registry: OpRegistry;
  private readonly main = new PlanFunctionBuilder("main");
  private readonly parts = new PlanParts(new PlanFunctionBuilder("init"));
  private readonly constants: { readonly [S in Side]: PlanConstants };
  private readonly placed: Placed[] = [];
  private readonly problems: Problem[] = [];

  constructor(module: Module, target: TargetSpec, fallback: TargetSpec | null, registry: OpRegistry) {
    this.module = module;
    this.targets = { target, fallback };
    this.registry = registry;
    this.constants = { target: this.constantsOf(target, null), fallback: this.constantsOf(fallback ?? target, fallback?.backend ?? null) };
  }

  run(): Omit<Lowered, "legalized"> {
    const func = mainFunction(this.module);
    const chosen = this.chooseAll(func);
    const operands = func.ops.map((op, i) => this.constants[at(chosen, i).side].operandsOf(op, at(chosen, i).row));
    const returned = func.returns.map((operand) =>
      typeof operand === "string" ? this.constants.target.constantOperand(operand) : operand,
    );
    return this.assemble(func, chosen, operands, returned);
  }

  private constantsOf(on: TargetSpec, backend: string | null): PlanConstants {
    const { module, registry, parts } = this;
    const typeOf = (operand: Operand) => (typeof operand === "string" ? (module.constants.get(operand)?.type ?? null) : null);
    return new PlanConstants({
      ...{ module, registry, parts, backend },
      select: ({ op, operands, attrs, type }) =>
        selectKernel(
          on.manifest as NonNullable<TargetSpec["manifest"]>,
          on.features,
          requestOf(module, registry, op, operands, attrs, [type], typeOf),
          pricesOf(module, on),
        ),
    });
  }

  /** The row of every op, and the side that it runs on. @throws TersorError E0801 */
  private chooseAll(func: Func): readonly Chosen[] {
    const { target, fallback } = this.targets;
    const choices = func.ops.map((op) => {
      const own = choose(this.module, func, op, target, this.registry);
      const other = fallback && choose(this.module, func, op, fallback, this.registry);
      if (!own.ok && !other?.ok) this.problems.push(noKernel(this.targets, this.module, func, op, own.refusals, this.reason(op)));
      return { own, other };
    });
    if (this.problems.length > 0) throw new TersorError(this.problems);
    const priced = (op: Op, selected: Selected | null, on: TargetSpec | null) =>
      selected?.ok && on ? this.placementPrice(stepCost(this.module, func, op, selected.row, this.registry), on) : null;
    const costs = choices.map(({ own, other }, i) => ({
      target: priced(at(func.ops, i), own, target),
      fallback: priced(at(func.ops, i), other, fallback),
    }));
    const sides = placeOps(func, costs, (value) => tensorBytes(valueInfo(func, value).type, unitSizes), copyRates(target));
    return sides.map((side, i) => {
      const { own, other } = at(choices, i);
      if (side === "fallback")
        this.placed.push({
          op: i,
          name: nameOf(func, at(func.ops, i).results[0] ?? 0),
          kind: at(func.ops, i).name,
          why: own.ok ? null : own.refusals,
        });
      return { side, row: ((side === "target" ? own : other) as Selected & { readonly ok: true }).row };
    });
  }

  private placementPrice(step: PlanStepCost, on: TargetSpec): number {
    return decisionModel(on).step(sizedStep(step, unitSizes), pricesOf(this.module, on).context);
  }

  private reason(op: Op): string | null {
    return this.targets.target.integers && !this.targets.fallback ? explainWide(this.module, this.registry, op) : null;
  }

  private assemble(
    func: Func,
    chosen: readonly Chosen[],
    operands: readonly (readonly PendingOperand[])[],
    returned: readonly PendingOperand[],
  ): Omit<Lowered, "legalized"> {
    const { target, fallback } = this.targets;
    const homes = homesOf(
      func,
      chosen.map(({ side }) => side),
    );
    /** By value of the body: where it is for ops of each side. */
    const ids = { target: new Map<ValueId, ValueId>(), fallback: new Map<ValueId, ValueId>() };
    const define = (id: ValueId, made: ValueId) => ids[homes.get(id) ?? "target"].set(id, made);
    for (const id of func.params) define(id, this.main.param(nameOf(func, id), valueInfo(func, id).type));
    const extra = [...this.parts.exported.values()].map((e) => this.main.param(e.name, e.type));
    const resolve = (operand: PendingOperand, side: Side): Operand =>
      typeof operand === "object" && operand !== null
        ? (extra[operand.exported] as ValueId)
        : typeof operand === "number"
          ? (ids[side].get(operand) as ValueId)
          : operand;
    const crossings: Crossing[] = [];
    for (const { side, ops } of segmentsOf(
      func,
      chosen.map(({ side }) => side),
    )) {
      const foreign = foreignTo(func, ops, (value) => ids[side].has(value));
      if (foreign.length > 0) {
        const from = ids[side === "target" ? "fallback" : "target"];
        const copies = this.main.copy(
          foreign.map((id) => from.get(id) as ValueId),
          (side === "target" ? target : (fallback ?? target)).backend,
        );
        for (const [i, id] of foreign.entries()) ids[side].set(id, copies[i] as ValueId);
        crossings.push(
          crossingOf(
            side,
            foreign.map((id) => valueInfo(func, id).type),
            foreign.map((id) => nameOf(func, id)),
            copyRates(target),
          ),
        );
      }
      for (const i of ops) {
        const [op, { row }] = [at(func.ops, i), at(chosen, i)];
        const results = op.results.map((id) => valueInfo(func, id));
        const own = this.constants[side];
        const backend = side === "target" ? null : (fallback?.backend ?? null);
        const taken = at(operands, i).map((operand) => resolve(operand, side));
        const made = this.main.kernel(row.id, own.stepParams(op, row), taken, results, op.loc, op.name, backend);
        for (const [k, id] of op.results.entries()) define(id, made[k] as ValueId);
        this.parts.kernels.add(own.called(row.id));
      }
    }
    const results = func.results.map((r, i) => {
      const operand = at(returned, i);
      const home = typeof operand === "number" ? (homes.get(operand) ?? "target") : "target";
      return { name: r.name, type: r.type, operand: resolve(operand, home) as ValueId | string };
    });
    const { exported, kernels, materialized } = this.parts;
    const init = this.parts.init.finish([...exported.values()].map((e) => ({ name: e.name, operand: e.value, type: e.type })));
    const carries = func.carries.map((c) => ({ param: ids.target.get(c.param) as ValueId, result: c.result }));
    const main = this.main.finish(results, { requires: func.requires, carries });
    const steps = func.ops.map((op, i) => {
      const cost = stepCost(this.module, func, op, at(chosen, i).row, this.registry);
      return at(chosen, i).side === "fallback" && fallback ? { ...cost, model: costOf(fallback) } : cost;
    });
    return {
      target: target.name,
      module: this.plan(init, main),
      kernels: [...kernels].sort(),
      materialized,
      steps,
      ports: portsOf(func),
      crossings,
      placed: this.placed,
      predicted: withCrossings(predictSteps(costOf(target), steps, portsOf(func)), crossings),
    };
  }

  private plan(init: Func, main: Func): Module {
    const meta = new Map<string, Attr>([["target", attr.string(this.targets.target.name)]]);
    return {
      ...this.module,
      meta,
      metaDoc: null,
      doc: null,
      functions: new Map([
        ["init", init],
        ["main", main],
      ]),
      constants: this.parts.constants,
    };
  }
}

function nameOf(func: Func, id: ValueId): string {
  return valueInfo(func, id).name ?? `${id}`;
}

function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}

function noKernel(
  { target, fallback }: { readonly target: TargetSpec; readonly fallback: TargetSpec | null },
  module: Module,
  func: Func,
  op: Op,
  refusals: readonly string[],
  reason: string | null,
): Problem {
  const types = op.operands.map((operand) => operandType(module, func, operand));
  const operands = types.map((type) => (type ? printType(type) : "_")).join(", ");
  const reasons = reason === null ? refusals : [reason];
  const why = reasons.length > 0 ? `: ${reasons.join("; ")}` : "";
  const who = fallback ? `neither target ${target.name} nor ${fallback.name} has a` : `target ${target.name} has no`;
  const hint = target.manifest?.copies && !fallback ? { hint: fallbackHint(target.backend) } : {};
  return { code: "E0801", message: `${who} kernel for ${op.name}(${operands})${why}`, loc: op.loc, ...hint };
}
