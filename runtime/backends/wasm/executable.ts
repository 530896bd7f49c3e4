/**
 * @file A plan in one WebAssembly memory. From low to high: what lives as long as the executable (constants that `main` reads, results of `init`), then one arena, first for `init`
 * and its temporaries, afterwards for each run of `main`. Sizes, addresses and calls are worked out once per binding of the symbols. Steps that find sizes out end a stage (stages.ts).
 */
import type { Executable, Plan, PlanConstant, PlanOperand, PlanStep, StepTime } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { checkValueSizes } from "../../interface.ts";
import { defaultLimits, demandWork, type RunLimits, span } from "../../limits.ts";
import { boundAttrs } from "../../step/bound-attrs.ts";
import { Tensor } from "../../tensor.ts";
import { align, alignment } from "./arena.ts";
import type { Kernels } from "./gen/kernels.generated.ts";
import type { KernelCall, TensorAt, WasmKernel } from "./kernel.ts";
import { bytesOf, Layout, type Shapes } from "./layout.ts";
import type { MemoryViews } from "./memory.ts";
import { bindFound, type Stage, stagesOf } from "./stages.ts";

/** A kernel with the exports of the module that it came from. */
export interface LinkedKernel {
  readonly kernel: WasmKernel;
  readonly exports: WebAssembly.Exports;
}

export interface Linked {
  readonly memory: MemoryViews;
  readonly kernels: Kernels;
  /** @throws RuntimeError R0403 */
  find(id: string): LinkedKernel;
}

/** A stage of `main` for one binding of the symbols. */
interface Bound {
  readonly calls: readonly (() => void)[];
  /** Step of `main` that each call belongs to. */
  readonly steps: readonly number[];
  /** Results of the step that finds sizes out, after the calls. */
  readonly find: (() => readonly Tensor[]) | null;
  readonly inputs: readonly TensorAt[];
  readonly outputs: readonly TensorAt[];
}

const noBindings: ReadonlyMap<string, number> = new Map();
const keptBindings = 8;

export class WasmExecutable implements Executable {
  private readonly plan: Plan;
  private linked: Linked | null;
  /** Address of each constant that `main` reads. */
  private readonly constantAt = new Map<number, number>();
  /** What the parameters after the public inputs are. */
  private prepared: readonly TensorAt[] = [];
  private arenaAt = alignment;
  /** Least recently used first. */
  private readonly bound = new Map<string, Bound>();
  private readonly stages: readonly Stage[];

  private readonly limits: RunLimits;

  constructor(plan: Plan, linked: Linked, limits: RunLimits = defaultLimits) {
    this.plan = plan;
    this.linked = linked;
    this.limits = limits;
    this.stages = stagesOf(plan);
  }

  /** Loads constants and runs `init`. */
  initialise(): void {
    const { memory } = this.live();
    const layout = this.layout(this.plan.init, noBindings);
    this.checkWork(layout, noBindings, "loading");
    this.arenaAt = this.placeLasting(layout);
    memory.ensure(layout.place(this.arenaAt));
    for (const [index, address] of this.constantAt) this.writeConstant(index, address);
    this.runInit(layout);
    this.prepared = this.plan.init.returns.map((operand) => tensorAt(layout, operand));
  }

  async run(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): Promise<readonly Tensor[]> {
    return this.runSync(inputs, bindings);
  }

  runSync(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): readonly Tensor[] {
    const host = new Map(inputs.map((tensor, id) => [id, tensor]));
    const sizes = new Map(bindings);
    let outputs: readonly Tensor[] = [];
    for (const stage of this.stages) {
      const bound = this.start(stage, host, sizes);
      for (const call of bound.calls) call();
      const { u8 } = this.live().memory;
      outputs = bound.outputs.map((at) => Tensor.fromBytes(at.dtype, u8.slice(at.ptr, at.ptr + bytesOf(at)), at.shape));
      for (const [i, id] of stage.made.entries()) host.set(id, outputs[i] as Tensor);
      if (stage.finds && bound.find) this.keep(stage.finds, bound.find(), host, sizes);
    }
    return outputs;
  }

  profile(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>, now: () => number): readonly StepTime[] {
    const [stage, more] = this.stages;
    if (!stage || more)
      throw new RuntimeError("R0315", "sizes are found out on the way, between stages that cannot be timed as one", "wasm");
    const { calls, steps } = this.start(stage, new Map(inputs.map((tensor, id) => [id, tensor])), bindings);
    const stamps = new Float64Array(calls.length + 1);
    stamps[0] = now();
    for (let i = 0; i < calls.length; i++) {
      (calls[i] as () => void)();
      stamps[i + 1] = now();
    }
    return steps.map((step, i) => ({ step, time: (stamps[i + 1] as number) - (stamps[i] as number) }));
  }

  dispose(): void {
    this.linked = null;
    this.bound.clear();
    this.prepared = [];
  }

  /** The calls for these bindings, with the inputs in place. */
  private start(stage: Stage, host: ReadonlyMap<number, Tensor>, bindings: ReadonlyMap<string, number>): Bound {
    const { memory } = this.live();
    const bound = this.boundTo(stage, bindings);
    stage.copied.forEach((id, i) => {
      const [place, tensor] = [bound.inputs[i], host.get(id)];
      if (place && tensor) memory.u8.set(tensor.bytes(), place.ptr);
    });
    return bound;
  }

  /** What a step found out, for the stages that follow. */
  private keep(step: PlanStep, found: readonly Tensor[], host: Map<number, Tensor>, bindings: Map<string, number>): void {
    bindFound(this.plan.main, step, found, bindings);
    for (const [i, id] of step.results.entries()) host.set(id, found[i] as Tensor);
  }

  private live(): Linked {
    if (!this.linked) throw new RuntimeError("R0402", "the executable was disposed", "wasm");
    return this.linked;
  }

  private layout(func: Plan["main"], bindings: ReadonlyMap<string, number>): Layout {
    const { constants } = this.plan;
    return new Layout({
      func,
      constants,
      bindings,
      isView: (step) => this.live().find(step.kernel).kernel.view === true,
      scratch: (step, shapes) => this.scratchBytes(step, shapes, bindings),
    });
  }

  /** Before anything is placed: what a step asks for as scratch follows from the same sizes. @throws RuntimeError R0410 */
  private checkWork({ func, shapes }: Layout, bindings: ReadonlyMap<string, number>, what: string): void {
    let work = 0;
    for (const step of func.steps) {
      work += this.stepWork(step, shapes, bindings);
      demandWork(work, this.limits, what, step.origin);
    }
  }

  private stepWork(step: PlanStep, shapes: Shapes, bindings: ReadonlyMap<string, number>): number {
    const { find, kernels } = this.live();
    const { kernel } = find(step.kernel);
    if (kernel.view) return 0;
    const { operands, results } = shapesOf(step, shapes);
    const moved = [...operands, ...results].reduce((sum, tensor) => sum + (tensor ? span(tensor.shape) : 0), 0);
    if (!kernel.work) return moved;
    const attrs = boundAttrs(step.attrs, bindings);
    return moved + kernel.work({ kernel: step.kernel, origin: step.origin, attrs, operands, results, kernels });
  }

  private scratchBytes(step: PlanStep, shapes: Shapes, bindings: ReadonlyMap<string, number>): number {
    const { find, kernels } = this.live();
    const { kernel } = find(step.kernel);
    if (!kernel.scratch) return 0;
    const { operands, results } = shapesOf(step, shapes);
    const attrs = boundAttrs(step.attrs, bindings);
    return kernel.scratch({ kernel: step.kernel, origin: step.origin, attrs, operands, results, kernels });
  }

  /** Fixes the addresses of what `main` will read; returns where the arena starts. */
  private placeLasting(init: Layout): number {
    let end = alignment; // address 0 means absent
    const fix = (storage: number | null) => {
      if (storage === null || init.isPlaced(storage)) return;
      init.fix(storage, end);
      const constant = storage - this.plan.init.values.length;
      if (constant >= 0) this.constantAt.set(constant, end);
      end += align(Math.max(1, init.storageBytes(storage)));
    };
    const { main } = this.plan;
    for (const operand of [...main.steps.flatMap((step) => step.operands), ...main.returns]) {
      if (operand.kind === "constant") fix(init.storageOf(operand));
    }
    for (const operand of this.plan.init.returns) fix(init.storageOf(operand));
    return end;
  }

  /** Other constants are written just before the first step that reads them: their bytes are somebody else's before and after. */
  private runInit(layout: Layout): void {
    const written = new Set(this.constantAt.keys());
    this.plan.init.steps.forEach((step, i) => {
      for (const operand of step.operands) {
        if (operand.kind !== "constant" || written.has(operand.constant)) continue;
        written.add(operand.constant);
        this.writeConstant(operand.constant, tensorAt(layout, operand).ptr);
      }
      this.bind(layout, step, i, noBindings)?.();
    });
  }

  private writeConstant(index: number, address: number): void {
    const constant = this.plan.constants[index] as PlanConstant;
    this.live().memory.u8.set(constant.bytes(), address);
  }

  private boundTo(stage: Stage, bindings: ReadonlyMap<string, number>): Bound {
    const key = [stage.index, ...[...bindings].map(([symbol, size]) => `${symbol}=${size}`)].join(",");
    const bound = this.bound.get(key) ?? this.bindStage(stage, bindings);
    this.bound.delete(key);
    this.bound.set(key, bound);
    const [oldest] = this.bound.keys();
    if (this.bound.size > keptBindings * this.stages.length && oldest !== undefined) this.bound.delete(oldest);
    return bound;
  }

  private bindStage({ func, copied, prepared, firstStep, finds }: Stage, bindings: ReadonlyMap<string, number>): Bound {
    if (this.stages.length > 1) checkValueSizes(func.values, bindings);
    const layout = this.layout(func, bindings);
    this.checkWork(layout, bindings, "a run with these shapes");
    for (const [constant, address] of this.constantAt) layout.fix(func.values.length + constant, address);
    prepared.forEach((index, i) => {
      layout.fix(copied.length + i, (this.prepared[index] as TensorAt).ptr);
    });
    this.live().memory.ensure(layout.place(this.arenaAt));
    const last = finds ? func.steps.length - 1 : -1;
    const bound = func.steps.flatMap((step, i) => {
      const call = i === last ? null : this.bind(layout, step, i, bindings);
      return call ? [{ call, step: firstStep + i }] : [];
    });
    const inputs = copied.map((_, value) => tensorAt(layout, { kind: "value", value }));
    return {
      calls: bound.map((b) => b.call),
      steps: bound.map((b) => b.step),
      find: finds ? this.finder(layout, func.steps[last] as PlanStep, last, bindings) : null,
      inputs,
      outputs: func.returns.map((operand) => tensorAt(layout, operand)),
    };
  }

  /** @throws RuntimeError R0407 for a kernel that knows the sizes of its results from the start */
  private finder(layout: Layout, step: PlanStep, index: number, bindings: ReadonlyMap<string, number>): () => readonly Tensor[] {
    const { kernel, call } = this.callOf(layout, step, index, bindings);
    if (!kernel.find) throw new RuntimeError("R0407", `kernel ${step.kernel} does not find sizes out`, step.origin);
    return kernel.find(call);
  }

  /** The step ready to call; null for a view, which has nothing to do. */
  private bind(layout: Layout, step: PlanStep, index: number, bindings: ReadonlyMap<string, number>): (() => void) | null {
    const { kernel, call } = this.callOf(layout, step, index, bindings);
    if (!kernel.view) return kernel.bind(call);
    checkView(step, call.operands, call.results);
    return null;
  }

  private callOf(layout: Layout, step: PlanStep, index: number, bindings: ReadonlyMap<string, number>) {
    const { find, kernels, memory } = this.live();
    const { kernel, exports } = find(step.kernel);
    const operands = step.operands.map((operand) => layout.tensor(operand));
    const results = step.results.map((value) => tensorAt(layout, { kind: "value", value }));
    const attrs = boundAttrs(step.attrs, bindings);
    const scratch = layout.scratch(index);
    const call: KernelCall = { kernel: step.kernel, origin: step.origin, attrs, operands, results, kernels, scratch, memory, exports };
    return { kernel, call };
  }
}

function shapesOf(step: PlanStep, shapes: Shapes) {
  return { operands: step.operands.map((operand) => shapes.operand(operand)), results: step.results.map((value) => shapes.value(value)) };
}

function tensorAt(layout: Layout, operand: PlanOperand): TensorAt {
  const tensor = layout.tensor(operand);
  if (!tensor) throw new RuntimeError("R0407", "an absent operand where a value is needed", "wasm");
  return tensor;
}

function checkView(step: PlanStep, [source]: readonly (TensorAt | null)[], [result]: readonly TensorAt[]): void {
  if (source && result && step.results.length === 1 && bytesOf(source) === bytesOf(result)) return;
  throw new RuntimeError(
    "R0407",
    `kernel ${step.kernel} keeps the bytes of its operand, but operand and result differ in size`,
    step.origin,
  );
}
