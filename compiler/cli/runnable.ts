/** @file A model of any format as a file that a backend can run: a `.tsr` as it is, `.onnx` and `.tir` compiled without compressing anything. */
import type { Module } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { type Backend, fileTargets, load, openFile, referenceTarget, type Session } from "../../runtime/index.ts";
import { compile } from "../compile.ts";
import { readSource, toolExpansion } from "../emit/read-source.ts";
import { detectFormat } from "../import/index.ts";
import type { Lowered } from "../lower/lower.ts";
import { createHost } from "../plugin/host.ts";
import { backendNamed } from "./backends.ts";
import type { Configuration } from "./config.ts";
import { readBytes } from "./files.ts";
import { openModel } from "./models.ts";

export interface Runnable {
  readonly path: string;
  readonly format: "onnx" | "tir" | "tsr";
  /** As it lies on disk. */
  readonly bytes: Uint8Array;
  /** The `.tsr` that runs. */
  readonly file: Uint8Array;
  /** The plan, where `file` was made here because `bytes` hold nothing that the backend runs. */
  readonly made: readonly Lowered[] | null;
  /** Where it was compiled here, or the file keeps it. */
  readonly module: Module | null;
}

/** The backend with the runtime halves of the configuration's plugins. @throws UsageError for an unknown name */
export function makeBackend(name: string, { extend }: Pick<Configuration, "extend">): Backend {
  const { make } = backendNamed(name);
  return name === "wasm" && extend && extend.length > 0 ? wasm({ extend }) : make();
}

/** @throws TersorError E0004 when the file is no model, and what compiling throws */
export async function openRunnable(path: string, backend: string, config: Configuration): Promise<Runnable> {
  const { target } = backendNamed(backend);
  const bytes = await readBytes(path);
  const format = detectFormat(bytes);
  const targets = format === "tsr" ? fileTargets(openFile(bytes, { maxExpandedBytes: toolExpansion(bytes) })) : [];
  if (format === "tsr" && (targets.includes(target) || !targets.includes(referenceTarget)))
    return { path, format, bytes, file: bytes, made: null, module: targets.includes(referenceTarget) ? readSource(bytes) : null };
  const opened = await openModel(path, { registry: createHost(config.plugins).ops });
  const { plugins, preprocessing, fallback } = config;
  const declared = { ...(preprocessing === undefined ? {} : { preprocessing }), ...(fallback === undefined ? {} : { fallback }) };
  const result = await compile(opened.module, { plugins, targets: [target], modelSha256: opened.sha256, ...declared });
  return { path, format: opened.format, bytes, file: result.bytes, made: result.plans, module: result.module };
}

/** With the backends that steps of a mixed plan may run on. */
export function loadRunnable(runnable: Runnable, backend: string, config: Configuration): Promise<Session> {
  const { target } = backendNamed(backend);
  const own = makeBackend(backend, config);
  const companions = (own.companions ?? []).map((name) => makeBackend(name, config));
  return load(runnable.file, { backends: [own, ...companions], target, maxExpandedBytes: toolExpansion(runnable.file) });
}
