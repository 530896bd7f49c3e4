/**
 * @file `wasm({ relaxed: relaxedSimd })`: the float products with fused multiply-add, for plans of target `wasm-relaxed-simd`, where the engine has relaxed SIMD (Chrome 114, Firefox 145, Node 22; not
 * Safari). Its own entry, so that who does not ask for it does not ship it. Results may differ in the last bits from one machine to the next: fused or not is the machine's choice.
 */
import type { RelaxedModule } from "../wasm/relaxed.ts";
import { relaxedBase64 } from "./gen/relaxed.generated.ts";

export const relaxedSimd: RelaxedModule = {
  bytes: () => Uint8Array.from(atob(relaxedBase64), (character) => character.charCodeAt(0)),
};
