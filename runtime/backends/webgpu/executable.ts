/** @file A plan on a WebGPU device. Values live in storage buffers that are made once per binding of the symbols and reused by later runs with the same shapes. */
import type { Executable, Plan, PlanFunction, PlanOperand, PlanStep, PlanType } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { byteLength, elementCount, Tensor } from "../../tensor.ts";
import type { BoundTensor, KernelCall, WebGpuKernel } from "./kernel.ts";

interface Slot extends BoundTensor {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

/** Buffers and recorded dispatches of `main` for one binding of the symbols. */
interface Recording {
  readonly key: string;
  readonly slots: readonly (Slot | undefined)[];
  readonly dispatches: readonly Dispatch[];
  readonly owned: readonly GPUBuffer[];
}

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

const noBindings: ReadonlyMap<string, number> = new Map();

export class WebGpuExecutable implements Executable {
  private readonly device: GPUDevice;
  private readonly plan: Plan;
  private readonly kernel: (id: string) => WebGpuKernel;
  private readonly pipeline: (id: string) => Promise<GPUComputePipeline>;
  private readonly constants: Slot[] = [];
  private prepared: readonly Slot[] = [];
  private readonly initBuffers: GPUBuffer[] = [];
  private recording: Recording | null = null;

  constructor(device: GPUDevice, plan: Plan, kernel: (id: string) => WebGpuKernel, pipeline: (id: string) => Promise<GPUComputePipeline>) {
    this.device = device;
    this.plan = plan;
    this.kernel = kernel;
    this.pipeline = pipeline;
  }

  /** Uploads constants and runs `init`. */
  async initialise(): Promise<void> {
    for (const constant of this.plan.constants) {
      const slot = this.allocate({ dtype: constant.dtype, shape: constant.shape }, noBindings, this.initBuffers);
      this.upload(slot, constant.bytes());
      this.constants.push(slot);
    }
    const { init } = this.plan;
    const slots: (Slot | undefined)[] = [];
    const dispatches = await this.record(init, slots, noBindings, this.initBuffers);
    this.submit(dispatches);
    this.prepared = init.returns.map((operand) => this.slotOf(operand, slots) as Slot);
  }

  async run(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): Promise<readonly Tensor[]> {
    const recording = await this.recordingFor(bindings);
    for (const [i, input] of inputs.entries()) this.upload(recording.slots[i] as Slot, input.bytes());
    this.submit(recording.dispatches);
    return this.readBack(this.plan.main.returns.map((operand) => this.slotOf(operand, recording.slots) as Slot));
  }

  dispose(): void {
    for (const buffer of [...this.initBuffers, ...(this.recording?.owned ?? [])]) buffer.destroy();
    this.initBuffers.length = 0;
    this.recording = null;
  }

  private async recordingFor(bindings: ReadonlyMap<string, number>): Promise<Recording> {
    const key = [...bindings].map(([symbol, size]) => `${symbol}=${size}`).join(",");
    if (this.recording?.key === key) return this.recording;
    for (const buffer of this.recording?.owned ?? []) buffer.destroy();
    this.recording = null;
    const owned: GPUBuffer[] = [];
    const { main, inputCount } = this.plan;
    const slots: (Slot | undefined)[] = [];
    for (let i = 0; i < main.params; i++) {
      slots[i] = i < inputCount ? this.allocate(main.values[i] as PlanType, bindings, owned) : this.prepared[i - inputCount];
    }
    const dispatches = await this.record(main, slots, bindings, owned);
    this.recording = { key, slots, dispatches, owned };
    return this.recording;
  }

  private async record(
    func: PlanFunction,
    slots: (Slot | undefined)[],
    bindings: ReadonlyMap<string, number>,
    owned: GPUBuffer[],
  ): Promise<Dispatch[]> {
    const dispatches: Dispatch[] = [];
    for (const step of func.steps) {
      for (const id of step.results) slots[id] = this.allocate(func.values[id] as PlanType, bindings, owned);
      dispatches.push(await this.dispatch(step, slots, owned));
    }
    return dispatches;
  }

  private async dispatch(step: PlanStep, slots: readonly (Slot | undefined)[], owned: GPUBuffer[]): Promise<Dispatch> {
    const kernel = this.kernel(step.kernel);
    const operands = step.operands.flatMap((operand) => this.slotOf(operand, slots) ?? []);
    const results = step.results.map((id) => slots[id] as Slot);
    const call: KernelCall = { attrs: step.attrs, operands, results };
    const pipeline = await this.pipeline(step.kernel);
    const uniform = this.uniform(kernel.uniforms(call), owned);
    const buffers = [...operands, ...results].map((slot) => slot.buffer);
    const entries = [...buffers, uniform].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    return { pipeline, group, grid: kernel.workgroups(call) };
  }

  private submit(dispatches: readonly Dispatch[]): void {
    if (dispatches.length === 0) return;
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, grid } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...grid);
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  /** All outputs through one staging buffer and one map. */
  private async readBack(slots: readonly Slot[]): Promise<readonly Tensor[]> {
    const offsets: number[] = [];
    let total = 0;
    for (const slot of slots) {
      offsets.push(total);
      total += slot.buffer.size;
    }
    const staging = this.device.createBuffer({ size: total, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = this.device.createCommandEncoder();
    for (const [i, slot] of slots.entries()) encoder.copyBufferToBuffer(slot.buffer, 0, staging, offsets[i] as number, slot.buffer.size);
    this.device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ);
      const mapped = new Uint8Array(staging.getMappedRange());
      return slots.map((slot, i) =>
        Tensor.fromBytes(slot.dtype, mapped.slice(offsets[i], (offsets[i] as number) + slot.bytes), slot.shape),
      );
    } finally {
      staging.destroy();
    }
  }

  private slotOf(operand: PlanOperand, slots: readonly (Slot | undefined)[]): Slot | undefined {
    if (operand.kind === "absent") return undefined;
    return operand.kind === "constant" ? this.constants[operand.constant] : slots[operand.value];
  }

  private allocate(type: PlanType, bindings: ReadonlyMap<string, number>, owned: GPUBuffer[]): Slot {
    const shape = type.shape.map((dim) => (typeof dim === "number" ? dim : dim.evaluate(bindings)));
    const bytes = byteLength(type.dtype, elementCount(shape));
    const limit = this.device.limits.maxStorageBufferBindingSize;
    if (bytes > limit)
      throw new RuntimeError("R0405", `a tensor of ${bytes} bytes exceeds the device's storage binding of ${limit}`, "webgpu");
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    const buffer = this.device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
    owned.push(buffer);
    return { dtype: type.dtype, shape, buffer, bytes };
  }

  /** Uploads in multiples of 4 bytes, as WebGPU demands. */
  private upload(slot: Slot, bytes: Uint8Array): void {
    const padded = bytes.length % 4 === 0 ? bytes : new Uint8Array(slot.buffer.size);
    if (padded !== bytes) padded.set(bytes);
    this.device.queue.writeBuffer(slot.buffer, 0, padded as Uint8Array<ArrayBuffer>);
  }

  private uniform(words: Uint32Array, owned: GPUBuffer[]): GPUBuffer {
    const buffer = this.device.createBuffer({ size: words.byteLength, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    owned.push(buffer);
    this.device.queue.writeBuffer(buffer, 0, words as Uint32Array<ArrayBuffer>);
    return buffer;
  }
}
