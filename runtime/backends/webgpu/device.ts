/** @file The device: where it comes from, what is asked of it, and what is said when it is lost or short of memory. */
import type { DeviceTensor } from "../../device-tensor.ts";
import { RuntimeError } from "../../errors.ts";

export interface DeviceOptions {
  /** Where adapters come from; default `navigator.gpu`, then the package `webgpu`. */
  readonly gpu?: GPU;
  readonly powerPreference?: GPUPowerPreference;
}

export class Device {
  readonly gpu: GPUDevice;
  /** Vendor, architecture and name, as far as the platform tells. */
  readonly adapter: string;
  /** Outputs that stayed here and were not disposed. */
  readonly tensors = new Set<DeviceTensor>();
  private lost: string | null = null;
  private scope: Promise<unknown> = Promise.resolve();

  private constructor(gpu: GPUDevice, adapter: string) {
    this.gpu = gpu;
    this.adapter = adapter;
    void gpu.lost.then(({ reason, message }) => {
      this.lost = reason === "destroyed" ? "the backend was disposed" : message || "the driver took it away";
    });
  }

  /** @throws RuntimeError R0401 with the reason when there is no device */
  static async open({ gpu, powerPreference }: DeviceOptions): Promise<Device> {
    const source = gpu ?? (await findGpu());
    const adapter = await source.requestAdapter(powerPreference ? { powerPreference } : undefined);
    if (!adapter) throw new RuntimeError("R0401", "no WebGPU adapter: the browser or driver offers none", "webgpu");
    const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
    const requiredFeatures: GPUFeatureName[] = adapter.features.has("shader-f16") ? ["shader-f16"] : [];
    const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
    const { vendor, architecture, description } = adapter.info;
    return new Device(device, [vendor, architecture, description].filter(Boolean).join(" "));
  }

  get hasF16(): boolean {
    return this.gpu.features.has("shader-f16");
  }

  /** @throws RuntimeError R0421 */
  refuseLost(): void {
    if (this.lost !== null) throw new RuntimeError("R0421", `the device is lost: ${this.lost}; load the model again`, "webgpu");
  }

  /**
   * Runs `work` and waits for what the device says of it.
   * @throws RuntimeError R0422 out of memory, R0404 a validation error
   */
  checked<T>(work: () => Promise<T> | T): Promise<T> {
    const turn = this.scope.then(() => this.inScope(work));
    this.scope = turn.catch(() => undefined);
    return turn;
  }

  /** Error scopes are one stack per device: sessions that share it take turns. */
  private async inScope<T>(work: () => Promise<T> | T): Promise<T> {
    this.gpu.pushErrorScope("out-of-memory");
    this.gpu.pushErrorScope("validation");
    const outcome = await settle(work);
    const [validation, memory] = [await this.gpu.popErrorScope(), await this.gpu.popErrorScope()];
    this.refuseLost();
    if (memory) throw new RuntimeError("R0422", `the device is out of memory: ${memory.message}`, "webgpu");
    if (validation) throw new RuntimeError("R0404", validation.message, "webgpu");
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  destroy(): void {
    for (const tensor of this.tensors) tensor.dispose();
    this.gpu.destroy();
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

async function settle<T>(work: () => Promise<T> | T): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** Of the package `webgpu`: one for the process, and held here, since devices that outlive it crash. */
let nodeGpu: GPU | null = null;

async function findGpu(): Promise<GPU> {
  if (typeof navigator !== "undefined" && "gpu" in navigator && navigator.gpu) return navigator.gpu;
  if (nodeGpu) return nodeGpu;
  try {
    const name = "webgpu";
    const { create, globals } = (await import(/* @vite-ignore */ name)) as {
      create(options: string[]): GPU;
      globals: Record<string, unknown>;
    };
    for (const [key, value] of Object.entries(globals))
      if (!(key in globalThis)) Object.defineProperty(globalThis, key, { value, configurable: true });
    nodeGpu = create([]);
    return nodeGpu;
  } catch (cause) {
    const message = "no WebGPU here: this browser has no navigator.gpu; in Node install the package: npm install webgpu";
    const error = new RuntimeError("R0401", message, "webgpu");
    error.cause = cause;
    throw error;
  }
}
