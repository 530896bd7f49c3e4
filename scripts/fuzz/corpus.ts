/**
 * @file What the fuzzer damages: the golden files, the seeds beside this file compiled in every form (plain and packed metadata, with and without plans, each compressing pass, entropy
 * coding), their texts, small ONNX models, and, where they are given, the models of other folders. Built in a fixed order: case numbers mean the same everywhere with the same folders.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { detectFormat, importOnnx } from "../../compiler/import/index.ts";
import { createHost } from "../../compiler/plugin/host.ts";
import { Random } from "../../compiler/random/random.ts";
import { randomModule } from "../../compiler/testing/random-module.ts";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { type Module, TersorError } from "../../ir-spec/index.ts";
import { onnxSeeds } from "./onnx-seeds.ts";
import { putTogether, takeApart } from "./tsr-file.ts";

export type Format = "tsr" | "onnx" | "tir";

export interface Seed {
  readonly name: string;
  readonly format: Format;
  readonly bytes: Uint8Array;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = fileURLToPath(new URL("seeds", import.meta.url));
const plugins = bundledPlugins();
const registry = createHost(plugins).ops;

/** Larger files are damaged no better, only slower. */
const largest = 3 << 20;

const pipelines: Readonly<Record<string, string>> = {
  plain: "",
  pruned: "prune-magnitude{sparsity=60% min=1}",
  shared: "share-weights{clusters=4}",
  "4 bits": "quantize{bits=4 group=8}",
  all: "prune-magnitude{sparsity=50% min=1},share-weights{clusters=4},quantize{bits=8},entropy",
};

/** @param folders more files, and folders of files, in any of the formats */
export async function buildCorpus(folders: readonly string[] = []): Promise<readonly Seed[]> {
  const seeds: Seed[] = [];
  const golden = join(root, "test/format/golden");
  for (const name of listed(golden)) seeds.push({ name, format: "tsr", bytes: bytesOf(join(golden, name)) });
  for (const name of listed(here)) await addText(seeds, name, bytesOf(join(here, name)));
  for (const [name, bytes] of Object.entries(onnxSeeds())) await addOnnx(seeds, name, bytes);
  for (let i = 0; i < randomModules; i++) await addRandom(seeds, i);
  for (const folder of folders) for (const path of filesOf(folder)) await addFile(seeds, path);
  return seeds;
}

/** Modules that nobody would write: ops and dtypes that the seeds do not have. */
const randomModules = 12;

async function addRandom(seeds: Seed[], i: number): Promise<void> {
  const module = randomModule(new Random(1000 + i), registry, { runnable: true, ops: 20 });
  seeds.push({ name: `random ${i}.tir`, format: "tir", bytes: new TextEncoder().encode(printModule(module)) });
  await addCompiled(seeds, `random ${i}`, module, [["plain", ""]]);
}

async function addText(seeds: Seed[], name: string, bytes: Uint8Array): Promise<void> {
  seeds.push({ name, format: "tir", bytes });
  const module = readModule(new TextDecoder().decode(bytes), { registry, file: name });
  await addCompiled(seeds, name, module, Object.entries(pipelines));
}

async function addOnnx(seeds: Seed[], name: string, bytes: Uint8Array): Promise<void> {
  seeds.push({ name, format: "onnx", bytes });
  const module = importOnnx(bytes, { registry, fileName: name });
  seeds.push({ name: `${name}.tir`, format: "tir", bytes: new TextEncoder().encode(printModule(module)) });
  await addCompiled(seeds, name, module, [["plain", ""]]);
}

/** A file that does not compile is damaged nevertheless. */
async function addFile(seeds: Seed[], path: string): Promise<void> {
  const bytes = bytesOf(path);
  const format = detectFormat(bytes);
  if (format === null) return;
  seeds.push({ name: basename(path), format, bytes });
  if (format === "onnx") {
    const module = orNull(() => importOnnx(bytes, { registry, fileName: basename(path) }));
    if (module) await addCompiled(seeds, basename(path), module, [["all", pipelines.all as string]]);
  }
}

async function addCompiled(seeds: Seed[], name: string, module: Module, ways: readonly (readonly [string, string])[]): Promise<void> {
  for (const [how, pipeline] of ways) {
    const whole = await compiled(module, { pipeline });
    if (whole) {
      seeds.push({ name: `${name}, ${how}`, format: "tsr", bytes: whole });
      if (how === "plain")
        seeds.push({
          name: `${name}, without source`,
          format: "tsr",
          bytes: (await compiled(module, { pipeline, targets: ["wasm-simd"] })) as Uint8Array,
        });
    }
    const source = await compiled(module, { pipeline, targets: ["reference"] });
    if (source && (how === "plain" || how === "all")) {
      seeds.push({ name: `${name}, ${how}, no plan`, format: "tsr", bytes: source });
      seeds.push({
        name: `${name}, ${how}, plain metadata`,
        format: "tsr",
        bytes: putTogether({ ...takeApart(whole ?? source), packed: false }),
      });
    }
  }
}

async function compiled(module: Module, options: CompileOptions): Promise<Uint8Array | null> {
  try {
    return (await compile(module, { plugins, ...options })).bytes;
  } catch (error) {
    if (error instanceof TersorError) return null;
    throw error;
  }
}

function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof TersorError) return null;
    throw error;
  }
}

function filesOf(path: string): readonly string[] {
  if (!existsSync(path)) throw new RangeError(`no such file or folder: ${path}`);
  if (!statSync(path).isDirectory()) return [path];
  return listed(path)
    .map((name) => join(path, name))
    .filter((file) => /\.(?:tsr|onnx|tir)$/.test(file) && statSync(file).size <= largest);
}

const listed = (folder: string): readonly string[] => readdirSync(folder).sort();

function bytesOf(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}
