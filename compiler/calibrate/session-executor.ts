/**
 * @file The executor over a runtime backend: lowers the module with the tapped values as further results, loads the plan and runs it. Calibration goes through it, since
 * the interpreter takes a hundred times as long over a convolution. Which backend is the caller's choice; what its target has no kernel for goes to `fallback`.
 */
import {
  decodeTensor,
  encodeTensor,
  type HostTensor,
  type Module,
  mainFunction,
  type OpRegistry,
  TersorError,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { type Backend, load, type Session, Tensor } from "../../runtime/index.ts";
import { emitFile } from "../emit/emit.ts";
import { lower } from "../lower/lower.ts";
import type { Executor, ExecutorResult } from "../pass/pass.ts";
import type { TargetSpec } from "../target/target.ts";
import { compilerVersion } from "../version.ts";

export interface SessionExecutorOptions {
  readonly registry: OpRegistry;
  /** Its plan is made of the backend's kernels: `wasm-simd` for `wasm()`. */
  readonly target: TargetSpec;
  readonly backend: Backend;
  /** Runs modules that the target has no kernels for; without one they are error E0801. */
  readonly fallback?: Executor;
}

export interface SessionExecutor extends Executor {
  /** Gives the sessions' memory back. Runs after it open new ones. */
  dispose(): void;
}

/** Sessions are kept per module object and set of taps. */
export function sessionExecutor(options: SessionExecutorOptions): SessionExecutor {
  const open = new Map<string, { readonly module: Module; readonly runner: Promise<Runner> }>();
  return {
    async run(module, inputs, { taps = [] } = {}) {
      const key = JSON.stringify(taps);
      let entry = open.get(key);
      if (entry?.module !== module) {
        if (entry) await close(entry.runner);
        entry = { module, runner: makeRunner(module, taps, options) };
        open.set(key, entry);
      }
      return (await entry.runner).run(inputs);
    },
    dispose() {
      for (const { runner } of open.values()) void close(runner);
      open.clear();
    },
  };
}

interface Runner {
  run(inputs: Readonly<Record<string, HostTensor>>): Promise<ExecutorResult>;
  dispose(): void;
}

/** A runner that never came to be has nothing to give back: whoever ran it got the error. */
async function close(runner: Promise<Runner>): Promise<void> {
  const [made] = await Promise.allSettled([runner]);
  if (made.status === "fulfilled") made.value.dispose();
}

async function makeRunner(module: Module, taps: readonly string[], options: SessionExecutorOptions): Promise<Runner> {
  const { target, registry, backend, fallback } = options;
  try {
    const plan = lower(withTaps(module, taps), target, registry);
    const bytes = emitFile({ plans: [{ target: plan.target, module: plan.module }], build: { tersor: compilerVersion, pipeline: "" } });
    return sessionRunner(module, await load(bytes, { backends: [backend] }), taps);
  } catch (error) {
    if (!fallback || !(error instanceof TersorError) || error.code !== "E0801") throw error;
    return { run: (inputs) => fallback.run(module, inputs, { taps }), dispose: () => undefined };
  }
}

function sessionRunner(module: Module, session: Session, taps: readonly string[]): Runner {
  const { results } = mainFunction(module);
  return {
    async run(inputs) {
      const given = Object.entries(inputs).map(([name, tensor]) => [
        name,
        Tensor.fromBytes(tensor.dtype, encodeTensor(tensor), tensor.shape),
      ]);
      const made = await session.run(Object.fromEntries(given));
      const read = (name: string): HostTensor => {
        const tensor = made[name];
        if (!tensor) throw new RangeError(`the session did not return ${name}`);
        return decodeTensor(tensor.dtype, tensor.shape, tensor.bytes());
      };
      const outputs = Object.fromEntries(results.map(({ name }) => [name, read(name)]));
      const tapped = Object.fromEntries(taps.map((name) => [name, inputs[name] ?? read(tapResult(name))]));
      return { outputs, taps: tapped };
    },
    dispose: () => session.dispose(),
  };
}

const tapResult = (name: string): string => `tap:${name}`;

/** Main with the tapped values as further results; parameters are at hand already. @throws TersorError E0517. */
function withTaps(module: Module, taps: readonly string[]): Module {
  const func = mainFunction(module);
  const ids = new Map<string, ValueId>(func.values.flatMap(({ name }, id) => (name === null ? [] : [[name, id] as const])));
  const extra = taps.flatMap((name) => {
    const id = ids.get(name);
    if (id === undefined) throw new TersorError({ code: "E0517", message: `there is no value %${name} to tap`, where: `@${func.name}` });
    return func.params.includes(id) ? [] : [{ name, id }];
  });
  const results = [...func.results, ...extra.map(({ name, id }) => ({ name: tapResult(name), type: valueInfo(func, id).type }))];
  const returns = [...func.returns, ...extra.map(({ id }) => id)];
  return { ...module, functions: new Map([...module.functions, ["main", { ...func, results, returns }]]) };
}
