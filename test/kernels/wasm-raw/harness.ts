/**
 * @file A bare instance of the wasm kernels for tests: a bump allocator with guard bytes behind every tensor, seeded inputs, comparisons.
 *
 * `bench.done()` fails if a kernel wrote outside the tensors that it was given. Inputs of small integers make sums exact in f32, so most
 * kernels are compared for equality with a plain loop; only what rounds is compared with a tolerance.
 */
import * as assert from "uvu/assert";
import { type Kernels, kernelsBase64 } from "../../../runtime/backends/wasm/gen/kernels.generated.ts";

type Numbers = Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array | Int8Array | BigInt64Array;

const GUARD = 64;
const GUARD_BYTE = 0xa5;
const wasm = new WebAssembly.Module(Uint8Array.from(atob(kernelsBase64), (c) => c.charCodeAt(0)));

export interface Bench {
  readonly k: Kernels;
  /** Address of a copy of `values`, 16-byte aligned, guarded. */
  put(values: Numbers): number;
  /** The same at the very end of memory, where one byte too far traps. */
  putLast(values: Numbers): number;
  /** Address of `bytes` bytes of garbage for a result or scratch. */
  room(bytes: number): number;
  f32(at: number, count: number): Float32Array;
  u32(at: number, count: number): Uint32Array;
  u8(at: number, count: number): Uint8Array;
  i8(at: number, count: number): Int8Array;
  /** Fails if any guard byte changed. */
  done(): void;
}

export function bench(pages = 8): Bench {
  const memory = new WebAssembly.Memory({ initial: pages });
  const exports: unknown = new WebAssembly.Instance(wasm, { env: { memory } }).exports;
  const bytes = new Uint8Array(memory.buffer).fill(GUARD_BYTE);
  const guards: number[] = [0];
  let top = GUARD;
  const room = (size: number): number => {
    const at = top;
    guards.push(at + size);
    top = (at + size + GUARD + 15) & ~15;
    if (top > bytes.length) throw new Error("the test needs more pages");
    return at;
  };
  const write = (at: number, values: Numbers): number => {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    return at;
  };
  return {
    k: exports as Kernels,
    room,
    put: (values) => write(room(values.byteLength), values),
    putLast: (values) => write(bytes.length - values.byteLength, values),
    f32: (at, count) => new Float32Array(memory.buffer, at, count).slice(),
    u32: (at, count) => new Uint32Array(memory.buffer, at, count).slice(),
    u8: (at, count) => bytes.slice(at, at + count),
    i8: (at, count) => new Int8Array(memory.buffer, at, count).slice(),
    done: () => {
      for (const at of guards) {
        const guard = bytes.subarray(at, (at + GUARD) & ~15);
        assert.ok(
          guard.every((b) => b === GUARD_BYTE),
          `bytes after ${at} were overwritten`,
        );
      }
    },
  };
}

/** Seeded 32-bit generator (a Weyl sequence through a multiply-xorshift mix). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = Math.imul(state ^ (state >>> 16), 0x45d9f3b);
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    return ((x ^ (x >>> 13)) >>> 0) / 2 ** 32;
  };
}

export const integers = (n: number, seed: number, span = 4): Float32Array => {
  const next = random(seed);
  return Float32Array.from({ length: n }, () => Math.floor(next() * (2 * span + 1)) - span);
};

export const floats = (n: number, seed: number, lo = -1, hi = 1): Float32Array => {
  const next = random(seed);
  return Float32Array.from({ length: n }, () => lo + (hi - lo) * next());
};

export const bytesOf = (n: number, seed: number, end = 256): Uint8Array => {
  const next = random(seed);
  return Uint8Array.from({ length: n }, () => Math.floor(next() * end));
};

/** Sizes around the vector, tile and block widths. */
export const AWKWARD = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 67] as const;

/** Same values, NaN equal to NaN, -0 equal to +0. */
export function same(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.is(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i], expected[i]];
    if (a !== e && !(Number.isNaN(a) && Number.isNaN(e))) assert.unreachable(`${what}: [${i}] is ${a}, expected ${e}`);
  }
}

/** Every value within `tolerance` of its own size (or of `floor`, where a sum may cancel); infinities and NaN must be equal. */
export function close(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = 1e-5, floor = 0): void {
  assert.is(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++) {
    const [a = 0, e = 0] = [actual[i], expected[i]];
    const equal = Object.is(a, e) || a === e || Math.abs(a - e) <= tolerance * Math.max(Math.abs(e), floor);
    if (!equal) assert.unreachable(`${what}: [${i}] is ${a}, expected ${e}`);
  }
}
