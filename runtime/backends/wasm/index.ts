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
import { checkProbe, hasRelaxedSimd, type RelaxedModule, relaxedTarget } from "./relaxed.ts";

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
export type { RelaxedModule } from "./relaxed.ts";

export interface WasmOptions {
  /** Runtime halves of plugins, each with kernels that files of that plugin need. */
  readonly extend?: readonly WasmExtension[];
  /** The products for relaxed SIMD, from `tersor/runtime/wasm-relaxed`: plans of target `wasm-relaxed-simd` are taken where the engine has it. */
  readonly relaxed?: RelaxedModule;
  /** Threads wanted. Kernels of this version use one, whatever is asked. */
  readonly threads?: number;
}

/** @throws RuntimeError R0409 for an extension that does not fit this version */
export function wasm(options: WasmOptions = {}): Backend {
  return new WasmBackend(checkedExtensions(options.extend ?? []), options.relaxed ?? null);
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
  /** null: not asked for, or not to be had here. */
  readonly relaxed: WebAssembly.Module | null;
  /** By extension name. */
  readonly extensions: ReadonlyMap<string, WebAssembly.Module>;
}

class WasmBackend implements Backend {
  readonly name = "wasm";
  readonly targets: readonly string[];
  readonly codecs: readonly WeightDecoder[];
  private readonly extensions: readonly WasmExtension[];
  private readonly table: ReadonlyMap<string, { readonly kernel: WasmKernel; readonly extension: string | null }>;
  private readonly relaxed: RelaxedModule | null;
  private compiled: Promise<Compiled> | null = null;

  constructor(extensions: readonly WasmExtension[], relaxed: RelaxedModule | null) {
    this.extensions = extensions;
    this.relaxed = relaxed && hasRelaxedSimd() ? relaxed : null;
    this.targets = this.relaxed ? [relaxedTarget, "wasm-simd"] : ["wasm-simd"];
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
    const executable = new WasmExecutable(plan, await this.link(await this.compiled, plan.target === relaxedTarget, limits), limits);
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
    const relaxed = this.relaxed ? await compile(this.relaxed.bytes(), "its kernels for relaxed SIMD") : null;
    return { builtin, relaxed, extensions };
  }

  /** Instances of every module over one new memory. */
  private async link({ builtin, relaxed, extensions }: Compiled, wantsRelaxed: boolean, limits: RunLimits): Promise<Linked> {
    const memory = new MemoryViews(undefined, limits);
    const imports = { env: { memory: memory.memory } };
    const plain = (await WebAssembly.instantiate(builtin, imports)).exports;
    const kernels: unknown = relaxed && wantsRelaxed ? await withRelaxed(plain, relaxed, imports) : plain;
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

/** The same exports, those of the module for relaxed SIMD first. @throws RuntimeError R0401 */
async function withRelaxed(
  plain: WebAssembly.Exports,
  relaxed: WebAssembly.Module,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.Exports> {
  const { exports } = await WebAssembly.instantiate(relaxed, imports);
  checkProbe(exports);
  return { ...plain, ...exports };
}
