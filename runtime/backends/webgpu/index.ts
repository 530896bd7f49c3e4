/**
 * @file The WebGPU backend: `webgpu()` in a browser, `webgpu({ gpu })` or the optional package `webgpu` in Node. Pipelines are compiled asynchronously, once per
 * kernel; a run is upload, dispatches in one submit, and one read-back.
 */
import type { Backend, Executable, Plan } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { WebGpuExecutable } from "./executable.ts";
import type { WebGpuKernel } from "./kernel.ts";
import { matmul } from "./kernels/matmul.ts";

export type { WebGpuKernel } from "./kernel.ts";
export { manifest } from "./manifest.ts";

export interface WebGpuOptions {
  /** Where adapters come from; default `navigator.gpu`, then the package `webgpu`. */
  readonly gpu?: GPU;
}

export const kernels: readonly WebGpuKernel[] = [matmul];

export function webgpu(options: WebGpuOptions = {}): Backend {
  return new WebGpuBackend(options);
}

class WebGpuBackend implements Backend {
  readonly name = "webgpu";
  readonly targets = ["webgpu"];
  private readonly options: WebGpuOptions;
  private readonly table = new Map(kernels.map((kernel) => [kernel.id, kernel]));
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private device: GPUDevice | null = null;

  constructor(options: WebGpuOptions) {
    this.options = options;
  }

  async open(): Promise<void> {
    if (this.device) return;
    const gpu = this.options.gpu ?? (await findGpu());
    const adapter = await gpu.requestAdapter();
    if (!adapter) throw new RuntimeError("R0401", "no WebGPU adapter: the browser or driver offers none", "webgpu");
    this.device = await adapter.requestDevice();
  }

  hasKernel(id: string): boolean {
    return this.table.has(id);
  }

  async prepare(plan: Plan): Promise<Executable> {
    const { device } = this;
    if (!device) throw new RuntimeError("R0402", "open() the backend before preparing a plan", "webgpu");
    const executable = new WebGpuExecutable(
      device,
      plan,
      (id) => this.kernel(id),
      (id) => this.pipeline(device, id),
    );
    await executable.initialise();
    return executable;
  }

  dispose(): void {
    this.device?.destroy();
    this.device = null;
    this.pipelines.clear();
  }

  private kernel(id: string): WebGpuKernel {
    const kernel = this.table.get(id);
    if (!kernel) throw new RuntimeError("R0403", `no kernel ${id}`, "webgpu");
    return kernel;
  }

  private pipeline(device: GPUDevice, id: string): Promise<GPUComputePipeline> {
    let pipeline = this.pipelines.get(id);
    if (!pipeline) {
      pipeline = compile(device, this.kernel(id));
      this.pipelines.set(id, pipeline);
    }
    return pipeline;
  }
}

/** @throws RuntimeError R0404 with the compiler's line and column. */
async function compile(device: GPUDevice, kernel: WebGpuKernel): Promise<GPUComputePipeline> {
  const module = device.createShaderModule({ code: kernel.code, label: kernel.id });
  const { messages } = await module.getCompilationInfo();
  const error = messages.find((message) => message.type === "error");
  if (error) throw new RuntimeError("R0404", `${kernel.id}:${error.lineNum}:${error.linePos}: ${error.message}`, "webgpu");
  return device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" }, label: kernel.id });
}

async function findGpu(): Promise<GPU> {
  if (typeof navigator !== "undefined" && "gpu" in navigator && navigator.gpu) return navigator.gpu;
  try {
    const name = "webgpu";
    const { create, globals } = (await import(/* @vite-ignore */ name)) as {
      create(options: string[]): GPU;
      globals: Record<string, unknown>;
    };
    for (const [key, value] of Object.entries(globals))
      if (!(key in globalThis)) Object.defineProperty(globalThis, key, { value, configurable: true });
    return create([]);
  } catch (cause) {
    const error = new RuntimeError(
      "R0401",
      "no WebGPU here: this browser has no navigator.gpu; in Node install the package webgpu",
      "webgpu",
    );
    error.cause = cause;
    throw error;
  }
}
