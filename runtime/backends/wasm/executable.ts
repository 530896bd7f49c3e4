/**
 * @file A plan in one WebAssembly memory. From low to high: what lives as long as the executable (constants that `main` reads, results of `init`), then one arena, first for `init`
 * and its temporaries, afterwards for each run of `main`. Sizes, addresses and calls are worked out once per binding of the symbols.
 */
import type { Executable, Plan, PlanConstant, PlanOperand, PlanStep, StepTime } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, demandWork, type RunLimits, span } from "../../limits.ts";
import { boundAttrs } from "../../step/bound-attrs.ts";
import { Tensor } from "../../tensor.ts";
import { align, alignment } from "./arena.ts";
import type { Kernels } from "./gen/kernels.generated.ts";
import type { TensorAt, WasmKernel } from "./kernel.ts";
import { bytesOf, Layout, type Shapes } from "./layout.ts";
import type { MemoryViews } from "./memory.ts";

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

/** `main` for one binding of the symbols. */
interface Bound {
  readonly calls: readonly (() => void)[];
  /** Step of `main` that each call belongs to. */
  readonly steps: readonly number[];
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

  private readonly limits: RunLimits;

  constructor(plan: Plan, linked: Linked, limits: RunLimits = defaultLimits) {
    this.plan = plan;
    this.linked = linked;
    this.limits = limits;
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
    const bound = this.start(inputs, bindings);
    for (const call of bound.calls) call();
    const bytes = this.live().memory.u8;
    return bound.outputs.map((at) => Tensor.fromBytes(at.dtype, bytes.slice(at.ptr, at.ptr + bytesOf(at)), at.shape));
  }

  profile(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>, now: () => number): readonly StepTime[] {
    const { calls, steps } = this.start(inputs, bindings);
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
  private start(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): Bound {
    const { memory } = this.live();
    const bound = this.boundTo(bindings);
    inputs.forEach((input, i) => {
      const place = bound.inputs[i];
      if (place) memory.u8.set(input.bytes(), place.ptr);
    });
    return bound;
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

  private boundTo(bindings: ReadonlyMap<string, number>): Bound {
    const key = [...bindings].map(([symbol, size]) => `${symbol}=${size}`).join(",");
    const bound = this.bound.get(key) ?? this.bindMain(bindings);
    this.bound.delete(key);
    this.bound.set(key, bound);
    const [oldest] = this.bound.keys();
    if (this.bound.size > keptBindings && oldest !== undefined) this.bound.delete(oldest);
    return bound;
  }

  private bindMain(bindings: ReadonlyMap<string, number>): Bound {
    const { main, inputCount } = this.plan;
    const layout = this.layout(main, bindings);
    this.checkWork(layout, bindings, "a run with these shapes");
    for (const [constant, address] of this.constantAt) layout.fix(main.values.length + constant, address);
    this.prepared.forEach((tensor, i) => {
      layout.fix(inputCount + i, tensor.ptr);
    });
    this.live().memory.ensure(layout.place(this.arenaAt));
    const bound = main.steps.flatMap((step, i) => {
      const call = this.bind(layout, step, i, bindings);
      return call ? { call, step: i } : [];
    });
    const inputs = Array.from({ length: inputCount }, (_, value) => tensorAt(layout, { kind: "value", value }));
    const [calls, steps] = [bound.map((b) => b.call), bound.map((b) => b.step)];
    return { calls, steps, inputs, outputs: main.returns.map((operand) => tensorAt(layout, operand)) };
  }

  /** The step ready to call; null for a view, which has nothing to do. */
  private bind(layout: Layout, step: PlanStep, index: number, bindings: ReadonlyMap<string, number>): (() => void) | null {
    const { find, kernels, memory } = this.live();
    const { kernel, exports } = find(step.kernel);
    const operands = step.operands.map((operand) => layout.tensor(operand));
    const results = step.results.map((value) => tensorAt(layout, { kind: "value", value }));
    if (kernel.view) {
      checkView(step, operands, results);
      return null;
    }
    const { origin } = step;
    const attrs = boundAttrs(step.attrs, bindings);
    return kernel.bind({ kernel: step.kernel, origin, attrs, operands, results, kernels, scratch: layout.scratch(index), memory, exports });
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
