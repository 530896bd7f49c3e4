/** @file Extensions are checked when they are given: an ill-fitting one is an error that names its package, not a missing kernel later. */
import { RuntimeError } from "../../errors.ts";
import { type WasmExtension, wasmAbi } from "./kernel.ts";

/** @throws RuntimeError R0409 */
export function checkedExtensions(extensions: readonly WasmExtension[]): readonly WasmExtension[] {
  const names = new Set<string>();
  for (const extension of extensions) {
    if (names.has(extension.name)) throw refused(extension, "it is given twice");
    names.add(extension.name);
    checkOne(extension);
  }
  return extensions;
}

function checkOne(extension: WasmExtension): void {
  const { name, abi, kernels } = extension;
  if (abi !== wasmAbi) {
    const newer = abi > wasmAbi ? "update tersor" : "update the package";
    throw refused(extension, `its kernels follow calling convention ${abi}, this runtime has ${wasmAbi}: ${newer}`);
  }
  const ids = new Set<string>();
  for (const { id } of kernels) {
    if (!id.startsWith(`${name}/`) || !id.endsWith(`@${abi}`))
      throw refused(extension, `kernel ${id} must be called ${name}/<kernel>@${abi}`);
    if (ids.has(id)) throw refused(extension, `kernel ${id} is there twice`);
    ids.add(id);
  }
}

function refused({ name, npmPackage }: WasmExtension, message: string): RuntimeError {
  return new RuntimeError("R0409", `package ${npmPackage ?? `tersor-plugin-${name}`}: ${message}`, "wasm extension");
}
