/**
 * @file The interpreter: runs a function op by op with the ops' reference functions. Exact and slow; every other engine is measured against it. Constants are
 * evaluated by their definitions, once per module; a value is dropped after its last use.
 */
import {
  type AttrDict,
  type CallFunction,
  evaluateConstant,
  evaluateOp,
  type Func,
  type HostTensor,
  type Module,
  type Op,
  type Operand,
  type OpRegistry,
  type Problem,
  TersorError,
  type ValueId,
  WorkBudget,
} from "../../ir-spec/index.ts";
import { type Bindings, bindInputs, bindSymbols, boundAttrs, boundType, hasDims } from "./bind.ts";

export interface InterpretOptions {
  /** Default `main`. */
  readonly function?: string;
  /** Names of values, inputs among them, to return beside the outputs. */
  readonly taps?: readonly string[];
  /** Looked at before every op; when it is aborted, the run ends with error E0518. */
  readonly signal?: AbortSignal;
  /** Most element operations of the whole run, constants' definitions included; more end it with error E0520, before the op that would exceed them. Default: no bound. */
  readonly maxWork?: number;
  /** Called after every op with the time that it took. */
  readonly onOp?: (op: Op, milliseconds: number) => void;
}

export interface Interpreted {
  /** By the names of the function's results. */
  readonly outputs: Readonly<Record<string, HostTensor>>;
  readonly taps: Readonly<Record<string, HostTensor>>;
}

/**
 * Runs the function on the inputs, named as its parameters.
 * @throws TersorError E0510 .. E0516 (inputs), E0517 (a tap), E0518 (aborted), E0519 (no such function), E0520 (over budget), and what the ops raise, with their place.
 */
export function interpret(
  module: Module,
  registry: OpRegistry,
  inputs: Readonly<Record<string, HostTensor>>,
  options: InterpretOptions = {},
): Interpreted {
  const name = options.function ?? "main";
  const func = module.functions.get(name);
  if (!func) throw new TersorError({ code: "E0519", message: `module @${module.name} has no function @${name}` });
  checkTaps(func, options.taps ?? []);
  const world = { module, registry, constants: constantsOf(module, registry), budget: budgetOf(options), signal: options.signal ?? null };
  return new Run(world, func, inputs, options).run();
}

function budgetOf({ maxWork }: InterpretOptions): WorkBudget | null {
  return maxWork === undefined ? null : new WorkBudget(maxWork);
}

/** What a run shares with those of the functions that it calls. */
interface World {
  readonly module: Module;
  readonly registry: OpRegistry;
  readonly constants: Map<string, HostTensor>;
  readonly budget: WorkBudget | null;
  readonly signal: AbortSignal | null;
}

type RunOptions = Pick<InterpretOptions, "taps" | "onOp">;

class Run {
  private readonly world: World;
  private readonly func: Func;
  private readonly options: RunOptions;
  private readonly bindings: Bindings;
  private readonly values: (HostTensor | undefined)[];
  private readonly tapped: ReadonlyMap<ValueId, string>;
  private readonly taps: Record<string, HostTensor> = {};
  /** Arrays that are not ours to give away. */
  private readonly foreign: ReadonlySet<unknown>;

  constructor(world: World, func: Func, inputs: Readonly<Record<string, HostTensor>>, options: RunOptions) {
    [this.world, this.func, this.options] = [world, func, options];
    this.bindings = bindInputs(func, inputs);
    this.values = new Array<HostTensor | undefined>(func.values.length);
    const wanted = new Set(options.taps);
    this.tapped = new Map(func.values.flatMap(({ name }, id) => (name !== null && wanted.has(name) ? [[id, name] as const] : [])));
    this.foreign = new Set(Object.values(inputs).map((tensor) => tensor.data));
    for (const id of func.params) this.define(id, inputs[func.values[id]?.name ?? String(id)] as HostTensor);
  }

  run(): Interpreted {
    const values = this.results();
    const outputs = Object.fromEntries(this.func.results.map(({ name }, i) => [name, this.owned(values[i] as HostTensor)]));
    return { outputs, taps: this.taps };
  }

  /** The returned values, arrays of inputs and constants perhaps among them. */
  private results(): readonly HostTensor[] {
    const { func, options } = this;
    const lastUses = lastUsesOf(func);
    for (const [index, op] of func.ops.entries()) {
      if (this.world.signal?.aborted)
        throw new TersorError({
          code: "E0518",
          message: `the run was stopped before op ${index} of ${func.ops.length}`,
          where: `@${func.name}`,
        });
      const start = options.onOp ? performance.now() : 0;
      this.step(op);
      options.onOp?.(op, performance.now() - start);
      for (const id of lastUses[index] ?? []) this.values[id] = undefined;
    }
    return func.returns.map((operand) => this.operand(operand));
  }

  private step(op: Op): void {
    const inputs = op.operands.map((operand) => (operand === null ? null : this.operand(operand)));
    const declared = op.results.map((id) => boundType(this.func.values[id]?.type ?? { dtype: "f32", shape: [] }, this.bindings));
    const { registry, budget } = this.world;
    const results = this.located(op, () => evaluateOp(registry, op.name, inputs, this.attrsOf(op), declared, budget, this.call));
    op.results.forEach((id, i) => {
      const [result, type] = [results[i], declared[i]];
      if (!result || !type) throw new RangeError(`${op.name} gave ${results.length} results for ${op.results.length}`);
      bindSymbols(type, result.shape, this.bindings);
      this.define(id, result);
    });
  }

  /** Each call is a step of its own, so that a loop around nothing ends too. */
  private readonly call: CallFunction = (name, inputs) => {
    const { world } = this;
    const func = world.module.functions.get(name);
    if (!func) throw new TersorError({ code: "E0519", message: `module @${world.module.name} has no function @${name}` });
    world.budget?.charge(`@${name}`, 1);
    if (world.signal?.aborted) throw new TersorError({ code: "E0518", message: "the run was stopped", where: `@${name}` });
    const named = func.params.flatMap((id, i) => (inputs[i] ? [[func.values[id]?.name ?? String(id), inputs[i]] as const] : []));
    return new Run(world, func, Object.fromEntries(named), {}).results();
  };

  private attrsOf(op: Op): AttrDict {
    return symbolicOps(this.func).has(op) ? boundAttrs(op.attrs, this.bindings) : op.attrs;
  }

  /** Problems of an op, with its place in the function; those of a called function have theirs. */
  private located<T>(op: Op, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof TersorError)) throw error;
      const result = op.results.map((id) => `%${this.func.values[id]?.name ?? id}`).join(", ");
      const place = { where: `@${this.func.name}, ${result} = ${op.name}`, ...(op.loc.length > 0 ? { loc: op.loc } : {}) };
      throw new TersorError(error.problems.map((problem): Problem => ({ ...place, ...problem })));
    }
  }

  private define(id: ValueId, tensor: HostTensor): void {
    this.values[id] = tensor;
    const tap = this.tapped.get(id);
    if (tap !== undefined) this.taps[tap] = this.owned(tensor);
  }

  private operand(operand: Operand): HostTensor {
    if (typeof operand === "string") return this.constant(operand);
    const tensor = operand === null ? undefined : this.values[operand];
    if (!tensor) throw new RangeError(`@${this.func.name}: value ${operand} is used before it is defined`);
    return tensor;
  }

  private constant(name: string): HostTensor {
    const { module, registry, constants, budget } = this.world;
    return evaluateConstant(module, registry, name, constants, budget);
  }

  /** The tensor, copied when its array is an input's or a constant's: whoever gets an output may write into it. */
  private owned(tensor: HostTensor): HostTensor {
    const shared = this.foreign.has(tensor.data) || [...this.world.constants.values()].some((constant) => constant.data === tensor.data);
    return shared ? { ...tensor, data: tensor.data.slice() } : tensor;
  }
}

function checkTaps(func: Func, taps: readonly string[]): void {
  const names = new Set(func.values.map((value) => value.name));
  const unknown = taps.find((tap) => !names.has(tap));
  if (unknown !== undefined)
    throw new TersorError({ code: "E0517", message: `there is no value %${unknown} to tap`, where: `@${func.name}` });
}

const evaluated = new WeakMap<OpRegistry, WeakMap<Module, Map<string, HostTensor>>>();

/** Values of the module's constants, as far as they were evaluated: modules do not change. */
function constantsOf(module: Module, registry: OpRegistry): Map<string, HostTensor> {
  const modules = evaluated.get(registry) ?? new WeakMap<Module, Map<string, HostTensor>>();
  const constants = modules.get(module) ?? new Map<string, HostTensor>();
  evaluated.set(registry, modules.set(module, constants));
  return constants;
}

const lastUses = new WeakMap<Func, readonly (readonly ValueId[])[]>();

/** For each op the values that nothing needs after it. */
function lastUsesOf(func: Func): readonly (readonly ValueId[])[] {
  const known = lastUses.get(func);
  if (known) return known;
  const seen = new Set<ValueId>(func.returns.filter((operand): operand is ValueId => typeof operand === "number"));
  const uses: ValueId[][] = func.ops.map(() => []);
  for (let index = func.ops.length - 1; index >= 0; index--) {
    const op = func.ops[index] as Op;
    for (const id of [...op.operands, ...op.results]) {
      if (typeof id !== "number" || seen.has(id)) continue;
      seen.add(id);
      (uses[index] as ValueId[]).push(id);
    }
  }
  lastUses.set(func, uses);
  return uses;
}

const symbolic = new WeakMap<Func, ReadonlySet<Op>>();

/** Ops with a symbolic size among their attributes. */
function symbolicOps(func: Func): ReadonlySet<Op> {
  const ops = symbolic.get(func) ?? new Set(func.ops.filter((op) => hasDims(op.attrs)));
  symbolic.set(func, ops);
  return ops;
}
