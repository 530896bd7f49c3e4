/** @file Opens what commands are given: `.onnx`, `.tir` (with its resources beside it) or `.tsr`, told apart by content. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve, sep } from "node:path";
import { type Module, type OpRegistry, TersorError } from "../../ir-spec/index.ts";
import { readSource } from "../emit/read-source.ts";
import { detectFormat, importOnnx } from "../import/index.ts";
import { decodeText, readModule } from "../text/index.ts";
import { verifyModule } from "../verify/index.ts";
import { FilesBeside, hashOfModel } from "./external-data.ts";
import { readBytes } from "./files.ts";

export interface OpenedModel {
  readonly path: string;
  readonly format: "onnx" | "tir" | "tsr";
  readonly bytes: Uint8Array;
  /** Of the file and the resources beside it. */
  readonly size: number;
  readonly sha256: string;
  readonly module: Module;
}

export interface OpenOptions {
  readonly registry: OpRegistry;
  /** Turn a leading batch of 1 into a symbol where the graph allows it. */
  readonly dynamicBatch?: boolean;
  /** The file that a .tsr holds differences to. */
  readonly base?: Uint8Array;
}

/** @throws TersorError E0004 when the file is none of the three. */
export async function openModel(path: string, options: OpenOptions): Promise<OpenedModel> {
  const bytes = await readBytes(path);
  const format = detectFormat(bytes);
  if (format === null)
    throw new TersorError({ code: "E0004", message: "neither an ONNX model, nor .tir text, nor a .tsr file", where: path });
  const beside = new FilesBeside(path);
  const module = readAs(format, path, bytes, options, beside);
  const resources = [...module.resources.values()].reduce((sum, resource) => sum + (resource.bytes?.length ?? 0), 0);
  const size = bytes.length + beside.bytes + (format === "tir" ? resources : 0);
  return { path, format, bytes, size, sha256: hashOfModel(bytes, beside), module };
}

function readAs(format: OpenedModel["format"], path: string, bytes: Uint8Array, options: OpenOptions, beside: FilesBeside): Module {
  const { registry, dynamicBatch = false } = options;
  if (format === "onnx") return importOnnx(bytes, { registry, fileName: basename(path), dynamicBatch, externalData: beside.open });
  if (format === "tsr") return verified(readSource(bytes, options.base ? { base: options.base } : {}), registry);
  const folder = dirname(resolve(path));
  return readModule(decodeText(bytes, path), { registry, file: path, resources: (name: string) => resourceBytes(folder, name) });
}

/** A file can hold a module that no compiler emitted. Ops of plugins that are not here are no mistake of it. @throws TersorError with every problem */
function verified(module: Module, registry: OpRegistry): Module {
  const problems = verifyModule(module, registry).filter(({ code }) => code !== "E0301");
  if (problems.length > 0) throw new TersorError(problems);
  return module;
}

/** A resource beside the text; never one outside its folder. */
function resourceBytes(folder: string, name: string): Uint8Array | null {
  const path = resolve(folder, name);
  if (!path.startsWith(folder + sep))
    throw new TersorError({ code: "E0005", message: `resource "${name}" lies outside the folder of the text` });
  try {
    const buffer = readFileSync(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).slice();
  } catch {
    return null;
  }
}
