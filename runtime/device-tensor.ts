/**
 * @file A tensor in a device's memory: an output that stays where it was computed, and an input that need not travel. The runtime knows no device; each backend that has one
 * extends this class with what it holds.
 */
import type { RuntimeDType, Tensor } from "./tensor.ts";

export abstract class DeviceTensor {
  readonly dtype: RuntimeDType;
  readonly shape: readonly number[];

  constructor(dtype: RuntimeDType, shape: readonly number[]) {
    this.dtype = dtype;
    this.shape = shape;
  }

  /** True after `dispose`, and after the last session of its backend was disposed. */
  abstract readonly disposed: boolean;

  /** Copies it to the host; may be called again. @throws RuntimeError R0312 after dispose, R04xx the device */
  abstract read(): Promise<Tensor>;

  /** Gives its memory back; runs that were started with it finish. May be called again. */
  abstract dispose(): void;
}
