/**
 * @file A mixed plan cut into plans of one backend each. A segment is a run of steps of one backend; the copies in it are where values come from the other side. What each segment takes and
 * gives follows from where its values lie, which the steps say: a result lies on its step's backend, a public input in the host's memory if a kernel of the companion reads it, else on the
 * device.
 */
import { copyKernel, type Plan, type PlanFunction, type PlanOperand, type PlanStep, type PlanType } from "../../../backend.ts";
import { RuntimeError } from "../../../errors.ts";
import { bareSymbol } from "../../../plan-dim.ts";

/** Each is an executable with memory of its own; no compiler writes as many. */
const mostSegments = 256;

export type Home = "own" | "companion";

/** A result of a segment: a value of the whole plan, and where it is to be. */
export interface SegmentOutput {
  readonly value: number;
  readonly place: "host" | "device";
}

export interface Segment {
  readonly home: Home;
  /** Its own plan: `main` takes the values of `inputs`, then what its `init` makes, and returns those of `outputs`. */
  readonly plan: Plan;
  readonly inputs: readonly number[];
  readonly outputs: readonly SegmentOutput[];
}

export interface Segmented {
  readonly segments: readonly Segment[];
  /** Where each result of the plan comes from: a value, copies seen through. */
  readonly returns: readonly number[];
  /** Public inputs that are wanted in the host's memory. */
  readonly hostInputs: ReadonlySet<number>;
}

/** @throws RuntimeError R0407 for a plan whose steps do not fit together */
export function segmentsOf(plan: Plan): Segmented {
  return new Cutting(plan).cut();
}

class Cutting {
  private readonly plan: Plan;
  /** Of each value of `main`: the one that it is a copy of, or itself. */
  private readonly roots: Int32Array;
  private readonly homes: readonly Home[];

  constructor(plan: Plan) {
    this.plan = plan;
    this.roots = Int32Array.from(plan.main.values, (_, i) => i);
    for (const step of plan.main.steps) {
      if (step.kernel !== copyKernel) continue;
      demand(step.operands.length === step.results.length, step, "it copies another number of values than it has results");
      step.operands.forEach((operand, i) => {
        demand(operand.kind === "value", step, "it copies what is no value");
        this.roots[step.results[i] as number] = this.roots[operand.value] as number;
      });
    }
    this.homes = this.homesOf();
    this.checkHomes();
  }

  cut(): Segmented {
    const { main, inputCount } = this.plan;
    const returns = main.returns.map((operand, i) => this.returnedValue(operand) ?? constantResult(i));
    const runs = this.runs();
    if (runs.length > mostSegments)
      throw new RuntimeError("R0407", `it changes backends more than ${mostSegments} times`, `plan ${this.plan.target}`);
    const segments = runs.map((steps, at) => this.segment(steps, runs.slice(at + 1), runs.slice(0, at), returns));
    const hostInputs = new Set(
      Array.from({ length: inputCount }, (_, value) => value).filter((value) => this.homes[value] === "companion"),
    );
    const constant = this.constantSegment();
    return { segments: constant ? [...segments, constant] : segments, returns, hostInputs };
  }

  private homesOf(): readonly Home[] {
    const { main, init, inputCount } = this.plan;
    const homes: Home[] = main.values.map(() => "own");
    for (const step of main.steps) for (const result of step.results) homes[result] = homeOf(step);
    for (const step of main.steps) {
      if (step.kernel === copyKernel || homeOf(step) === "own") continue;
      for (const operand of step.operands) if (operand.kind === "value" && operand.value < inputCount) homes[operand.value] = "companion";
    }
    const made = initHomes(init);
    init.returns.forEach((operand, i) => {
      if (operand.kind === "value") homes[inputCount + i] = made[operand.value] as Home;
    });
    return homes;
  }

  /** Kernels read what lies on their side, copies what lies on the other. */
  private checkHomes(): void {
    for (const step of this.plan.main.steps) {
      for (const operand of step.operands) {
        if (operand.kind !== "value") continue;
        const same = this.homes[operand.value] === homeOf(step);
        demand(
          same === (step.kernel !== copyKernel),
          step,
          `value ${operand.value} lies ${same ? "there already" : "on the other backend"}`,
        );
      }
    }
  }

  /** null: a constant, or what `init` made. */
  private returnedValue(operand: PlanOperand): number | null {
    const { inputCount, main } = this.plan;
    if (operand.kind !== "value") return null;
    const root = this.roots[operand.value] as number;
    return root >= inputCount && root < main.params ? null : root;
  }

  /** Gives the results that no step makes; null where there are none. */
  private constantSegment(): Segment | null {
    const { main, inputCount, init } = this.plan;
    const given = main.returns.flatMap((operand, i) => (this.returnedValue(operand) === null ? [{ operand, i }] : []));
    if (given.length === 0) return null;
    const weights = given.flatMap(({ operand }) => (operand.kind === "value" ? [operand.value] : []));
    const returned = weights.map((value) => init.returns[value - inputCount] as PlanOperand);
    const ids = new Map(weights.map((value, i) => [value, i]));
    const plan: Plan = {
      ...this.plan,
      init: initPart(init, returned, "own"),
      main: {
        values: weights.map((value) => main.values[value] as PlanType),
        params: weights.length,
        steps: [],
        returns: given.map(({ operand }) => moved(operand, (value) => ids.get(value) as number)),
      },
      inputCount: 0,
    };
    return { home: "own", plan, inputs: [], outputs: given.map(({ i }) => ({ value: constantResult(i), place: "host" })) };
  }

  /** Steps of one backend in a row; copies belong to the side that they bring values to. */
  private runs(): readonly (readonly PlanStep[])[] {
    const runs: PlanStep[][] = [];
    for (const step of this.plan.main.steps) {
      const last = runs[runs.length - 1];
      if (last?.[0] && homeOf(last[0]) === homeOf(step)) last.push(step);
      else runs.push([step]);
    }
    return runs;
  }

  private segment(
    steps: readonly PlanStep[],
    later: readonly (readonly PlanStep[])[],
    earlier: readonly (readonly PlanStep[])[],
    returns: readonly number[],
  ): Segment {
    const home = homeOf(steps[0] as PlanStep);
    const made = new Set(steps.flatMap((step) => (step.kernel === copyKernel ? [] : step.results)));
    const inputs = this.read(steps).filter((value) => !made.has(value));
    const readLater = { own: this.readBy(later, "own"), companion: this.readBy(later, "companion") };
    const outputs: SegmentOutput[] = [...made].flatMap((value): SegmentOutput[] => {
      const onHost = returns.includes(value) || readLater.companion.has(value) || (home === "companion" && readLater.own.has(value));
      const onDevice = home === "own" && readLater.own.has(value);
      return [...(onHost ? [{ value, place: "host" as const }] : []), ...(onDevice ? [{ value, place: "device" as const }] : [])];
    });
    if (home === "own") {
      // What is brought to the device for the first time stays there for later segments.
      const before = this.readBy(earlier, "own");
      for (const value of inputs) {
        const isNew = this.madeBy(value) !== "own" && !before.has(value);
        if (isNew && readLater.own.has(value)) outputs.push({ value, place: "device" });
      }
    }
    return { home, plan: this.subPlan(home, steps, inputs, outputs), inputs, outputs };
  }

  private madeBy(value: number): Home | null {
    return value < this.plan.inputCount ? null : (this.homes[value] as Home);
  }

  /** Values, copies seen through, that the kernels of these steps read; not what `init` makes. */
  private read(steps: readonly PlanStep[]): readonly number[] {
    const { inputCount, main } = this.plan;
    const operands = steps.flatMap((step) => (step.kernel === copyKernel ? [] : step.operands));
    const values = operands.flatMap((operand) => (operand.kind === "value" ? [this.roots[operand.value] as number] : []));
    return [...new Set(values)].filter((value) => value < inputCount || value >= main.params);
  }

  private readBy(runs: readonly (readonly PlanStep[])[], home: Home): ReadonlySet<number> {
    return new Set(runs.flatMap((steps) => (homeOf(steps[0] as PlanStep) === home ? this.read(steps) : [])));
  }

  private subPlan(home: Home, steps: readonly PlanStep[], inputs: readonly number[], outputs: readonly SegmentOutput[]): Plan {
    const { main, inputCount, init } = this.plan;
    const kernels = steps.filter((step) => step.kernel !== copyKernel);
    const read = kernels.flatMap(({ operands }) => operands.flatMap((o) => (o.kind === "value" ? [this.roots[o.value] as number] : [])));
    const weights = [...new Set(read)].filter((value) => value >= inputCount && value < main.params);
    const order = [...inputs, ...weights, ...kernels.flatMap(({ results }) => results)];
    const ids = new Map(order.map((value, i) => [value, i]));
    const idOf = (value: number) => ids.get(this.roots[value] as number) as number;
    return {
      ...this.plan,
      init: initPart(
        init,
        weights.map((value) => init.returns[value - inputCount] as PlanOperand),
        home,
      ),
      main: {
        values: order.map((value) => main.values[value] as PlanType),
        params: inputs.length + weights.length,
        steps: kernels.map((step) => renumbered(step, idOf)),
        returns: outputs.map(({ value }) => ({ kind: "value", value: idOf(value) })),
      },
      inputCount: inputs.length,
      symbols: inputSymbols(this.plan),
    };
  }
}

/** What the inputs of the whole plan tell. */
function inputSymbols({ main, inputCount }: Plan): readonly string[] {
  return main.values.slice(0, inputCount).flatMap(({ shape }) => shape.flatMap((dim) => bareSymbol(dim) ?? []));
}

/** What stands for result i of the plan where that is a constant. */
function constantResult(i: number): number {
  return -1 - i;
}

function homeOf({ backend }: PlanStep): Home {
  return backend === undefined || backend === "webgpu" ? "own" : "companion";
}

function initHomes({ values, steps }: PlanFunction): readonly Home[] {
  const homes: Home[] = values.map(() => "own");
  for (const step of steps) for (const result of step.results) homes[result] = homeOf(step);
  return homes;
}

/** The steps of `init` that these results need. */
function initPart(init: PlanFunction, returns: readonly PlanOperand[], home: Home): PlanFunction {
  const needed = new Set(returns.flatMap((operand) => (operand.kind === "value" ? [operand.value] : [])));
  const kept = [...init.steps].reverse().filter((step) => {
    if (!step.results.some((result) => needed.has(result))) return false;
    demand(homeOf(step) === home, step, "what it makes is read on the other backend");
    for (const operand of step.operands) if (operand.kind === "value") needed.add(operand.value);
    return true;
  });
  const steps = kept.reverse();
  const order = steps.flatMap(({ results }) => results);
  const ids = new Map(order.map((value, i) => [value, i]));
  const idOf = (value: number) => ids.get(value) as number;
  return {
    values: order.map((value) => init.values[value] as PlanType),
    params: 0,
    steps: steps.map((step) => renumbered(step, idOf)),
    returns: returns.map((operand) => moved(operand, idOf)),
  };
}

function renumbered({ backend: _, ...step }: PlanStep, idOf: (value: number) => number): PlanStep {
  return { ...step, operands: step.operands.map((operand) => moved(operand, idOf)), results: step.results.map(idOf) };
}

function moved(operand: PlanOperand, idOf: (value: number) => number): PlanOperand {
  return operand.kind === "value" ? { kind: "value", value: idOf(operand.value) } : operand;
}

function demand(holds: boolean, { origin }: PlanStep, message: string): asserts holds {
  if (!holds) throw new RuntimeError("R0407", message, origin);
}
