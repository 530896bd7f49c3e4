/**
 * @file Compiles a model of 1 GB of weights in a file beside it (16 layers of 4096 x 4096) with the command line, bundled as it is published, and writes its peak resident size to
 * `bench/results/external-data.json`. Needs 2.2 GB of disk in the system's temporary folder.
 *
 * node --import tsx bench/external-data.bench.ts
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { type Input, type NodeProto, onnx, type TensorProto } from "../compiler/import/onnx/proto/gen/onnx.js";

const SIZE = 4096;
const LAYERS = 16;
const BYTES = SIZE * SIZE * 4;

/** Weights that no codec makes smaller; every layer has others. */
function writeWeights(path: string): void {
  const weights = new Float32Array(SIZE * SIZE);
  const file = openSync(path, "w");
  let seed = 1;
  for (let layer = 0; layer < LAYERS; layer++) {
    for (let i = 0; i < weights.length; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      weights[i] = seed / 2 ** 37;
    }
    writeSync(file, new Uint8Array(weights.buffer));
  }
  closeSync(file);
}

/** `Gemm` with its weight as the IR has it, or `MatMul`, whose weight is turned. */
function model(operator: "Gemm" | "MatMul"): Uint8Array {
  const initializer: Input<TensorProto>[] = [];
  const node: Input<NodeProto>[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const region = { location: "weights.bin", offset: String(layer * BYTES), length: String(BYTES) };
    const externalData = Object.entries(region).map(([key, value]) => ({ key, value }));
    initializer.push({ name: `w${layer}`, dataType: 1, dims: [SIZE, SIZE], dataLocation: 1, externalData });
    const attribute = operator === "Gemm" ? [{ name: "transB", type: 2, i: 1 }] : [];
    node.push({ opType: operator, input: [layer === 0 ? "x" : `r${layer - 1}`, `w${layer}`], output: [`g${layer}`], attribute });
    node.push({ opType: "Relu", input: [`g${layer}`], output: [`r${layer}`] });
  }
  const info = (name: string) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "batch" }, { dimValue: SIZE }] } } },
  });
  const graph = { name: "large", node, initializer, input: [info("x")], output: [info(`r${LAYERS - 1}`)] };
  return onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph }).finish();
}

const folder = mkdtempSync(join(tmpdir(), "tersor-external-"));
const cli = new URL("../out/external-data-cli.mjs", import.meta.url).pathname;
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is a template of the program that is written here
const report = 'process.on("exit", () => console.error(`peak ${process.resourceUsage().maxRSS}`));';
try {
  const main = new URL("../compiler/cli/main.ts", import.meta.url).pathname;
  const common = { bundle: true, platform: "node", format: "esm", packages: "external" } as const;
  await build({ ...common, entryPoints: [main], outfile: cli, banner: { js: report }, logLevel: "error" });
  writeWeights(join(folder, "weights.bin"));
  const rows = (["Gemm", "MatMul"] as const).map((operator) => {
    const [path, out] = [join(folder, `${operator}.onnx`), join(folder, "out.tsr")];
    writeFileSync(path, model(operator));
    const start = performance.now();
    const child = spawnSync(process.execPath, [cli, "compile", path, "-o", out, "--passes", "", "--no-measure"], { encoding: "utf8" });
    if (child.status !== 0) throw new Error(child.stderr);
    const peakBytes = Number(/peak (\d+)/.exec(child.stderr)?.[1]) * 1024;
    const seconds = Number(((performance.now() - start) / 1000).toFixed(1));
    return {
      operator,
      weightBytes: LAYERS * BYTES,
      fileBytes: statSync(out).size,
      peakBytes,
      ratio: Number((peakBytes / (LAYERS * BYTES)).toFixed(3)),
      seconds,
    };
  });
  console.table(rows);
  const machine = { cpu: cpus()[0]?.model ?? "", cores: cpus().length, node: process.version };
  mkdirSync(new URL("results/", import.meta.url), { recursive: true });
  writeFileSync(new URL("results/external-data.json", import.meta.url), `${JSON.stringify({ rows, machine }, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(cli, { force: true });
}
