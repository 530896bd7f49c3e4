/** @file The runtime half, for `wasm({ extend: [sample] })`. It imports nothing of the compiler. */
import type { WasmExtension } from "tersor/runtime/wasm";
import { decoder } from "./decoder.mts";
import { base64 } from "./swish2-wasm.mts";

export const abi = 1;
export const kernelId = `sample/f32_swish2@${abi}`;

export const sample: WasmExtension = {
  name: "sample",
  abi,
  npmPackage: "tersor-plugin-sample",
  wasm: Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  codecs: [decoder],
  kernels: [
    {
      id: kernelId,
      bind({ operands, results, exports }) {
        const [x] = operands;
        const [y] = results;
        if (!x || !y) throw new RangeError("sample.swish2 takes one tensor");
        const n = x.shape.reduce((product, size) => product * size, 1);
        const swish2 = exports.swish2 as (x: number, y: number, n: number) => void;
        return () => swish2(x.ptr, y.ptr, n);
      },
    },
  ],
};
