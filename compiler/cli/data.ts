/** @file `--data SPEC` on the command line. */
import type { Module } from "../../ir-spec/index.ts";
import type { ImagePreprocessing } from "../../runtime/index.ts";
import { preprocessingOf } from "../compile.ts";
import type { DataSet } from "../data/dataset.ts";
import { preprocess } from "../data/preprocessing.ts";
import { openDataSpec } from "../data/spec.ts";
import type { PreprocessingDeclaration } from "../emit/preprocessing.ts";
import { decodeImage } from "./decode-image.ts";
import { listFolder, listTree, readBytes } from "./files.ts";

/** @param preprocessing what the model declares; `images:DIR` needs it */
export function openData(
  spec: string,
  split: "train" | "validation" | "test",
  limit?: number,
  preprocessing: ImagePreprocessing | null = null,
): Promise<DataSet> {
  const access = { readFile: readBytes, listDir: listFolder, listTree, decodeImage, preprocessing, split };
  return openDataSpec(spec, limit === undefined ? access : { ...access, limit });
}

/** Training samples to calibrate with, as the model wants them. */
export async function openPrepared(
  spec: string,
  module: Module,
  declaration: PreprocessingDeclaration | undefined,
  limit = 1024,
): Promise<DataSet> {
  const wanted = preprocessingOf(module, declaration);
  const data = await openData(spec, "train", limit, wanted);
  return wanted ? preprocess(data, wanted) : data;
}
