/** @file Compiling WebAssembly, with the reason in words where an environment refuses. */
import { RuntimeError } from "../../errors.ts";

/** A module with one function that returns a v128 constant: valid only where 128-bit SIMD is. */
// biome-ignore format: magic and version, type section (() -> v128), function section, code section (i32.const 0, i8x16.splat, end)
const simdProbe = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11);

/** @throws RuntimeError R0401 */
export function demandSimd(): void {
  if (typeof WebAssembly !== "object") throw new RuntimeError("R0401", "WebAssembly is off or missing here", "wasm");
  if (!WebAssembly.validate(simdProbe))
    throw new RuntimeError("R0401", "this engine has no 128-bit SIMD in WebAssembly: update it", "wasm");
}

/** @throws RuntimeError R0401 with the engine's reason */
export async function compile(bytes: Uint8Array, what: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const policy = /content security|csp|unsafe-eval/i.test(reason) ? "; the page's policy needs script-src 'wasm-unsafe-eval'" : "";
    const error = new RuntimeError("R0401", `${what} could not be compiled: ${reason}${policy}`, "wasm");
    error.cause = cause;
    throw error;
  }
}
