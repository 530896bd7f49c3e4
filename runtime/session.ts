/**
 * @file `load` and `Session`: a file, checked once, on the first backend that can run it; named and typed inputs and outputs; calls that come while one is running
 * wait in line.
 */
import type { Backend, Executable, Plan } from "./backend.ts";
import type { WeightDecoder } from "./codec/codec.ts";
import { companionsOf } from "./companions.ts";
import { DeviceTensor } from "./device-tensor.ts";
import { RuntimeError } from "./errors.ts";
import { checkValueSizes, ModelInterface, type PortInfo } from "./interface.ts";
import { defaultLimits, type RunLimits } from "./limits.ts";
import { modelInfo, type SessionInfo, type SkippedBackend } from "./model-info.ts";
import { type OpenedFile, openFile } from "./open-file.ts";
import { filePlan, fileTargets } from "./program.ts";
import { type ModelSource, type Progress, readSource } from "./read-source.ts";
import { requireKernels } from "./require-kernels.ts";
import type { Tensor } from "./tensor.ts";

/** As the library `esnext.disposable` declares it: whoever uses the types need not name that library. */
declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

export interface LoadOptions {
  /** Tried in order; the first that can run the file is taken. */
  readonly backends: readonly Backend[];
  /** Only this target's plan. */
  readonly target?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Decoders of plugins for coded weights. */
  readonly codecs?: readonly WeightDecoder[];
  /** Most bytes that coded weights may decode to; default 32 MiB and 16 times the file's length. */
  readonly maxExpandedBytes?: number;
  /** The file that this one holds differences to (codec `delta`). */
  readonly base?: Uint8Array;
  /** Most element operations at load, and of each run: 10^12 unless another number is given. Found from shapes, before anything runs. */
  readonly maxWork?: number;
  /** Most bytes that constants and values may take together: 4 GiB unless another number is given. */
  readonly maxMemory?: number;
}

export interface RunOptions {
  /**
   * "device" leaves the outputs in the device's memory (`DeviceTensor`), where a following run of any session with the same backend object takes them as inputs without a
   * copy to the host. They belong to the caller: `dispose` them. Default "host".
   */
  readonly outputs?: "host" | "device";
}

export interface StepProfile {
  /** Index among the plan's steps. */
  readonly step: number;
  /** Kernel id. */
  readonly kernel: string;
  /** Name of the op that it came from. */
  readonly origin: string;
  readonly ms: number;
}

/** Tensors, or outputs that an earlier run left on the device. */
type Inputs = Readonly<Record<string, Tensor | DeviceTensor>>;

/**
 * Opens a model. Bytes given directly are kept and read from while the session lives: do not change them.
 * @throws RuntimeError R01xx the file, R02xx its program, R04xx no backend could run it (each with its reason)
 */
export async function load(source: ModelSource, options: LoadOptions): Promise<Session> {
  const { signal } = options;
  if (options.backends.length === 0) throw new RuntimeError("R0402", "no backend was given: load(source, { backends: [wasm()] })", "load");
  const bytes = await readSource(source, options);
  const limit = options.maxExpandedBytes;
  const codecs = [...(options.codecs ?? []), ...options.backends.flatMap((backend) => backend.codecs ?? [])];
  const file = openFile(bytes, {
    codecs,
    ...(limit === undefined ? {} : { maxExpandedBytes: limit }),
    ...(options.base === undefined ? {} : { base: options.base }),
  });
  const { maxWork = defaultLimits.maxWork, maxMemory = defaultLimits.maxMemory } = options;
  const skipped: SkippedBackend[] = [];
  for (const backend of options.backends) {
    signal?.throwIfAborted();
    try {
      const plan = choosePlan(file, backend, options.target);
      const companions = companionsOf(plan, backend, options.backends);
      const executable = await start(backend, plan, { maxWork, maxMemory }, companions);
      if (!signal?.aborted) return new Session(file, backend, plan, executable, skipped, companions);
      executable.dispose();
      releaseAll(backend, companions);
    } catch (error) {
      if (!(error instanceof RuntimeError) || !error.code.startsWith("R04")) throw error;
      skipped.push({ backend: backend.name, reason: error.message, error });
    }
    signal?.throwIfAborted();
  }
  throw noBackend(skipped);
}

/** @throws RuntimeError R0405 when the file has no plan that the backend runs */
function choosePlan(file: OpenedFile, backend: Backend, wanted: string | undefined): Plan {
  const target = backend.targets.find((name) => (wanted === undefined || name === wanted) && fileTargets(file).includes(name));
  const plan = target === undefined ? null : filePlan(file, target);
  if (plan) return plan;
  const has = fileTargets(file).join(", ");
  const asked = wanted === undefined ? backend.targets.join(", ") : wanted;
  throw new RuntimeError(
    "R0405",
    `the file was compiled for ${has}; backend ${backend.name} was asked for ${asked}`,
    `backend ${backend.name}`,
  );
}

/** How many sessions use a backend: one backend may serve several, and is disposed with the last. */
const users = new WeakMap<Backend, number>();

function release(backend: Backend): void {
  const left = (users.get(backend) ?? 1) - 1;
  users.set(backend, left);
  if (left === 0) backend.dispose();
}

type Companions = ReadonlyMap<string, Backend>;

function releaseAll(backend: Backend, companions: Companions): void {
  for (const used of [backend, ...companions.values()]) release(used);
}

async function start(backend: Backend, plan: Plan, limits: RunLimits, companions: Companions): Promise<Executable> {
  const all = [backend, ...companions.values()];
  for (const used of all) users.set(used, (users.get(used) ?? 0) + 1);
  try {
    for (const used of all) await used.open();
    requireKernels(backend, plan, companions);
    return await backend.prepare(plan, limits, companions);
  } catch (error) {
    releaseAll(backend, companions);
    throw error instanceof RuntimeError
      ? error
      : new RuntimeError("R0404", `it failed: ${messageOf(error)}`, `backend ${backend.name}`, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function noBackend(skipped: readonly SkippedBackend[]): RuntimeError {
  const [only] = skipped;
  if (only && skipped.length === 1) return only.error;
  return new RuntimeError("R0402", `no backend can run this file: ${skipped.map((s) => `${s.backend}: ${s.reason}`).join("; ")}`, "load");
}

function areHost(tensors: readonly (Tensor | DeviceTensor)[]): tensors is readonly Tensor[] {
  return tensors.every((tensor) => !(tensor instanceof DeviceTensor));
}

export class Session {
  /** Name -> dtype and shape; symbolic sizes are text. */
  readonly inputs: Readonly<Record<string, PortInfo>>;
  readonly outputs: Readonly<Record<string, PortInfo>>;
  readonly info: SessionInfo;
  private readonly model: ModelInterface;
  private readonly backend: Backend;
  private readonly companions: Companions;
  private readonly plan: Plan;
  private readonly executable: Executable;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private disposed = false;
  /** Bindings whose sizes were checked. */
  private readonly checkedBindings = new Set<string>();

  /** Use `load`. */
  constructor(
    file: OpenedFile,
    backend: Backend,
    plan: Plan,
    executable: Executable,
    skipped: readonly SkippedBackend[],
    companions: Companions,
  ) {
    this.model = new ModelInterface(file.view);
    this.inputs = this.model.inputs;
    this.outputs = this.model.outputs;
    this.info = { ...modelInfo(file), backend: backend.name, target: plan.target, skipped };
    this.backend = backend;
    this.companions = companions;
    this.plan = plan;
    this.executable = executable;
  }

  /**
   * Runs the model. Calls that overlap are run one after another, in order.
   * @throws RuntimeError R03xx inputs, before anything runs: R0312 a disposed one, R0313 one on another device; R0314 outputs on a device that is none; R0309 after
   * dispose; R04xx the backend
   */
  run(inputs: Inputs, options?: { readonly outputs?: "host" }): Promise<Record<string, Tensor>>;
  run(inputs: Inputs, options: { readonly outputs: "device" }): Promise<Record<string, DeviceTensor>>;
  run(inputs: Inputs, options?: RunOptions): Promise<Record<string, Tensor | DeviceTensor>>;
  async run(inputs: Inputs, { outputs = "host" }: RunOptions = {}): Promise<Record<string, Tensor | DeviceTensor>> {
    const { tensors, bindings } = this.bind(inputs);
    const execute = this.runner(tensors, outputs);
    this.waiting++;
    const turn = this.queue.then(() => {
      this.refuseDisposed();
      return execute(bindings);
    });
    this.queue = turn.then(
      () => this.leave(),
      () => this.leave(),
    );
    return this.model.name(await turn.catch((error) => Promise.reject(this.backendError(error))));
  }

  /** As `run`, at once. @throws RuntimeError R0310 where the backend is asynchronous, R0311 while a `run` is under way */
  runSync(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const { tensors, bindings } = this.bind(inputs);
    const { name } = this.backend;
    if (!this.executable.runSync) throw new RuntimeError("R0310", "it is asynchronous: use run", `backend ${name}`);
    if (this.waiting > 0) throw new RuntimeError("R0311", "a run is under way: await it first", "session");
    try {
      return this.model.name(this.executable.runSync(tensors, bindings));
    } catch (error) {
      throw this.backendError(error);
    }
  }

  /**
   * One run with a clock before and after each step: what each kernel took here, in milliseconds, in order. Run it several times and take medians; the first runs of a process
   * are slow. Steps that only rename bytes are left out.
   * @throws RuntimeError R0315 where the backend cannot time its steps alone, R0311 while a `run` is under way, R03xx inputs
   */
  profile(inputs: Readonly<Record<string, Tensor>>): readonly StepProfile[] {
    const { tensors, bindings } = this.bind(inputs);
    const { executable, backend, plan } = this;
    if (!executable.profile) throw new RuntimeError("R0315", "it cannot time its steps alone", `backend ${backend.name}`);
    if (this.waiting > 0) throw new RuntimeError("R0311", "a run is under way: await it first", "session");
    try {
      const times = executable.profile(tensors, bindings, () => performance.now());
      return times.map(({ step, time }) => {
        const { kernel, origin } = plan.main.steps[step] as (typeof plan.main.steps)[number];
        return { step, kernel, origin, ms: time };
      });
    } catch (error) {
      throw this.backendError(error);
    }
  }

  /** Returns the memory, after the call that is running; those that wait are refused. May be called again. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    const free = () => {
      this.executable.dispose();
      releaseAll(this.backend, this.companions);
    };
    if (this.waiting === 0) free();
    else void this.queue.then(free, free);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @throws RuntimeError R0314 */
  private runner(
    tensors: readonly (Tensor | DeviceTensor)[],
    outputs: "host" | "device",
  ): (bindings: ReadonlyMap<string, number>) => Promise<readonly (Tensor | DeviceTensor)[]> {
    const { executable, backend } = this;
    const { onDevice } = executable;
    if (outputs === "device" && onDevice) return (bindings) => onDevice.runToDevice(tensors, bindings);
    if (outputs === "host" && areHost(tensors)) return (bindings) => executable.run(tensors, bindings);
    if (outputs === "host" && onDevice) return (bindings) => onDevice.runToHost(tensors, bindings);
    const reason =
      outputs === "device" ? "it has no memory of its own" : `outputs go to "host" or "device", not ${JSON.stringify(outputs)}`;
    throw new RuntimeError("R0314", `${reason}: run without { outputs: ${JSON.stringify(outputs)} }`, `backend ${backend.name}`);
  }

  /** @throws RuntimeError R0312, R0313 */
  private refuseElsewhere(inputs: Inputs): void {
    for (const [name, tensor] of Object.entries(inputs)) {
      if (!(tensor instanceof DeviceTensor)) continue;
      const where = `input ${JSON.stringify(name)}`;
      if (tensor.disposed) throw new RuntimeError("R0312", "the tensor was disposed, or its backend with its last session", where);
      if (this.executable.onDevice?.holds(tensor)) continue;
      const way = "give both models one backend object, or await read() and give the result";
      throw new RuntimeError("R0313", `it lies on a device that backend ${this.backend.name} of this session does not use: ${way}`, where);
    }
  }

  private bind<T extends Tensor | DeviceTensor>(inputs: Readonly<Record<string, T>>) {
    this.refuseDisposed();
    const bound = this.model.bind(inputs);
    this.refuseElsewhere(inputs);
    const key = [...bound.bindings].map(([name, size]) => `${name}=${size}`).join(",");
    if (!this.checkedBindings.has(key)) {
      checkValueSizes(this.plan.main.values, bound.bindings);
      if (this.checkedBindings.size >= 64) this.checkedBindings.clear();
      this.checkedBindings.add(key);
    }
    return bound;
  }

  private leave(): void {
    this.waiting--;
  }

  private refuseDisposed(): void {
    if (this.disposed) throw new RuntimeError("R0309", "the session was disposed", "session");
  }

  private backendError(error: unknown): RuntimeError {
    if (error instanceof RuntimeError) return error;
    return new RuntimeError("R0404", `it failed while running: ${messageOf(error)}`, `backend ${this.backend.name}`, error);
  }
}
