/**
 * @file A plan on a WebGPU device. Constants that `main` reads and the results of `init` keep their buffers; the values of a run share coloured buffers. Pipelines are compiled
 * at load; buffers, uniforms and bind groups once per binding of the symbols, so that a run is upload, dispatches in one submit, and one read-back.
 */
import type { DeviceRuns, Executable, Plan, PlanFunction, PlanOperand, PlanStep, PlanType } from "../../backend.ts";
import type { DeviceTensor } from "../../device-tensor.ts";
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, demandMemory, demandWork, type RunLimits, span } from "../../limits.ts";
import { sizeOf } from "../../plan-dim.ts";
import { boundAttrs } from "../../step/bound-attrs.ts";
import type { StepShapes, TensorShape } from "../../step/step.ts";
import { Tensor } from "../../tensor.ts";
import { type CheckedInputs, checkedInputs, refuseBeyond } from "./checked-inputs.ts";
import { colour, storageOf, storages } from "./colour.ts";
import type { Device } from "./device.ts";
import type { BufferRef, Launch, Program, StepTypes, TensorDims, WebGpuKernel } from "./kernel.ts";
import type { Pipelines } from "./pipelines.ts";
import { WebGpuTensor } from "./tensor.ts";
import { allocate, bytesOf, padded, readBack, type TensorPlace, upload } from "./transfer.ts";

type Bindings = ReadonlyMap<string, number>;

/** A program of a step, compiled. */
interface Compiled {
  readonly program: Program;
  readonly pipeline: GPUComputePipeline;
}

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

/** A function for one binding of the symbols. */
interface Recording {
  readonly shapes: readonly TensorShape[];
  /** By storage id. */
  readonly buffers: ReadonlyMap<number, GPUBuffer>;
  readonly dispatches: readonly Dispatch[];
  readonly owned: readonly GPUBuffer[];
}

/** Of a tensor, on the device. */
interface Copy {
  readonly shape: TensorShape;
  readonly from: GPUBuffer;
  readonly to: GPUBuffer;
}

const noBindings: Bindings = new Map();
const keptRecordings = 4;
const uniformAlignment = 256;

export class WebGpuExecutable implements Executable {
  readonly onDevice: DeviceRuns = {
    holds: (tensor) => this.holds(tensor),
    runToHost: (inputs, bindings) => this.run(inputs, bindings),
    runToDevice: (inputs, bindings) => this.runToDevice(inputs, bindings),
    runTo: (places, inputs, bindings) => this.runTo(places, inputs, bindings),
  };
  private readonly device: Device;
  private readonly plan: Plan;
  private readonly kernel: (id: string) => WebGpuKernel;
  private readonly pipelines: Pipelines;
  private readonly checked: CheckedInputs;
  private readonly compiled = new Map<PlanStep, readonly Compiled[]>();
  private readonly constants = new Map<number, GPUBuffer>();
  /** What the parameters of `main` after the public inputs are. */
  private prepared: readonly GPUBuffer[] = [];
  private lasting: readonly GPUBuffer[] = [];
  /** Least recently used first. */
  private readonly recordings = new Map<string, Recording>();

  private readonly limits: RunLimits;
  /** Bytes of the buffers that are alive. */
  private allocated = 0;

  constructor(device: Device, plan: Plan, kernel: (id: string) => WebGpuKernel, pipelines: Pipelines, limits: RunLimits = defaultLimits) {
    this.limits = limits;
    this.device = device;
    this.plan = plan;
    this.kernel = kernel;
    this.pipelines = pipelines;
    this.checked = checkedInputs(plan);
  }

  /** Compiles, uploads constants and runs `init`. */
  async initialise(): Promise<void> {
    await Promise.all([this.plan.init, this.plan.main].flatMap(({ steps, values }) => steps.map((step) => this.compileStep(step, values))));
    try {
      await this.device.checked(() => this.runInit());
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  async run(inputs: readonly (Tensor | DeviceTensor)[], bindings: Bindings): Promise<readonly Tensor[]> {
    return readBack(this.device, this.results(await this.compute(inputs, bindings)));
  }

  private async runToDevice(inputs: readonly (Tensor | DeviceTensor)[], bindings: Bindings): Promise<readonly WebGpuTensor[]> {
    return this.keepOnDevice(this.results(await this.compute(inputs, bindings)));
  }

  private async runTo(
    wanted: readonly ("host" | "device")[],
    inputs: readonly (Tensor | DeviceTensor)[],
    bindings: Bindings,
  ): Promise<readonly (Tensor | WebGpuTensor)[]> {
    const places = this.results(await this.compute(inputs, bindings));
    const kept = await this.keepOnDevice(places.filter((_, i) => wanted[i] === "device"));
    try {
      const toHost = places.filter((_, i) => wanted[i] !== "device");
      const read = toHost.length === 0 ? [] : await readBack(this.device, toHost);
      const [next, fetched] = [kept.values(), read.values()];
      return wanted.map((place) => (place === "device" ? next : fetched).next().value as Tensor | WebGpuTensor);
    } catch (error) {
      for (const tensor of kept) tensor.dispose();
      throw error;
    }
  }

  /** Copies that belong to the caller. */
  private async keepOnDevice(places: readonly TensorPlace[]): Promise<readonly WebGpuTensor[]> {
    if (places.length === 0) return [];
    const made: WebGpuTensor[] = [];
    try {
      return await this.device.checked(() => {
        for (const { shape } of places) made.push(new WebGpuTensor(this.device, { dtype: shape.dtype, shape: shape.shape }));
        this.copy(places.map(({ shape, buffer }, i) => ({ shape, from: buffer, to: (made[i] as WebGpuTensor).buffer })));
        return made;
      });
    } catch (error) {
      for (const tensor of made) tensor.dispose();
      throw error;
    }
  }

  /** Nothing is awaited between inputs and dispatches: no other session's work comes between, and a tensor that is disposed later was read. */
  private async compute(inputs: readonly (Tensor | DeviceTensor)[], bindings: Bindings): Promise<Recording> {
    this.device.refuseLost();
    for (const [index, bounds] of this.checked) {
      const input = inputs[index];
      if (input) refuseBeyond(this.plan, index, input instanceof Tensor ? input : await input.read(), bounds);
    }
    const recording = await this.recordingFor(bindings);
    const copies: Copy[] = [];
    inputs.forEach((input, i) => {
      const to = recording.buffers.get(i);
      if (input instanceof Tensor) upload(this.device, to, input.bytes());
      else if (to) copies.push({ shape: input, from: this.bufferOf(input), to });
    });
    this.copy(copies);
    this.submit(recording.dispatches);
    return recording;
  }

  private holds(tensor: DeviceTensor): tensor is WebGpuTensor {
    return tensor instanceof WebGpuTensor && tensor.device === this.device;
  }

  private bufferOf(tensor: DeviceTensor): GPUBuffer {
    if (!this.holds(tensor)) throw new RuntimeError("R0313", "the tensor lies on another device", "webgpu");
    return tensor.buffer;
  }

  private copy(copies: readonly Copy[]): void {
    if (copies.length === 0) return;
    const encoder = this.device.gpu.createCommandEncoder();
    for (const { shape, from, to } of copies) encoder.copyBufferToBuffer(from, 0, to, 0, padded(bytesOf(shape)));
    this.device.gpu.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    for (const recording of this.recordings.values()) this.destroyAll(recording.owned);
    this.recordings.clear();
    this.destroyAll([...this.lasting, ...this.constants.values()]);
    this.constants.clear();
    this.lasting = [];
    this.prepared = [];
  }

  private async compileStep(step: PlanStep, values: readonly PlanType[]): Promise<void> {
    const types = this.typesOf(step, values);
    const programs = this.kernel(step.kernel).programs(types);
    const most = this.device.gpu.limits.maxStorageBuffersPerShaderStage;
    const crowded = programs.find(({ buffers }) => buffers.length > most);
    if (crowded)
      throw new RuntimeError("R0407", `${crowded.buffers.length} buffers in one dispatch, the device binds ${most}`, step.origin);
    const compiled = programs.map(async (program) => ({ program, pipeline: await this.pipelines.get(program) }));
    this.compiled.set(step, await Promise.all(compiled));
  }

  private typesOf({ kernel, origin, attrs, operands, results }: PlanStep, values: readonly PlanType[]): StepTypes {
    const dims = ({ dtype, shape }: PlanType): TensorDims => ({ dtype, dims: shape.map((dim) => (typeof dim === "number" ? dim : null)) });
    const typeOf = (operand: PlanOperand): TensorDims | null => {
      if (operand.kind === "absent") return null;
      return dims((operand.kind === "value" ? values[operand.value] : this.plan.constants[operand.constant]) as PlanType);
    };
    return { kernel, origin, attrs, operands: operands.map(typeOf), results: results.map((id) => dims(values[id] as PlanType)) };
  }

  private async runInit(): Promise<void> {
    const { init, main } = this.plan;
    const recording = this.record(init, noBindings, (id) =>
      id < init.values.length ? null : this.constantBuffer(id - init.values.length),
    );
    this.submit(recording.dispatches);
    const ids = this.storageIds(init);
    const wanted = init.returns.flatMap((operand) => (operand.kind === "absent" ? [] : [storageOf(operand, init, ids)]));
    const kept = new Map([...new Set(wanted)].map((id) => [id, this.keep(init, recording, id)]));
    this.prepared = wanted.map((id) => kept.get(id) as GPUBuffer);
    this.lasting = [...kept].flatMap(([id, buffer]) => (id < init.values.length ? [buffer] : []));
    await this.device.gpu.queue.onSubmittedWorkDone();
    this.destroyAll(recording.owned);
    const shown = wanted.map((id) => id - init.values.length);
    const read = [...main.steps.flatMap(({ operands }) => operands), ...main.returns].flatMap((o) =>
      o.kind === "constant" ? [o.constant] : [],
    );
    this.dropConstants(new Set([...shown, ...read]));
  }

  /** A buffer of its own for a result of `init`, whose coloured one goes with init's scratch. */
  private keep(init: PlanFunction, recording: Recording, id: number): GPUBuffer {
    const source = recording.buffers.get(id) as GPUBuffer;
    if (id >= init.values.length) return source;
    const shape = recording.shapes[id] as TensorShape;
    const own = this.allocate(padded(bytesOf(shape)));
    this.copy([{ shape, from: source, to: own }]);
    return own;
  }

  private dropConstants(kept: ReadonlySet<number>): void {
    for (const [index, buffer] of this.constants) {
      if (kept.has(index)) continue;
      this.destroyAll([buffer]);
      this.constants.delete(index);
    }
  }

  private constantBuffer(index: number): GPUBuffer {
    let buffer = this.constants.get(index);
    if (buffer) return buffer;
    const constant = this.plan.constants[index];
    if (!constant) throw new RuntimeError("R0407", `no constant ${index}`, "webgpu");
    buffer = this.allocate(padded(bytesOf(constant)));
    this.constants.set(index, buffer);
    upload(this.device, buffer, constant.bytes());
    return buffer;
  }

  private async recordingFor(bindings: Bindings): Promise<Recording> {
    const key = [...bindings].map(([symbol, size]) => `${symbol}=${size}`).join(",");
    const recording = this.recordings.get(key) ?? (await this.device.checked(() => this.recordMain(bindings)));
    this.recordings.delete(key);
    this.recordings.set(key, recording);
    const [oldest] = this.recordings.keys();
    if (this.recordings.size > keptRecordings && oldest !== undefined) {
      this.destroyAll(this.recordings.get(oldest)?.owned ?? []);
      this.recordings.delete(oldest);
    }
    return recording;
  }

  private recordMain(bindings: Bindings): Recording {
    const { main, inputCount } = this.plan;
    return this.record(main, bindings, (id) => {
      if (id >= main.values.length) return this.constantBuffer(id - main.values.length);
      return id >= inputCount && id < main.params ? (this.prepared[id - inputCount] ?? null) : null;
    });
  }

  private storageIds(func: PlanFunction): Int32Array {
    return storages(func, (step) => this.kernel(step.kernel).view === true);
  }

  /** @param given the buffer that a storage has already */
  private record(func: PlanFunction, bindings: Bindings, given: (id: number) => GPUBuffer | null): Recording {
    const shapes = func.values.map(({ dtype, shape }) => ({ dtype, shape: shape.map((dim) => sizeOf(dim, bindings)) }));
    this.checkWork(func, shapes, bindings);
    const ids = this.storageIds(func);
    const { bufferOf, sizes } = colour(func, ids, (id) => (given(id) ? null : padded(bytesOf(shapes[id] as TensorShape))));
    const owned: GPUBuffer[] = [];
    try {
      for (const size of sizes) owned.push(this.allocate(size));
      const buffers = new Map([...bufferOf].map(([id, buffer]) => [id, owned[buffer] as GPUBuffer]));
      const bufferFor = (operand: PlanOperand): GPUBuffer | null => {
        if (operand.kind === "absent") return null;
        const id = storageOf(operand, func, ids);
        const buffer = buffers.get(id) ?? given(id);
        if (!buffer) throw new RuntimeError("R0407", `value ${id} has no buffer`, "webgpu");
        buffers.set(id, buffer);
        return buffer;
      };
      const dispatches = this.dispatchesOf(func, shapes, bindings, bufferFor, owned);
      for (const operand of func.returns) bufferFor(operand);
      for (let value = 0; value < func.params; value++) bufferFor({ kind: "value", value });
      return { shapes, buffers, dispatches, owned };
    } catch (error) {
      this.destroyAll(owned);
      throw error;
    }
  }

  /** Before anything is allocated. @throws RuntimeError R0410 */
  private checkWork(func: PlanFunction, shapes: readonly TensorShape[], bindings: Bindings): void {
    const what = func === this.plan.init ? "loading" : "a run with these shapes";
    let work = 0;
    for (const step of func.steps) {
      const kernel = this.kernel(step.kernel);
      if (kernel.view) continue;
      const call = this.callOf(step, shapes, bindings);
      const moved = [...call.operands, ...call.results].reduce((sum, tensor) => sum + (tensor ? span(tensor.shape) : 0), 0);
      work += moved + (kernel.work?.(call) ?? 0);
      demandWork(work, this.limits, what, step.origin);
    }
  }

  private dispatchesOf(
    func: PlanFunction,
    shapes: readonly TensorShape[],
    bindings: Bindings,
    bufferFor: (operand: PlanOperand) => GPUBuffer | null,
    owned: GPUBuffer[],
  ): readonly Dispatch[] {
    const launches: { readonly compiled: Compiled; readonly launch: Launch; readonly buffers: readonly GPUBuffer[] }[] = [];
    for (const step of func.steps) {
      const call = this.callOf(step, shapes, bindings);
      const operands = step.operands.map(bufferFor);
      const results = step.results.map((value) => bufferFor({ kind: "value", value }));
      const scratch = (this.kernel(step.kernel).scratch?.(call) ?? []).map((bytes) => this.allocate(padded(bytes)));
      owned.push(...scratch);
      const bufferOf = (ref: BufferRef) =>
        "operand" in ref ? operands[ref.operand] : "result" in ref ? results[ref.result] : scratch[ref.scratch];
      for (const compiled of this.compiled.get(step) ?? []) {
        const launch = compiled.program.launch(call);
        const buffers = compiled.program.buffers.map((ref) => bufferOf(ref) as GPUBuffer);
        if (launch) launches.push({ compiled, launch, buffers });
      }
      if (this.kernel(step.kernel).view) checkView(step, call);
    }
    const uniforms = this.uniforms(
      launches.map(({ launch }) => launch.uniform),
      owned,
    );
    return launches.map(({ compiled: { pipeline }, launch, buffers }, i) => {
      const entries = [...buffers.map((buffer) => ({ buffer })), uniforms[i] as GPUBufferBinding].map((resource, binding) => ({
        binding,
        resource,
      }));
      const group = this.device.gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
      return { pipeline, group, grid: launch.grid };
    });
  }

  private callOf(step: PlanStep, shapes: readonly TensorShape[], bindings: Bindings): StepShapes {
    const operands = step.operands.map((operand) => {
      if (operand.kind === "absent") return null;
      return (operand.kind === "value" ? shapes[operand.value] : this.plan.constants[operand.constant]) ?? null;
    });
    const results = step.results.map((id) => shapes[id] as TensorShape);
    return { kernel: step.kernel, origin: step.origin, attrs: boundAttrs(step.attrs, bindings), operands, results };
  }

  /** All uniform blocks in one buffer. */
  private uniforms(blocks: readonly Uint32Array[], owned: GPUBuffer[]): readonly GPUBufferBinding[] {
    if (blocks.length === 0) return [];
    const stride = Math.ceil(Math.max(...blocks.map((block) => block.byteLength)) / uniformAlignment) * uniformAlignment;
    const words = new Uint32Array((stride / 4) * blocks.length);
    blocks.forEach((block, i) => {
      words.set(block, (i * stride) / 4);
    });
    const buffer = this.device.gpu.createBuffer({ size: words.byteLength, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    owned.push(buffer);
    this.device.gpu.queue.writeBuffer(buffer, 0, words);
    return blocks.map((block, i) => ({ buffer, offset: i * stride, size: block.byteLength }));
  }

  private submit(dispatches: readonly Dispatch[]): void {
    if (dispatches.length === 0) return;
    const encoder = this.device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, grid } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...grid);
    }
    pass.end();
    this.device.gpu.queue.submit([encoder.finish()]);
  }

  /** Where the results of `main` are, in coloured buffers that the next run overwrites. */
  private results({ shapes, buffers }: Recording): readonly TensorPlace[] {
    const func = this.plan.main;
    const ids = this.storageIds(func);
    return func.returns.map((operand) => {
      if (operand.kind === "absent") throw new RuntimeError("R0407", "an absent result", "webgpu");
      const shape = operand.kind === "value" ? shapes[operand.value] : this.plan.constants[operand.constant];
      return { shape: shape as TensorShape, buffer: buffers.get(storageOf(operand, func, ids)) as GPUBuffer };
    });
  }

  /** @throws RuntimeError R0405, R0411 */
  private allocate(size: number): GPUBuffer {
    demandMemory(this.allocated + size, this.limits, "the model with these shapes", "webgpu");
    const buffer = allocate(this.device, size);
    this.allocated += size;
    return buffer;
  }

  private destroyAll(buffers: readonly GPUBuffer[]): void {
    for (const buffer of buffers) {
      if (buffer.usage & GPUBufferUsage.STORAGE) this.allocated -= buffer.size;
      buffer.destroy();
    }
  }
}

function checkView(step: PlanStep, { operands: [source], results: [result] }: StepShapes): void {
  if (source && result && step.results.length === 1 && bytesOf(source) === bytesOf(result)) return;
  throw new RuntimeError(
    "R0407",
    `kernel ${step.kernel} keeps the bytes of its operand, but operand and result differ in size`,
    step.origin,
  );
}
