/**
 * @file The WebAssembly backend: SIMD kernels in one module that is part of this file, so there is nothing to fetch; runs in browsers, workers and Node. A page with a
 * content security policy needs `script-src 'wasm-unsafe-eval'`. One memory per executable; kernels run on the calling thread.
 */
import type { Backend, Executable, Plan } from "../../backend.ts";
import type { WeightDecoder } from "../../codec/codec.ts";
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, type RunLimits } from "../../limits.ts";
import { type Linked, type LinkedKernel, WasmExecutable } from "./executable.ts";
import { checkedExtensions } from "./extension.ts";
import { type Kernels, kernelsBase64 } from "./gen/kernels.generated.ts";
import type { WasmExtension, WasmKernel } from "./kernel.ts";
import { builtinKernels } from "./kernels/index.ts";
import { MemoryViews } from "./memory.ts";
import { compile, demandSimd } from "./module.ts";

export {
  type KernelCall,
  type StepShapes,
  type TensorAt,
  type TensorShape,
  type WasmExtension,
  type WasmKernel,
  wasmAbi,
} from "./kernel.ts";
export { manifest } from "./manifest.ts";
export { MemoryViews } from "./memory.ts";

export interface WasmOptions {
  /** Runtime halves of plugins, each with kernels that files of that plugin need. */
  readonly extend?: readonly WasmExtension[];
  /** Threads wanted. Kernels of this version use one, whatever is asked. */
  readonly threads?: number;
}

/** @throws RuntimeError R0409 for an extension that does not fit this version */
export function wasm(options: WasmOptions = {}): Backend {
  return new WasmBackend(checkedExtensions(options.extend ?? []));
}

let builtin: Promise<WebAssembly.Module> | null = null;

/** The backend's own module: compiled once, whatever the number of backends and sessions. */
function builtinModule(): Promise<WebAssembly.Module> {
  builtin ??= compile(
    Uint8Array.from(atob(kernelsBase64), (character) => character.charCodeAt(0)),
    "its kernels",
  );
  return builtin;
}

interface Compiled {
  readonly builtin: WebAssembly.Module;
  /** By extension name. */
  readonly extensions: ReadonlyMap<string, WebAssembly.Module>;
}

class WasmBackend implements Backend {
  readonly name = "wasm";
  readonly targets = ["wasm-simd"];
  readonly codecs: readonly WeightDecoder[];
  private readonly extensions: readonly WasmExtension[];
  private readonly table: ReadonlyMap<string, { readonly kernel: WasmKernel; readonly extension: string | null }>;
  private compiled: Promise<Compiled> | null = null;

  constructor(extensions: readonly WasmExtension[]) {
    this.extensions = extensions;
    this.codecs = extensions.flatMap((extension) => extension.codecs ?? []);
    const own = builtinKernels.map((kernel) => ({ kernel, extension: null }));
    const extended = extensions.flatMap(({ name, kernels }) => kernels.map((kernel) => ({ kernel, extension: name })));
    this.table = new Map([...own, ...extended].map((entry) => [entry.kernel.id, entry]));
  }

  async open(): Promise<void> {
    demandSimd();
    this.compiled ??= this.compileAll();
    await this.compiled;
  }

  hasKernel(id: string): boolean {
    return this.table.has(id);
  }

  async prepare(plan: Plan, limits: RunLimits = defaultLimits): Promise<Executable> {
    if (!this.compiled) throw new RuntimeError("R0402", "open() the backend before preparing a plan", "wasm");
    const executable = new WasmExecutable(plan, await this.link(await this.compiled, limits), limits);
    executable.initialise();
    return executable;
  }

  dispose(): void {
    this.compiled = null;
  }

  private async compileAll(): Promise<Compiled> {
    const builtin = await builtinModule();
    const extensions = new Map<string, WebAssembly.Module>();
    for (const { name, wasm } of this.extensions) if (wasm) extensions.set(name, await compile(wasm, `extension ${name}`));
    return { builtin, extensions };
  }

  /** Instances of every module over one new memory. */
  private async link({ builtin, extensions }: Compiled, limits: RunLimits): Promise<Linked> {
    const memory = new MemoryViews(undefined, limits);
    const imports = { env: { memory: memory.memory } };
    const kernels: unknown = (await WebAssembly.instantiate(builtin, imports)).exports;
    const exports = new Map<string, WebAssembly.Exports>();
    for (const [name, module] of extensions) exports.set(name, (await WebAssembly.instantiate(module, imports)).exports);
    const find = (id: string): LinkedKernel => {
      const entry = this.table.get(id);
      if (!entry) throw new RuntimeError("R0403", `no kernel ${id}`, "wasm");
      return { kernel: entry.kernel, exports: exports.get(entry.extension ?? "") ?? {} };
    };
    return { memory, kernels: kernels as Kernels, find };
  }
}
