/**
 * @file The part of onnxruntime-node's interface that is used, and how the package is found: imported when a backend is opened, never before and never bundled, since most
 * users of the runtime do not have it. Only structural types here: the package's own need those of Node.
 */
import { RuntimeError } from "../../errors.ts";
import type { TensorArray } from "../../tensor.ts";

export interface OrtTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

export interface OrtSessionOptions {
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
  readonly executionMode?: "sequential" | "parallel";
  readonly graphOptimizationLevel?: "disabled" | "basic" | "extended" | "all";
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  /** Session configuration entries: `session.x64quantprecision` is `{ session: { x64quantprecision } }`. */
  readonly extra?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

export interface OnnxRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options: OrtSessionOptions): Promise<OrtSession> };
  readonly Tensor: new (type: string, data: TensorArray, dims: readonly number[]) => OrtTensor;
}

/** Where ONNX Runtime comes from; what it resolves to may be the module or have it as `default`. */
export type OnnxRuntimeLoader = () => Promise<unknown>;

/** A name that bundlers do not follow. */
const packageName = "onnxruntime-node";

export const importPackage: OnnxRuntimeLoader = () => import(/* @vite-ignore */ /* webpackIgnore: true */ packageName);

/** @throws RuntimeError R0401 with the line to type when the package is not there or does not load */
export async function loadOnnxRuntime(loader: OnnxRuntimeLoader): Promise<OnnxRuntime> {
  const module = await loader().catch((cause: unknown) => Promise.reject(notInstalled(cause)));
  const found = [module, (module as { readonly default?: unknown } | null)?.default].find(isOnnxRuntime);
  if (found) return found;
  throw new RuntimeError("R0401", `${packageName} is there, but has no InferenceSession: npm install ${packageName}@latest`, "backend ort");
}

function isOnnxRuntime(module: unknown): module is OnnxRuntime {
  const { InferenceSession, Tensor } = (module ?? {}) as {
    readonly InferenceSession?: { readonly create?: unknown };
    readonly Tensor?: unknown;
  };
  return typeof InferenceSession?.create === "function" && typeof Tensor === "function";
}

function notInstalled(cause: unknown): RuntimeError {
  const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
  const error = new RuntimeError("R0401", `it needs the package ${packageName} (npm install ${packageName}): ${reason}`, "backend ort");
  error.cause = cause;
  return error;
}
