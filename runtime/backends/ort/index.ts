/**
 * @file The `ort` backend: ONNX Runtime, through the optional package onnxruntime-node, as the native engine on a server. A plan for it is one step that holds an ONNX graph without
 * weights; `init` rebuilds compressed weights with the wasm backend's kernels, as everywhere, and `model-bytes.ts` puts them behind the graph. So the file is as small as for any other
 * backend, and the weights exist unpacked only here. Differs from the others in two ways. Sums are ONNX Runtime's: their last
 * bits may depend on the number of threads. And the limits of `load` hold for what is done here, not inside the graph, which may be made to take any time and memory: files of
 * strangers belong on another backend.
 */
import type { Backend, Executable, Plan, PlanFunction } from "../../backend.ts";
import type { WeightDecoder } from "../../codec/codec.ts";
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, type RunLimits } from "../../limits.ts";
import type { Tensor } from "../../tensor.ts";
import { type WasmExtension, wasm } from "../wasm/index.ts";
import { checkSkeleton } from "./check-skeleton.ts";
import { OrtExecutable, ortError } from "./executable.ts";
import { type GraphStep, readGraphStep } from "./graph-step.ts";
import { graphKernel } from "./manifest.ts";
import { type Initializer, modelBytes } from "./model-bytes.ts";
import { importPackage, loadOnnxRuntime, type OnnxRuntime, type OnnxRuntimeLoader, type OrtSessionOptions } from "./onnxruntime.ts";

export type { OnnxRuntimeLoader } from "./onnxruntime.ts";

export interface OrtOptions {
  /** Threads inside one op; ONNX Runtime's default is one per core. */
  readonly threads?: number;
  /** `parallel` runs branches of the graph at the same time, on `interOpThreads` threads. Default `sequential`. */
  readonly executionMode?: "sequential" | "parallel";
  readonly interOpThreads?: number;
  /** Default `all`. */
  readonly optimization?: "disabled" | "basic" | "extended" | "all";
  /**
   * On x86 processors without VNNI, ONNX Runtime's fastest int8 products saturate at 16 bits, and answers with full-range weights are off by several steps. `exact` (default) takes
   * the kernels that do not saturate there; `fast` does not ask. No difference on other processors.
   */
  readonly int8?: "exact" | "fast";
  /** Runtime halves of plugins whose kernels rebuild weights. */
  readonly extend?: readonly WasmExtension[];
  /** Where ONNX Runtime comes from; default: the package onnxruntime-node. */
  readonly load?: OnnxRuntimeLoader;
}

/** @throws RuntimeError R0409 for options or extensions that do not fit this version */
export function ort(options: OrtOptions = {}): Backend {
  return new OrtBackend(options);
}

class OrtBackend implements Backend {
  readonly name = "ort";
  readonly targets = ["ort-cpu"];
  readonly codecs: readonly WeightDecoder[];
  private readonly loader: OnnxRuntimeLoader;
  private readonly sessionOptions: OrtSessionOptions;
  /** Runs `init`. */
  private readonly kernels: Backend;
  private runtime: OnnxRuntime | null = null;

  constructor(options: OrtOptions) {
    this.loader = options.load ?? importPackage;
    this.sessionOptions = sessionOptions(options);
    this.kernels = wasm(options.extend ? { extend: options.extend } : {});
    this.codecs = this.kernels.codecs ?? [];
  }

  async open(): Promise<void> {
    this.runtime ??= await loadOnnxRuntime(this.loader);
  }

  hasKernel(id: string): boolean {
    return id === graphKernel || this.kernels.hasKernel(id);
  }

  async prepare(plan: Plan, limits: RunLimits = defaultLimits): Promise<Executable> {
    const { runtime } = this;
    if (!runtime) throw new RuntimeError("R0402", "open() the backend before preparing a plan", "ort");
    const step = readGraphStep(plan);
    const skeleton = step.skeleton.bytes();
    checkSkeleton(skeleton);
    const model = modelBytes(skeleton, initializers(step, await this.runInit(plan, limits)), limits);
    const created = runtime.InferenceSession.create(model, this.sessionOptions);
    const session = await created.catch((cause: unknown) => Promise.reject(ortError("to load the graph", cause)));
    return new OrtExecutable(runtime, session, step);
  }

  dispose(): void {
    this.runtime = null;
    this.kernels.dispose();
  }

  /** The values of `init`: a plan whose `main` returns them, run by the backend that has the kernels. Its memory goes with it. */
  private async runInit(plan: Plan, limits: RunLimits): Promise<readonly Tensor[]> {
    if (plan.init.returns.length === 0) return [];
    await this.kernels.open();
    const executable = await this.kernels.prepare({ ...plan, main: returningInit(plan.init), inputCount: 0 }, limits);
    const values = await executable.run([], new Map());
    executable.dispose();
    return values;
  }
}

/** `main(values of init) { return them }`. */
function returningInit(init: PlanFunction): PlanFunction {
  const values = init.returns.map((operand) => {
    const type = operand.kind === "value" ? init.values[operand.value] : undefined;
    if (!type) throw new RuntimeError("R0414", "the plan's init returns something that it did not make", "ort");
    return type;
  });
  return { values, params: values.length, steps: [], returns: values.map((_, value) => ({ kind: "value", value })) };
}

function initializers(step: GraphStep, made: readonly Tensor[]): readonly Initializer[] {
  return step.weights.map(({ name, from }): Initializer => {
    if (!("init" in from)) return { name, dtype: from.dtype, shape: from.shape, bytes: () => from.bytes() };
    const tensor = made[from.init] as Tensor;
    return { name, dtype: tensor.dtype, shape: tensor.shape, bytes: () => tensor.bytes() };
  });
}

function sessionOptions({ threads, interOpThreads, executionMode, optimization, int8 }: OrtOptions): OrtSessionOptions {
  return {
    ...(threads === undefined ? {} : { intraOpNumThreads: threadCount(threads, "threads") }),
    ...(interOpThreads === undefined ? {} : { interOpNumThreads: threadCount(interOpThreads, "interOpThreads") }),
    executionMode: executionMode ?? "sequential",
    graphOptimizationLevel: optimization ?? "all",
    ...(int8 === "fast" ? {} : { extra: { session: { x64quantprecision: "1" } } }),
    // Only what is fatal: every error is thrown, with a code.
    logSeverityLevel: 4,
  };
}

function threadCount(count: number, option: string): number {
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new RuntimeError("R0409", `${option} must be a whole number of at least 1, got ${count}`, "backend ort");
}
