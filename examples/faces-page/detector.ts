/** @file UltraFace behind one function: a picture in, faces out. Finds its two outputs by their shapes, whatever they are called. */
import { load, type ModelSource, type RgbaImage, type Session } from "tersor/runtime";
import { wasm } from "tersor/runtime/wasm";
import { imageInputs } from "../page/image-input.ts";
import { type Face, findFaces } from "./boxes.ts";

export interface Detection {
  readonly faces: readonly Face[];
  /** Preparing the picture, the network, and choosing among its boxes. */
  readonly milliseconds: number;
}

export interface Detector {
  readonly modelBytes: number;
  detect(picture: RgbaImage): Promise<Detection>;
  dispose(): void;
}

/** @throws RuntimeError from `load`; Error when the model has no scores and boxes */
export async function openDetector(source: Extract<ModelSource, string | ArrayBuffer>): Promise<Detector> {
  const session = await load(source, { backends: [wasm()] });
  const scores = outputOf(session, 2);
  const corners = outputOf(session, 4);
  if (scores === undefined || corners === undefined) {
    session.dispose();
    throw new Error("This model gives no scores [1, N, 2] and boxes [1, N, 4].");
  }
  return {
    modelBytes: session.info.bytes,
    async detect(picture) {
      const started = performance.now();
      const outputs = await session.run(imageInputs(picture, session));
      const faces = findFaces(numbers(outputs[scores]?.data), numbers(outputs[corners]?.data));
      return { faces, milliseconds: performance.now() - started };
    },
    dispose: () => session.dispose(),
  };
}

function outputOf(session: Session, lastDim: number): string | undefined {
  return Object.keys(session.outputs).find((name) => {
    const { shape = [] } = session.outputs[name] ?? {};
    return shape.length === 3 && shape[2] === lastDim;
  });
}

function numbers(data: unknown): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new Error("This model's outputs are not f32.");
}
