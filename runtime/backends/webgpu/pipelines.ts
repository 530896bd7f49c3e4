/** @file Compute pipelines, compiled asynchronously, once per program key and device. */
import { RuntimeError } from "../../errors.ts";
import type { Program } from "./kernel.ts";

export class Pipelines {
  private readonly device: GPUDevice;
  private readonly made = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** @throws RuntimeError R0404 with the compiler's line and column */
  get(program: Program): Promise<GPUComputePipeline> {
    let pipeline = this.made.get(program.key);
    if (!pipeline) {
      pipeline = this.compile(program);
      this.made.set(program.key, pipeline);
    }
    return pipeline;
  }

  private async compile({ key, code }: Program): Promise<GPUComputePipeline> {
    const module = this.device.createShaderModule({ code, label: key });
    const { messages } = await module.getCompilationInfo();
    const error = messages.find((message) => message.type === "error");
    if (error) throw new RuntimeError("R0404", `${key}:${error.lineNum}:${error.linePos}: ${error.message}`, "webgpu");
    return this.device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" }, label: key });
  }
}
