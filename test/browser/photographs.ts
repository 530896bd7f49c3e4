/** @file The photographs of the data folder, decoded in Node, and what UltraFace makes of them there: on ONNX Runtime and on our backends, by the page's own decoding. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import jpeg from "jpeg-js";
import { type Face, findFaces } from "../../examples/faces-page/boxes.ts";
import type { HostTensor } from "../../ir-spec/core/tensor.ts";
import { imagePreprocessing, imageTensor, type RgbaImage, type Session, type Tensor } from "../../runtime/index.ts";
import { DATA } from "../support/data.ts";
import { runOrt } from "../support/ort.ts";

export const ULTRAFACE: string = join(DATA, "models/ultraface-rfb-320.onnx");

export const photographPath = (name: string): string => join(DATA, "images", name);

export function photographs(): readonly string[] {
  return readdirSync(join(DATA, "images"))
    .filter((name) => name.endsWith(".jpg"))
    .sort();
}

export function readPhotograph(name: string): RgbaImage {
  return jpeg.decode(readFileSync(photographPath(name)), { useTArray: true, formatAsRGBA: true, maxMemoryUsageInMB: 1024 });
}

/** The photograph as the model's input. */
export function faceInput(name: string, session: Session): Tensor {
  const declared = imagePreprocessing(session.info);
  if (!declared) throw new Error("the model declares no preprocessing");
  return imageTensor(readPhotograph(name), declared, session.inputs[declared.input]);
}

export async function ourFaces(session: Session, input: Tensor): Promise<readonly Face[]> {
  const { scores, boxes } = await session.run({ input });
  return findFaces(scores?.data as Float32Array, boxes?.data as Float32Array);
}

export async function ortFaces(input: Tensor): Promise<readonly Face[]> {
  const tensor: HostTensor = { dtype: "f32", shape: [...input.shape], data: input.data as Float32Array };
  const { scores, boxes } = await runOrt(new Uint8Array(readFileSync(ULTRAFACE)), { input: tensor });
  return findFaces(scores?.data as Float32Array, boxes?.data as Float32Array);
}
