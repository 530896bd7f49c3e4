/** @file Times a plan step by step where the backend can, and whole runs: medians, corrected by the reference kernel's time just before and after. */
import { byteLengthOf, type Module, type OpRegistry, TersorError } from "../../../ir-spec/index.ts";
import { type Backend, load, type Session, Tensor } from "../../../runtime/index.ts";
import { type EmitOptions, emitFile } from "../../emit/emit.ts";
import { planFor, sourceSteps } from "../../lower/plan.ts";
import type { TargetSpec } from "../../target/target.ts";
import { compilerVersion } from "../../version.ts";
import type { CostContext } from "../family.ts";
import { contextOf, type PlanStepCost } from "../predict.ts";
import { type CostStep, type DimSizes, sizedStep, unitSizes } from "../step.ts";
import { median, type ReferenceKernel } from "./reference.ts";

export interface Measured {
  readonly name: string;
  /** Each step with its microseconds; null where the backend times whole runs only. */
  readonly steps: readonly { readonly step: CostStep; readonly microseconds: number | null }[];
  readonly context: CostContext;
  /** Microseconds of a whole run, inputs in and outputs out. */
  readonly run: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

export interface MeasureOptions {
  readonly target: TargetSpec;
  readonly backend: Backend;
  readonly registry: OpRegistry;
  readonly reference: ReferenceKernel;
  /** Milliseconds of timed runs of one network, step by step where that can be; at least five blocks of runs are made. */
  readonly budget?: number;
  /** Sizes of symbols; others are 1. */
  readonly sizes?: DimSizes;
  /** The same for whole runs; default `budget`. */
  readonly runBudget?: number;
}

/** Times in multiples of the reference kernel's, times `standard`: microseconds on a machine where the reference kernel takes that. */
export async function measure(name: string, module: Module, standard: number, options: MeasureOptions): Promise<Measured> {
  const { target, backend, registry, reference, budget = 40, runBudget = budget, sizes = unitSizes } = options;
  const { steps: planned, emitted } = planOf(module, target, registry);
  const session = await load(emitFile({ ...emitted, build: { tersor: compilerVersion, pipeline: "" } }), { backends: [backend] });
  try {
    const inputs = inputsOf(session, sizes);
    const run = async () => {
      const start = performance.now();
      await session.run(inputs);
      return [performance.now() - start];
    };
    const [whole = Number.NaN] = await relativeTimes(run, reference, runBudget);
    const profile = async () => session.profile(inputs).map(({ ms }) => ms);
    const single = hasProfile(session, inputs) ? await relativeTimes(profile, reference, budget) : null;
    const stepTimes = single && perStep(planned, session, inputs, single, standard);
    const steps = planned.map((step, i) => ({ step: sizedStep(step, sizes), microseconds: stepTimes?.get(i) ?? null }));
    const bytes = (tensors: Readonly<Record<string, Tensor>>) => Object.values(tensors).reduce((n, t) => n + t.bytes().length, 0);
    const outputs = await session.run(inputs);
    return {
      name,
      steps,
      context: contextOf(steps.map(({ step }) => step)),
      run: whole * standard,
      inputBytes: bytes(inputs),
      outputBytes: bytes(outputs),
    };
  } finally {
    session.dispose();
  }
}

/** A target without kernels runs the source. */
function planOf(
  module: Module,
  target: TargetSpec,
  registry: OpRegistry,
): { readonly steps: readonly PlanStepCost[]; readonly emitted: Omit<EmitOptions, "build"> } {
  if (!target.manifest) return { steps: sourceSteps(module, registry).steps, emitted: { source: module, plans: [] } };
  const { steps, module: plan } = planFor(module, target, registry);
  return { steps, emitted: { plans: [{ target: target.name, module: plan }] } };
}

/** A block of runs lasts about as long as the reference kernel, so that both meet the same disturbances. */
const blockMilliseconds = 0.5;

/**
 * Times as multiples of the reference kernel's, which runs after each block: medians over blocks for `budget` milliseconds, after a quarter of it as warm-up. A median over runs
 * within the block comes first, so that one interrupted run does not count.
 */
export async function relativeTimes(
  once: () => Promise<readonly number[]>,
  reference: ReferenceKernel,
  budget: number,
): Promise<readonly number[]> {
  const start = performance.now();
  for (let i = 0; i < 3 || performance.now() - start < budget / 4; i++) await once();
  const blocks: (readonly number[])[] = [];
  const timed = performance.now();
  while (blocks.length < 5 || performance.now() - timed < budget) {
    const rows = await block(once);
    const unit = reference.time(1) / 1000;
    blocks.push(medians(rows).map((ms) => ms / unit));
  }
  return medians(blocks);
}

async function block(once: () => Promise<readonly number[]>): Promise<readonly (readonly number[])[]> {
  const rows: (readonly number[])[] = [];
  const start = performance.now();
  do rows.push(await once());
  while (performance.now() - start < blockMilliseconds);
  return rows;
}

function medians(rows: readonly (readonly number[])[]): readonly number[] {
  return (rows[0] ?? []).map((_, i) => median(rows.map((row) => row[i] as number)));
}

function hasProfile(session: Session, inputs: Readonly<Record<string, Tensor>>): boolean {
  try {
    session.profile(inputs);
    return true;
  } catch (error) {
    if ((error as { readonly code?: string }).code === "R0315") return false;
    throw error;
  }
}

/** By index among the plan's steps. */
function perStep(
  planned: readonly PlanStepCost[],
  session: Session,
  inputs: Readonly<Record<string, Tensor>>,
  times: readonly number[],
  standard: number,
): ReadonlyMap<number, number> {
  const profiled = session.profile(inputs);
  const wrong = profiled.find(({ step, kernel }) => planned[step]?.kernel !== kernel);
  if (wrong)
    throw new TersorError({
      code: "E0812",
      message: `step ${wrong.step} ran ${wrong.kernel}, the plan has ${planned[wrong.step]?.kernel}`,
    });
  return new Map(profiled.map(({ step }, i) => [step, (times[i] as number) * standard]));
}

/** Small numbers for floats; zeros for integers, which are indices more often than not. */
export function inputsOf(session: Session, sizes: DimSizes = unitSizes): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(
    Object.entries(session.inputs).map(([name, { dtype, shape }]) => {
      const dims = shape.map((dim) => (typeof dim === "number" ? dim : (sizes.get(dim) ?? 1)));
      const count = dims.reduce((n, d) => n * d, 1);
      if (dtype === "f32")
        return [
          name,
          new Tensor(
            "f32",
            Float32Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 101 - 0.4),
            dims,
          ),
        ];
      return [name, Tensor.fromBytes(dtype, new Uint8Array(byteLengthOf(dtype, count)), dims)];
    }),
  );
}
