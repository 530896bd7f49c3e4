/**
 * @file The WebGPU backend: `webgpu()` in a browser, `webgpu({ gpu })` or the optional package `webgpu` in Node. Pipelines are compiled asynchronously, once per
 * kernel; a run is upload, dispatches in one submit, and one read-back.
 */
import type { Backend, Executable, Plan } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, type RunLimits } from "../../limits.ts";
import { Device, type DeviceOptions } from "./device.ts";
import { WebGpuExecutable } from "./executable.ts";
import type { WebGpuKernel } from "./kernel.ts";
import { builtinKernels } from "./kernels/index.ts";
import { MixedExecutable } from "./mixed/executable.ts";
import { Pipelines } from "./pipelines.ts";

export type { WebGpuKernel } from "./kernel.ts";
export { manifest } from "./manifest.ts";
export { WebGpuTensor } from "./tensor.ts";

export interface WebGpuOptions extends DeviceOptions {
  /** Takes the file's plan in half precision where it has one; needs a device with shader-f16. List `webgpu()` behind it for devices without. */
  readonly f16?: boolean;
}

export const kernels: readonly WebGpuKernel[] = builtinKernels;

export function webgpu(options: WebGpuOptions = {}): Backend {
  return new WebGpuBackend(options);
}

class WebGpuBackend implements Backend {
  readonly name = "webgpu";
  readonly targets: readonly string[];
  readonly companions = ["wasm"];
  private readonly options: WebGpuOptions;
  private readonly table = new Map(kernels.map((kernel) => [kernel.id, kernel]));
  private device: Device | null = null;
  private pipelines: Pipelines | null = null;

  constructor(options: WebGpuOptions) {
    this.options = options;
    this.targets = options.f16 ? ["webgpu-f16", "webgpu"] : ["webgpu"];
  }

  async open(): Promise<void> {
    if (this.device) return;
    this.device = await Device.open(this.options);
    this.pipelines = new Pipelines(this.device.gpu);
  }

  hasKernel(id: string): boolean {
    return this.table.has(id);
  }

  async prepare(plan: Plan, limits: RunLimits = defaultLimits, companions: ReadonlyMap<string, Backend> = new Map()): Promise<Executable> {
    const { device, pipelines } = this;
    if (!device || !pipelines) throw new RuntimeError("R0402", "open() the backend before preparing a plan", "webgpu");
    device.refuseLost();
    if (plan.target === "webgpu-f16" && !device.hasF16)
      throw new RuntimeError("R0401", "the device has no shader-f16, which the plan webgpu-f16 needs", "webgpu");
    const prepareOwn = async (own: Plan, part: RunLimits) => {
      const executable = new WebGpuExecutable(device, own, (id) => this.kernel(id), pipelines, part);
      await executable.initialise();
      return executable;
    };
    const [companion] = companions.values();
    if (!companion) return prepareOwn(plan, limits);
    return MixedExecutable.prepare(plan, limits, prepareOwn, (other, part) => companion.prepare(other, part));
  }

  dispose(): void {
    this.device?.destroy();
    this.device = null;
    this.pipelines = null;
  }

  private kernel(id: string): WebGpuKernel {
    const kernel = this.table.get(id);
    if (!kernel) throw new RuntimeError("R0403", `no kernel ${id}`, "webgpu");
    return kernel;
  }
}
