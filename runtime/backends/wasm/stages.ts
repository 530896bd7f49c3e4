/**
 * @file A plan cut where a step finds out a size: what comes after can be placed only when that step has run. Each stage is a function of its own, laid out by itself in the one arena;
 * values that a later stage reads wait on the host in between. A plan without such steps is one stage, which is `main` itself and copies nothing.
 */
import type { Plan, PlanFunction, PlanOperand, PlanStep } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { bareSymbol, sizeOf } from "../../plan-dim.ts";
import type { Tensor } from "../../tensor.ts";

export interface Stage {
  /** Position among the stages. */
  readonly index: number;
  /** Parameters: `copied`, then `prepared`; the results of `finds` are not among its values. */
  readonly func: PlanFunction;
  /** Values of `main` that are copied in. */
  readonly copied: readonly number[];
  /** Which results of `init` it reads. */
  readonly prepared: readonly number[];
  /** Values of `main` that its returns are; none for the last stage, whose returns are those of `main`. */
  readonly made: readonly number[];
  /** Index in `main` of its first step. */
  readonly firstStep: number;
  /** Its last step, where that finds sizes out. */
  readonly finds: PlanStep | null;
}

const span = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i);

export function stagesOf({ main, inputCount, symbols = [] }: Plan): readonly Stage[] {
  const ends = findingSteps(main, inputCount, symbols);
  if (ends.length === 0) {
    const whole = { index: 0, func: main, copied: span(0, inputCount), prepared: span(0, main.params - inputCount) };
    return [{ ...whole, made: [], firstStep: 0, finds: null }];
  }
  const starts = [0, ...ends.map((end) => end + 1)];
  return starts.map((start, index) => cut(main, inputCount, index, start, ends[index] ?? null));
}

/** Indices of the steps with a result whose size is a symbol that nothing before it told. */
function findingSteps({ values, steps }: PlanFunction, inputCount: number, bound: readonly string[]): readonly number[] {
  const known = new Set(bound);
  const tell = (ids: readonly number[]): boolean => {
    const symbols = ids.flatMap((id) => (values[id]?.shape ?? []).map(bareSymbol));
    const fresh = symbols.filter((symbol): symbol is string => symbol !== null && !known.has(symbol));
    for (const symbol of fresh) known.add(symbol);
    return fresh.length > 0;
  };
  tell(span(0, inputCount));
  return steps.flatMap(({ results }, i) => (tell(results) ? [i] : []));
}

function cut(main: PlanFunction, inputCount: number, index: number, start: number, end: number | null): Stage {
  const steps = main.steps.slice(start, end === null ? undefined : end + 1);
  const finds = end === null ? null : (main.steps[end] as PlanStep);
  const later = end === null ? [] : main.steps.slice(end + 1);
  const defined = new Set(steps.flatMap((step) => (step === finds ? [] : step.results)));
  const read = valuesOf(steps.flatMap(({ operands }) => operands));
  const returned = valuesOf(main.returns);
  const outside = [...new Set([...read, ...(end === null ? returned : [])])].filter((id) => !defined.has(id));
  const wanted = new Set([...valuesOf(later.flatMap(({ operands }) => operands)), ...returned]);
  const made = end === null ? [] : [...defined].filter((id) => wanted.has(id));
  const isPrepared = (id: number) => id >= inputCount && id < main.params;
  const [copied, prepared] = [outside.filter((id) => !isPrepared(id)), outside.filter(isPrepared)];
  const ids = [...copied, ...prepared, ...defined];
  const place = new Map(ids.map((id, i) => [id, i]));
  const moved = (operand: PlanOperand): PlanOperand =>
    operand.kind === "value" ? { kind: "value", value: place.get(operand.value) as number } : operand;
  const func: PlanFunction = {
    values: ids.map((id) => main.values[id] as PlanFunction["values"][number]),
    params: copied.length + prepared.length,
    steps: steps.map((step) => ({
      ...step,
      operands: step.operands.map(moved),
      results: step === finds ? [] : step.results.map((id) => place.get(id) as number),
    })),
    returns: end === null ? main.returns.map(moved) : made.map((id) => ({ kind: "value", value: place.get(id) as number })),
  };
  return { index, func, copied, prepared: prepared.map((id) => id - inputCount), made, firstStep: start, finds };
}

const valuesOf = (operands: readonly PlanOperand[]): readonly number[] =>
  operands.flatMap((operand) => (operand.kind === "value" ? [operand.value] : []));

/** Binds the symbols that the results of `step` introduce. @throws RuntimeError R0407 when they are not of the types that the plan gives them */
export function bindFound(main: PlanFunction, step: PlanStep, tensors: readonly Tensor[], bindings: Map<string, number>): void {
  step.results.forEach((id, i) => {
    const [type, tensor] = [main.values[id], tensors[i]];
    if (!type || tensor?.dtype !== type.dtype || tensor.shape.length !== type.shape.length)
      throw new RuntimeError("R0407", `kernel ${step.kernel} finds no result of the type of value ${id}`, step.origin);
    type.shape.forEach((dim, axis) => {
      const [symbol, size] = [bareSymbol(dim), tensor.shape[axis] as number];
      if (symbol !== null && !bindings.has(symbol)) bindings.set(symbol, size);
      if (sizeOf(dim, bindings) !== size)
        throw new RuntimeError(
          "R0407",
          `axis ${axis} of result ${i} has size ${size}, the plan says ${sizeOf(dim, bindings)}`,
          step.origin,
        );
    });
  });
}
