/** @file The module for relaxed SIMD as the wasm backend takes it: probed once, linked in place of the float products of plans that were compiled for it. */
import { RuntimeError } from "../../errors.ts";

/** `import { relaxedSimd } from "tersor/runtime/wasm-relaxed"`. */
export interface RelaxedModule {
  bytes(): Uint8Array;
}

export const relaxedTarget = "wasm-relaxed-simd";

/** A function that gives f32x4.relaxed_madd of three zeros: valid only where relaxed SIMD is. */
// biome-ignore format: magic and version, type section (() -> v128), function section, code section (i32.const 0, i8x16.splat three times, f32x4.relaxed_madd, end)
const relaxedProbe = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0,
  65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11,
);

export function hasRelaxedSimd(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(relaxedProbe);
}

/** What the module's `probe` must give: an engine that has the instruction may still compute something else (V8 11 did, for the integer dot product). */
const probeResult = 40;

/** @throws RuntimeError R0401 */
export function checkProbe(exports: WebAssembly.Exports): void {
  const { probe } = exports;
  const result: unknown = typeof probe === "function" ? probe() : null;
  if (result !== probeResult)
    throw new RuntimeError(
      "R0401",
      `this engine's relaxed SIMD gives ${String(result)} instead of ${probeResult}: leave { relaxed } away`,
      "wasm",
    );
}
