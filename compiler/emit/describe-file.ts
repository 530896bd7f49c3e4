/** @file A `.tsr` file as a table of what takes how many bytes: for `inspect` and reports. */
import type { DType } from "../../ir-spec/core/dtype.ts";
import { decodeCompactHead } from "../../ir-spec/format/compact.ts";
import { headerLength } from "../../ir-spec/format/header.ts";
import { type ModelInfo, modelInfo, openFile } from "../../runtime/index.ts";
import { toolExpansion } from "./read-source.ts";

export interface SectionDescription {
  /** Byte of the file where it begins. */
  readonly offset: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly codec: string;
  /** Bytes of the codec's parameters, in the metadata. */
  readonly paramBytes: number;
  /** Every constant that it holds, in the file's order. */
  readonly constants: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[];
}

export interface FileDescription extends ModelInfo {
  readonly formatVersion: string;
  /** Header and metadata; `raw` is the metadata before packing. */
  readonly metadata: { readonly storedBytes: number; readonly rawBytes: number; readonly packed: boolean };
  readonly headerBytes: number;
  readonly paddingBytes: number;
  readonly sections: readonly SectionDescription[];
  readonly plans: readonly {
    readonly target: string;
    readonly initSteps: number;
    readonly steps: number;
    readonly kernels: readonly string[];
  }[];
  readonly requirements: readonly { readonly id: string; readonly npmPackage: string }[];
}

/** @throws RuntimeError R01xx, R02xx */
export function describeFile(bytes: Uint8Array): FileDescription {
  const file = openFile(bytes, { maxExpandedBytes: toolExpansion(bytes) });
  const { view, header } = file;
  const text = (index: number): string => view.strings[index] ?? "";
  const sections = describeSections(file);
  const compact = decodeCompactHead(bytes);
  const [headerBytes, stored] = compact ? [compact.length, compact.stored] : [headerLength, header.stored];
  const used = headerBytes + stored + sections.reduce((sum, s) => sum + s.storedBytes, 0);
  return {
    ...modelInfo(file),
    formatVersion: `${header.major}.${header.minor}`,
    metadata: { storedBytes: stored, rawBytes: header.raw, packed: stored !== header.raw },
    headerBytes,
    paddingBytes: bytes.length - used,
    sections,
    plans: view.plans.map(({ target, init, main }) => ({
      target: text(target),
      initSteps: init.ops.length,
      steps: main.ops.length,
      kernels: [...new Set([...init.ops, ...main.ops].map((op) => text(op.name)))].sort(),
    })),
    requirements: view.requirements.map(({ id, npmPackage }) => ({ id: text(id), npmPackage: text(npmPackage) })),
  };
}

function describeSections(file: ReturnType<typeof openFile>): SectionDescription[] {
  const { view } = file;
  const users = view.sections.map((): SectionDescription["constants"][number][] => []);
  for (const { name, type, storage } of view.constants) {
    const { dtype, shape } = file.typeOf(type);
    if (storage >= 0) users[storage]?.push({ name: view.strings[name] ?? "", dtype, shape: shape as readonly number[] });
  }
  return view.sections.map((section, i) => ({
    offset: file.dataStart + Number(section.offset),
    storedBytes: Number(section.stored),
    rawBytes: Number(section.raw),
    codec: view.strings[section.codec] ?? "",
    paramBytes: section.paramsLength,
    constants: users[i] ?? [],
  }));
}
