/** @file The public types as an app and a plugin use them: this has to compile for a stranger with `lib` dom and es2022, no `skipLibCheck`, no Node types. */
import {
  type CompileOptions,
  type CompileResult,
  compile,
  importOnnx,
  printModule,
  type ResourceReader,
  readModule,
} from "tersor/compiler";
import { attr, createCoreRegistry, type Module } from "tersor/ir";
import { entropy } from "tersor/plugins/entropy";
import { prune } from "tersor/plugins/prune";
import { quantize } from "tersor/plugins/quantize";
import { share } from "tersor/plugins/share";
import {
  type Backend,
  type ImagePreprocessing,
  imagePreprocessing,
  imageTensor,
  type LoadOptions,
  load,
  type PortInfo,
  type RgbaImage,
  RuntimeError,
  type Session,
  type SessionInfo,
  Tensor,
  type TensorArray,
} from "tersor/runtime";
import { type WasmExtension, type WasmOptions, wasm } from "tersor/runtime/wasm";

const extensions: readonly WasmExtension[] = [];
const options: WasmOptions = { extend: extensions, threads: 1 };
const backends: readonly Backend[] = [wasm(options)];
const loading: LoadOptions = { backends, onProgress: ({ loaded, total }) => void (total === null ? loaded : loaded / total) };

export async function probabilities(source: URL | Response | ReadableStream<Uint8Array>, image: RgbaImage): Promise<Float32Array> {
  const session: Session = await load(source, loading);
  const info: SessionInfo = session.info;
  const declared: ImagePreprocessing | null = imagePreprocessing(info);
  const port: PortInfo | undefined = session.inputs.image;
  const input = declared ? imageTensor(image, declared, port) : new Tensor("f32", new Float32Array(784), [1, 1, 28, 28]);
  try {
    const { probs } = await session.run({ image: input });
    const data: TensorArray | undefined = probs?.data;
    if (data instanceof Float32Array) return data;
    throw new RuntimeError("R0304", `no f32 among ${Object.keys(session.outputs).join()}`);
  } finally {
    session[Symbol.dispose]();
  }
}

export async function compiled(onnx: Uint8Array): Promise<CompileResult> {
  const registry = createCoreRegistry();
  const module: Module = importOnnx(onnx, { registry });
  const settings: CompileOptions = {
    plugins: [prune(), share(), quantize(), entropy()],
    preset: "default",
    seed: 1,
    hooks: { afterPass: (pass, _module, record) => void [pass.pass.name, record.ms] },
  };
  return compile(module, settings);
}

const resources: ResourceReader = () => new Uint8Array(4);
export const round = (text: string): string => printModule(readModule(text, { registry: createCoreRegistry(), resources }));
export const one = attr.int(1);
