/** @file A tensor in the memory of a WebGPU device, in a buffer of its own: the model's buffers are used again by its next run. */
import { DeviceTensor } from "../../device-tensor.ts";
import { RuntimeError } from "../../errors.ts";
import type { TensorShape } from "../../step/step.ts";
import type { Tensor } from "../../tensor.ts";
import type { Device } from "./device.ts";
import { allocate, bytesOf, padded, readBack } from "./transfer.ts";

export class WebGpuTensor extends DeviceTensor {
  /** Whose memory it is in. */
  readonly device: Device;
  private held: GPUBuffer | null;

  /** Uninitialized. @throws RuntimeError R0405 beyond the device's limit */
  constructor(device: Device, type: TensorShape) {
    super(type.dtype, type.shape);
    this.device = device;
    this.held = allocate(device, padded(bytesOf(type)));
    device.tensors.add(this);
  }

  get disposed(): boolean {
    return this.held === null;
  }

  /**
   * Row-major elements as in `Tensor.bytes()`, padded to words; usage STORAGE, COPY_SRC and COPY_DST. For an app's own shaders.
   * @throws RuntimeError R0312 after dispose
   */
  get buffer(): GPUBuffer {
    if (!this.held) throw new RuntimeError("R0312", "the tensor was disposed, or its backend with its last session", "device tensor");
    return this.held;
  }

  async read(): Promise<Tensor> {
    const places = [{ shape: this, buffer: this.buffer }];
    this.device.refuseLost();
    const [tensor] = await readBack(this.device, places);
    return tensor as Tensor;
  }

  dispose(): void {
    this.held?.destroy();
    this.held = null;
    this.device.tensors.delete(this);
  }
}
