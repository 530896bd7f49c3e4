/**
 * @file 100,000 generated ops through ten passes, verified after each; prints the table and writes `bench/results/passes.json`.
 *
 * node --import tsx bench/passes.bench.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { interpreterExecutor } from "../compiler/interpret/executor.ts";
import { runPipeline } from "../compiler/pass/manager.ts";
import { parsePipeline } from "../compiler/pass/pipeline-text.ts";
import { PassRegistry } from "../compiler/pass/registry.ts";
import { generalPasses } from "../compiler/passes/index.ts";
import { Random } from "../compiler/random/random.ts";
import {
  createCoreRegistry,
  dataConstant,
  dimSymbol,
  emptyFunction,
  emptyModule,
  ModuleEditor,
  tensorType,
  type ValueId,
} from "../ir-spec/index.ts";

const OPS = 100_000;
const PIPELINE = "infer-shapes,fold-constants,canonicalize,cse,fuse-activation,dce,materialize,fold-batch-norm,canonicalize,dce";

const registry = createCoreRegistry();

/** Element-wise ops, reshapes and linear layers over earlier values, some of them equal, some dead. */
function generate(count: number) {
  const batch = dimSymbol("N");
  const type = tensorType("f32", [batch, 16]);
  const base = { ...emptyModule("generated"), functions: new Map([["main", emptyFunction("main", [{ name: "x", type }])]]) };
  const editor = new ModuleEditor(base, registry);
  const random = new Random(1);
  for (let i = 0; i < 64; i++) {
    const bytes = Uint8Array.from(new Uint8Array(Float32Array.from({ length: 256 }, () => random.normal()).buffer));
    editor.setConstant(dataConstant(`w${i}`, tensorType("f32", [16, 16]), bytes));
  }
  const body = editor.function("main");
  const values: ValueId[] = [0];
  const pick = () => values[values.length - 1 - random.int(Math.min(values.length, 40))] as ValueId;
  while (values.length <= count) {
    const kind = random.int(6);
    if (kind === 0) values.push(body.one("nn.linear", [pick(), `w${random.int(64)}`, null]));
    else if (kind === 1) values.push(body.one("math.relu", [pick()]));
    else if (kind === 2) values.push(body.one("shape.reshape", [pick()], { shape: [batch, 16] }));
    else if (kind === 3) values.push(body.one("math.mul", [pick(), body.scalar(random.int(3), "f32")]));
    else values.push(body.one("math.add", [pick(), pick()]));
  }
  body.setResults([{ name: "y", operand: values[values.length - 1] as ValueId }]);
  return editor.freeze();
}

const module = generate(OPS);
const passes = new PassRegistry([{ owner: "core", passes: generalPasses }]);
const resolved = parsePipeline(PIPELINE).map((item) => passes.resolve(item));
const start = performance.now();
const result = await runPipeline(module, resolved, { registry, executor: interpreterExecutor(registry) });
const total = performance.now() - start;

const rows = result.records.map((r) => ({ pass: r.name, ms: Number(r.ms.toFixed(1)), changed: r.changed }));
console.table(rows);
const report = {
  ops: OPS,
  passes: rows,
  totalSeconds: Number((total / 1000).toFixed(2)),
  opsLeft: result.module.functions.get("main")?.ops.length ?? 0,
  machine: { cpu: cpus()[0]?.model ?? "", cores: cpus().length, node: process.version },
};
mkdirSync(new URL("results/", import.meta.url), { recursive: true });
writeFileSync(new URL("results/passes.json", import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
console.log(`${OPS} ops, ${rows.length} passes with verification: ${report.totalSeconds} s`);
