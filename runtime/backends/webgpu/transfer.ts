/** @file Bytes between host and device: uploads, and read-backs through one staging buffer and one map. */
import { RuntimeError } from "../../errors.ts";
import type { TensorShape } from "../../step/step.ts";
import { byteLength, elementCount, Tensor } from "../../tensor.ts";
import type { Device } from "./device.ts";

/** A tensor at the beginning of a buffer, which may be larger. */
export interface TensorPlace {
  readonly shape: TensorShape;
  readonly buffer: GPUBuffer;
}

export function bytesOf({ dtype, shape }: TensorShape): number {
  return byteLength(dtype, elementCount(shape));
}

/** Storage is words, and never empty. */
export function padded(bytes: number): number {
  return Math.max(4, Math.ceil(bytes / 4) * 4);
}

/** @throws RuntimeError R0405 */
export function allocate({ gpu }: Device, size: number): GPUBuffer {
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.limits;
  const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  if (size > limit) throw new RuntimeError("R0405", `a tensor of ${size} bytes exceeds the device's storage binding of ${limit}`, "webgpu");
  return gpu.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
}

/** In multiples of 4 bytes, as WebGPU demands. */
export function upload({ gpu }: Device, buffer: GPUBuffer | undefined, bytes: Uint8Array): void {
  if (!buffer || bytes.length === 0) return;
  const whole = bytes.length % 4 === 0 ? bytes : new Uint8Array(padded(bytes.length));
  if (whole !== bytes) whole.set(bytes);
  gpu.queue.writeBuffer(buffer, 0, whole as Uint8Array<ArrayBuffer>);
}

/** @throws RuntimeError R0421 the device is lost, R0404 the results cannot be read */
export async function readBack(device: Device, places: readonly TensorPlace[]): Promise<readonly Tensor[]> {
  const offsets: number[] = [];
  const total = places.reduce((end, { shape }) => {
    offsets.push(end);
    return end + padded(bytesOf(shape));
  }, 0);
  const staging = device.gpu.createBuffer({ size: total, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  try {
    const encoder = device.gpu.createCommandEncoder();
    places.forEach(({ shape, buffer }, i) => {
      encoder.copyBufferToBuffer(buffer, 0, staging, offsets[i] as number, padded(bytesOf(shape)));
    });
    device.gpu.queue.submit([encoder.finish()]);
    await mapped(device, staging);
    const bytes = new Uint8Array(staging.getMappedRange());
    return places.map(({ shape }, i) => {
      const offset = offsets[i] as number;
      return Tensor.fromBytes(shape.dtype, bytes.slice(offset, offset + bytesOf(shape)), shape.shape);
    });
  } finally {
    staging.destroy();
  }
}

async function mapped(device: Device, staging: GPUBuffer): Promise<void> {
  try {
    await staging.mapAsync(GPUMapMode.READ);
  } catch (cause) {
    device.refuseLost();
    throw new RuntimeError("R0404", `the results cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, "webgpu");
  }
}
