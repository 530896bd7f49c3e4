/** @file Runs compiled models and gives the outputs' bytes: the same function in Node and, bundled, in the browser. Imports the runtime alone. */

import { wasm } from "../../runtime/backends/wasm/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { load, type RuntimeDType, Tensor } from "../../runtime/index.ts";

/** What can cross over to the browser: bytes are in base64. */
export interface FileRun {
  readonly name: string;
  readonly file: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: RuntimeDType;
    readonly shape: readonly number[];
    readonly bytes: string;
  }[];
}

const backends = { wasm, webgpu };

/** Per run: every output as `name dtype shape bytes`, bytes in hexadecimal. */
export async function runFiles(runs: readonly FileRun[], backend: keyof typeof backends = "wasm"): Promise<readonly (readonly string[])[]> {
  const answers: (readonly string[])[] = [];
  for (const { file, inputs } of runs) {
    const session = await load(fromBase64(file), { backends: [backends[backend]()] });
    const given = inputs.map(({ name, dtype, shape, bytes }) => [name, Tensor.fromBytes(dtype, fromBase64(bytes), shape)] as const);
    const outputs = await session.run(Object.fromEntries(given));
    answers.push(
      Object.entries(outputs).map(([name, tensor]) => `${name} ${tensor.dtype} [${tensor.shape.join()}] ${toHex(tensor.bytes())}`),
    );
    session.dispose();
  }
  return answers;
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
