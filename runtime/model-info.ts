/** @file What a file says about itself: what made it, and how its inputs are to be prepared. */
import type { PlanAttr } from "./backend.ts";
import type { RuntimeError } from "./errors.ts";
import type { OpenedFile } from "./open-file.ts";
import { AttrReader, fileTargets } from "./program.ts";

export interface FileBuildInfo {
  /** Version of tersor that wrote it. */
  readonly tersor: string;
  readonly pipeline: string;
  readonly plugins: readonly { readonly name: string; readonly version: string }[];
  /** SHA-256, hexadecimal; empty when it was not given. */
  readonly modelSha256: string;
  readonly dataSha256: string;
  readonly seed: number;
  readonly costProfile: string | null;
}

export interface ModelInfo {
  readonly bytes: number;
  /** Targets that the file can run on; `reference` where source functions are kept. */
  readonly targets: readonly string[];
  readonly build: FileBuildInfo;
  /** As declared when it was compiled; null when nothing was. */
  readonly preprocessing: Readonly<Record<string, PlanAttr>> | null;
  /** Dim symbol -> what the imported model called it, where that differs. */
  readonly symbols: Readonly<Record<string, string>>;
}

export interface SkippedBackend {
  readonly backend: string;
  readonly reason: string;
  readonly error: RuntimeError;
}

export interface SessionInfo extends ModelInfo {
  readonly backend: string;
  readonly target: string;
  /** Backends before it in the list that could not run the file. */
  readonly skipped: readonly SkippedBackend[];
}

export function modelInfo(file: OpenedFile): ModelInfo {
  const { view } = file;
  const text = (index: number): string => view.strings[index] ?? "";
  const { build } = view;
  const renamed = view.symbols.filter((symbol) => symbol.original !== 0);
  return {
    bytes: file.bytes.length,
    targets: fileTargets(file),
    build: {
      tersor: text(build.tersor),
      pipeline: text(build.pipeline),
      plugins: build.plugins.map((p) => ({ name: text(p.name), version: text(p.version) })),
      modelSha256: hex(build.model),
      dataSha256: hex(build.data),
      seed: Number(build.seed),
      costProfile: build.costProfile === 0 ? null : text(build.costProfile - 1),
    },
    preprocessing: view.preprocessing === 0 ? null : new AttrReader(view).record(view.preprocessing - 1),
    symbols: Object.fromEntries(renamed.map((symbol) => [text(symbol.name), text(symbol.original - 1)])),
  };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
