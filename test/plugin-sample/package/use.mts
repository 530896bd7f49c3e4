/** @file A program that uses tersor and the sample plugin, and prints what it saw as JSON. */
import { compile, createHost, interpret, printModule, readModule } from "tersor/compiler";
import { hostTensor, toNumbers } from "tersor/ir";
import { load, Tensor } from "tersor/runtime";
import { wasm } from "tersor/runtime/wasm";
import { sample as plugin } from "./src/index.mts";
import { sample as extension } from "./src/runtime.mts";

const size = 300;
const text = `tersor 1.0
module @m {
  func @main(%x: tensor<2x${size}xf32>) -> (y: tensor<2x${size}xf32>) {
    %0 = math.add(%x, @shift)
    %1 = math.mul(@two, %0)
    %2 = math.sigmoid(%1)
    %y = math.mul(%0, %2)
    return %y
  }
  const @two : tensor<f32> = 2.0
  const @shift : tensor<${size}xf32> = [${Array.from({ length: size }, (_, i) => (i < 260 ? "0.0" : "-0.25")).join(", ")}]
}
`;

const values = Float32Array.from({ length: 2 * size }, (_, i) => (i - size) / 20);

async function main(): Promise<void> {
  const host = createHost([plugin()]);
  const module = readModule(text, { registry: host.ops, file: "sample.tir" });
  const expected = toNumbers(interpret(module, host.ops, { x: hostTensor("f32", [2, size], values) }).outputs.y ?? hostTensor("f32", [0]));
  const build = (pipeline: string, kernel: boolean) => compile(module, { plugins: [plugin({ kernel })], pipeline });
  const full = await build("sample-swish2", true);
  const uncoded = await build("sample-swish2{rle=false}", true);
  const decomposed = await build("sample-swish2{rle=false}", false);
  const errorOf = async (bytes: Uint8Array, backend: ReturnType<typeof wasm>): Promise<number> => {
    const session = await load(bytes, { backends: [backend], target: backend.targets[0] });
    const { y } = await session.run({ x: Tensor.fromBytes("f32", new Uint8Array(values.slice().buffer), [2, size]) });
    return Math.max(
      ...Array.from(
        (y?.data ?? []) as Float32Array,
        (value, i) => Math.abs(value - (expected[i] as number)) / Math.max(1, Math.abs(expected[i] as number)),
      ),
    );
  };
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    try {
      await load(bytes, { backends: [wasm()], target: "wasm-simd" });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return "loaded";
  };
  const planText = (compiled: typeof full) => compiled.plans.map((plan) => printModule(plan.module)).join();
  const facts = {
    ops: full.module.functions.get("main")?.ops.map((op) => op.name),
    pipeline: full.pipeline,
    fullPlan: planText(full),
    decomposedPlan: planText(decomposed),
    errorWithKernel: await errorOf(full.bytes, wasm({ extend: [extension] })),
    errorDecomposed: await errorOf(decomposed.bytes, wasm()),
    withoutExtension: await refusal(full.bytes),
    withoutKernel: await refusal(uncoded.bytes),
    bytes: [full.bytes.length, uncoded.bytes.length],
    deterministic: full.bytes.join() === (await build("sample-swish2", true)).bytes.join(),
  };
  console.log(JSON.stringify(facts));
}

await main();
