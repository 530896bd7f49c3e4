/** @file The two example pages: their entries, their models, and the preprocessing that these declare. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import type { PreprocessingDeclaration } from "../../compiler/emit/preprocessing.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { readDigitsModel } from "../../examples/digits/files.ts";
import type { PageFacts } from "../../examples/page/facts.ts";
import { constantBytes, createCoreRegistry, type Module } from "../../ir-spec/index.ts";
import { ROOT } from "../paths.mjs";
import { buildPage, type PageModel } from "./build.ts";

/** What the models' inputs do not say themselves: the digits take pixels as they come, UltraFace takes (pixel - 127) / 128. */
export const preprocessing = {
  digits: {},
  faces: { channels: "rgb", mean: 127, std: 128 },
} as const satisfies Readonly<Record<string, PreprocessingDeclaration>>;

/** The bundled digits network through the default preset, for WebAssembly and WebGPU: the weights are there once. */
export async function digitModel(): Promise<PageModel> {
  const source = readDigitsModel(createCoreRegistry());
  const targets = ["wasm-simd", "webgpu"];
  const bytes = await compiled(source, { preset: "default", preprocessing: preprocessing.digits, targets });
  return { bytes, sourceBytes: weightBytes(source) };
}

/**
 * @param file an UltraFace `.onnx`: input `[1, 3, 240, 320]`
 * @param pipeline passes that compress it; "" keeps every weight
 */
export async function faceModel(file: string, pipeline = ""): Promise<PageModel> {
  const onnx = new Uint8Array(readFileSync(file));
  const source = importOnnx(onnx, { registry: createCoreRegistry(), dynamicBatch: true });
  return { bytes: await compiled(source, { pipeline, preprocessing: preprocessing.faces }), sourceBytes: onnx.length };
}

export function buildDigitPage(model: PageModel, outFolder?: string): Promise<PageFacts> {
  const page = join(ROOT, "examples/digit-page");
  return buildPage({ page, entries: ["page.ts", "worker.ts"], model, ...(outFolder === undefined ? {} : { outFolder }) });
}

export function buildFacePage(model: PageModel | null, outFolder?: string): Promise<PageFacts> {
  const page = join(ROOT, "examples/faces-page");
  return buildPage({ page, entries: ["page.ts"], model, ...(outFolder === undefined ? {} : { outFolder }) });
}

async function compiled(source: Module, options: CompileOptions): Promise<Uint8Array> {
  return (await compile(source, { plugins: bundledPlugins(), targets: ["wasm-simd"], ...options })).bytes;
}

function weightBytes(module: Module): number {
  return [...module.constants.values()].reduce(
    (sum, constant) => sum + (constant.kind === "data" ? constantBytes(module, constant).length : 0),
    0,
  );
}
