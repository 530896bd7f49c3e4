/**
 * @file Imports generated ONNX graphs of 1,000, 10,000 and 100,000 nodes, alternating; prints the table and writes `bench/results/import.json`. Time is that of the processor, the garbage collector's included; per node
 * it should not grow.
 *
 * node --expose-gc --import tsx bench/import.bench.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { importOnnx } from "../compiler/import/index.ts";
import { type Input, type NodeProto, onnx, type TensorProto } from "../compiler/import/onnx/proto/gen/onnx.js";
import { Random } from "../compiler/random/random.ts";
import { createCoreRegistry } from "../ir-spec/index.ts";

const SIZES = [1_000, 10_000, 100_000];
const ROUNDS = 5;
const registry = createCoreRegistry();

/** Layers, activations, reshapes whose target is a constant, sums of earlier values; types of every value, as exporters write them. */
function generate(count: number): Uint8Array {
  const random = new Random(1);
  const names = ["x"];
  const pick = () => names[names.length - 1 - random.int(Math.min(names.length, 40))] as string;
  const initializer: Input<TensorProto>[] = [];
  for (let i = 0; i < 64; i++) {
    const weights = Float32Array.from({ length: 256 }, () => random.normal());
    initializer.push({ name: `w${i}`, dataType: 1, dims: [16, 16], rawData: new Uint8Array(weights.buffer) });
  }
  initializer.push({ name: "shape", dataType: 7, dims: [2], int64Data: [-1, 16] });
  const operators: readonly (() => Input<NodeProto>)[] = [
    () => ({ opType: "Gemm", input: [pick(), `w${random.int(64)}`], attribute: [{ name: "transB", type: 2, i: 1 }] }),
    () => ({ opType: "Relu", input: [pick()] }),
    () => ({ opType: "Reshape", input: [pick(), "shape"] }),
    () => ({ opType: "LeakyRelu", input: [pick()], attribute: [{ name: "alpha", type: 1, f: 0.25 }] }),
    () => ({ opType: "Add", input: [pick(), pick()] }),
  ];
  const node: Input<NodeProto>[] = [];
  for (let i = 0; i < count; i++) {
    const name = `/model/layer.${i}/output_0`;
    node.push({ name: `/model/layer.${i}`, output: [name], ...(operators[random.int(operators.length)] as () => Input<NodeProto>)() });
    names.push(name);
  }
  const info = (name: string) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "batch" }, { dimValue: 16 }] } } },
  });
  const last = names[names.length - 1] as string;
  const graph = { name: "generated", node, initializer, input: [info("x")], output: [info(last)], valueInfo: names.slice(1, -1).map(info) };
  return onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph }).finish();
}

/** Heap after a collection, where node was started with `--expose-gc`. */
function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const models = SIZES.map((nodes) => ({ nodes, bytes: generate(nodes), ms: [] as number[] }));
for (const { bytes } of models) importOnnx(bytes, { registry });
for (let round = 0; round < ROUNDS; round++) {
  for (const { bytes, ms } of models) {
    globalThis.gc?.();
    const start = process.cpuUsage();
    importOnnx(bytes, { registry });
    const { user, system } = process.cpuUsage(start);
    ms.push((user + system) / 1000);
  }
}

const rows = models.map(({ nodes, bytes, ms }) => {
  const before = heap();
  const module = importOnnx(bytes, { registry });
  const kept = heap() - before;
  const median = [...ms].sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
  return {
    nodes,
    fileBytes: bytes.length,
    cpuMs: Number(median.toFixed(1)),
    microsecondsPerNode: Number(((1000 * median) / nodes).toFixed(2)),
    bytesPerNodeKept: globalThis.gc ? Math.round(kept / nodes) : null,
    ops: module.functions.get("main")?.ops.length ?? 0,
    samplesMs: ms.map((value) => Number(value.toFixed(1))),
  };
});
console.table(rows.map(({ samplesMs: _, ...row }) => row));
const report = { rounds: ROUNDS, rows, machine: { cpu: cpus()[0]?.model ?? "", cores: cpus().length, node: process.version } };
mkdirSync(new URL("results/", import.meta.url), { recursive: true });
writeFileSync(new URL("results/import.json", import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
