/**
 * @file The one WebAssembly memory of an executable, and typed views of it. Growing detaches every view, so nobody keeps one: they are asked for here each time.
 */
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, demandMemory, type RunLimits } from "../../limits.ts";

export const pageBytes = 65536;
/** 32-bit addresses. */
export const maxBytes = 65536 * pageBytes;

export class MemoryViews {
  readonly memory: WebAssembly.Memory;
  private buffer: ArrayBuffer | null = null;
  private bytes = new Uint8Array(0);
  private signed = new Int8Array(0);
  private words = new Int32Array(0);
  private floats = new Float32Array(0);

  private readonly limits: RunLimits;

  constructor(
    memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1, maximum: maxBytes / pageBytes }),
    limits: RunLimits = defaultLimits,
  ) {
    this.memory = memory;
    this.limits = limits;
  }

  get u8(): Uint8Array {
    this.refresh();
    return this.bytes;
  }

  get i8(): Int8Array {
    this.refresh();
    return this.signed;
  }

  /** Index is address / 4. */
  get i32(): Int32Array {
    this.refresh();
    return this.words;
  }

  /** Index is address / 4. */
  get f32(): Float32Array {
    this.refresh();
    return this.floats;
  }

  /** @throws RuntimeError R0411 above the session's limit, R0405 beyond 4 GiB or when the engine has no more */
  ensure(bytes: number): void {
    // What no WebAssembly memory holds has its own error below.
    if (this.limits.share || this.limits.maxMemory < maxBytes) demandMemory(bytes, this.limits, "the model with these shapes", "wasm");
    const have = this.memory.buffer.byteLength;
    if (bytes <= have) return;
    if (!(bytes <= maxBytes))
      throw new RuntimeError("R0405", `the model needs ${bytes} bytes with these shapes; WebAssembly addresses ${maxBytes}`, "wasm");
    try {
      this.memory.grow(Math.ceil((bytes - have) / pageBytes));
    } catch (cause) {
      const error = new RuntimeError("R0405", `out of memory: ${bytes} bytes were refused, ${have} are in use`, "wasm");
      error.cause = cause;
      throw error;
    }
  }

  private refresh(): void {
    const { buffer } = this.memory;
    if (buffer === this.buffer) return;
    this.buffer = buffer as ArrayBuffer;
    this.bytes = new Uint8Array(buffer);
    this.signed = new Int8Array(buffer);
    this.words = new Int32Array(buffer);
    this.floats = new Float32Array(buffer);
  }
}
