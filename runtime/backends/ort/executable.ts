/** @file A plan in an ONNX Runtime session: inputs go in as they are, outputs come back checked against the types that the plan promises. */
import type { Executable } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { sizeOf } from "../../plan-dim.ts";
import { Tensor, type TensorArray } from "../../tensor.ts";
import type { GraphStep, Port } from "./graph-step.ts";
import { portTypes } from "./manifest.ts";
import type { OnnxRuntime, OrtSession, OrtTensor } from "./onnxruntime.ts";

export class OrtExecutable implements Executable {
  private readonly runtime: OnnxRuntime;
  private readonly inputs: readonly Port[];
  private readonly outputs: readonly Port[];
  private session: OrtSession | null;

  constructor(runtime: OnnxRuntime, session: OrtSession, step: GraphStep) {
    this.runtime = runtime;
    this.session = session;
    this.inputs = step.inputs;
    this.outputs = step.outputs;
  }

  async run(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): Promise<readonly Tensor[]> {
    if (!this.session) throw new RuntimeError("R0402", "the executable was disposed", "ort");
    const feeds = Object.fromEntries(this.inputs.map((port, i) => [port.name, this.toOrt(port, inputs[i] as Tensor)]));
    const results = await this.session.run(feeds).catch((cause: unknown) => Promise.reject(ortError("while running", cause)));
    return this.outputs.map((port) => fromOrt(port, results[port.name], bindings));
  }

  dispose(): void {
    const { session } = this;
    this.session = null;
    void session?.release();
  }

  private toOrt(port: Port, tensor: Tensor): OrtTensor {
    return new this.runtime.Tensor(portTypes[port.type.dtype] ?? "", tensor.data, [...tensor.shape]);
  }
}

/** @throws RuntimeError R0404 when the graph gave something else than the plan says */
function fromOrt({ name, type }: Port, result: OrtTensor | undefined, bindings: ReadonlyMap<string, number>): Tensor {
  const shape = type.shape.map((dim) => sizeOf(dim, bindings));
  const wanted = `${portTypes[type.dtype]} [${shape.join(", ")}]`;
  const given = result ? `${result.type} [${result.dims.join(", ")}]` : "nothing";
  if (given !== wanted)
    throw new RuntimeError("R0404", `output ${JSON.stringify(name)}: ONNX Runtime gave ${given}, the plan says ${wanted}`, "ort");
  const data = result?.data as TensorArray;
  // Where JavaScript has Float16Array, ONNX Runtime gives one; ours are bits.
  const bits = type.dtype === "f16" ? new Uint16Array(data.buffer as ArrayBuffer, data.byteOffset, data.length) : data;
  return new Tensor(type.dtype, bits, shape);
}

/** ONNX Runtime's own words, with a code. */
export function ortError(when: string, cause: unknown): RuntimeError {
  const error = new RuntimeError("R0404", `ONNX Runtime failed ${when}: ${cause instanceof Error ? cause.message : String(cause)}`, "ort");
  error.cause = cause;
  return error;
}
