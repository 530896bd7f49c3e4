/**
 * @file How well the cost model predicts times: 28 networks of nine families (`bench/networks`) that nothing was fitted on, real networks apart, and those that the caller names. Every time is a
 * multiple of the reference kernel's, which takes turns with the network in the same run, and so is every prediction (over the profile's reference time): clock and load fall out. Each network is measured
 * twice, in two passes over all; their difference is the noise floor. Beside it two baselines fitted on the same calibration runs: multiply-accumulates only, and a roofline.
 *
 * npm run bench -- prediction            or: node --import tsx bench/prediction.bench.ts [--target wasm-simd,ort-cpu] [--profile FILE] [--budget MS] [--dim N=4 ...] [MODEL.onnx|.tir ...]
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { workableSizes } from "../compiler/analysis/workable-sizes.ts";
import { backendOfTarget } from "../compiler/cli/backends.ts";
import { openModel } from "../compiler/cli/models.ts";
import { table } from "../compiler/cli/output.ts";
import type { CalibrationSamples, MeasuredRun } from "../compiler/cost/calibration/calibrate.ts";
import { measure } from "../compiler/cost/calibration/measure.ts";
import { median, type ReferenceKernel, referenceKernel } from "../compiler/cost/calibration/reference.ts";
import { fit } from "../compiler/cost/fit.ts";
import { withProfile } from "../compiler/cost/model.ts";
import { predictSteps } from "../compiler/cost/predict.ts";
import { type CostProfile, readProfile } from "../compiler/cost/profile.ts";
import { type DimSizes, touchedBytes } from "../compiler/cost/step.ts";
import {
  createHost,
  type Host,
  planFor,
  preparePipeline,
  resolvePipeline,
  runPipeline,
  type TargetSpec,
  targetNamed,
} from "../compiler/index.ts";
import { interpreterExecutor } from "../compiler/interpret/executor.ts";
import { costOf } from "../compiler/target/target.ts";
import { type Module, TersorError } from "../ir-spec/index.ts";
import { wasm } from "../runtime/backends/wasm/index.ts";
import { families } from "./networks/index.ts";
import { kendallTau } from "./rank-correlation.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const data = process.env.TERSOR_DATA ?? join(here, "../../shared/data");

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: "string", default: "wasm-simd,ort-cpu" },
    profile: { type: "string" },
    budget: { type: "string", default: "600" },
    /** Sizes of symbols, `--dim H=320`; others are the smallest that the model takes. */
    dim: { type: "string", multiple: true, default: [] },
    /** Leave out the generated networks and the real ones: judge the named models alone. */
    only: { type: "boolean", default: false },
  },
});

interface Network {
  readonly family: string;
  readonly name: string;
  build(): Promise<Module> | Module;
}

interface Row {
  readonly family: string;
  readonly name: string;
  /** Multiples of the reference kernel's time. */
  readonly measured: number;
  readonly passes: readonly number[];
  readonly predicted: number;
  readonly macsOnly: number;
  readonly roofline: number;
}

const host = createHost();

const sizes: DimSizes = new Map(
  flags.dim.map((text) => {
    const [, name = "", size = ""] = /^([A-Z][A-Z0-9_]*)=(\d+)$/.exec(text) ?? [];
    if (name === "") throw new RangeError(`--dim ${text} must be like H=320`);
    return [name, Number(size)];
  }),
);

/** As `compile` prepares every model: batch norm folded, activations fused, constants folded. */
async function prepared(module: Module): Promise<Module> {
  const executor = interpreterExecutor(host.ops);
  return (await runPipeline(module, resolvePipeline(host, preparePipeline), { registry: host.ops, executor })).module;
}

function networks(): readonly Network[] {
  const generated = Object.entries(families).flatMap(([family, nets]) =>
    Object.entries(nets).map(([name, build]) => ({ family, name, build: () => build(host.ops) })),
  );
  const named = positionals.map((path) => ({ family: "named", name: basename(path), build: () => opened(path) }));
  return flags.only ? named : [...generated, ...named, ...realNetworks()];
}

function realNetworks(): readonly Network[] {
  const folder = join(data, "models");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(".onnx"));
  return files.sort().map((file) => ({ family: "real", name: file.replace(/\.onnx$/, ""), build: () => opened(join(folder, file)) }));
}

async function opened(path: string): Promise<Module> {
  return (await openModel(path, { registry: host.ops })).module;
}

/** Seconds per multiply-accumulate, and the roofline's two slopes, from the calibration's runs. */
interface Baselines {
  readonly perMac: number;
  readonly peak: number;
  readonly bandwidth: number;
}

function baselines(runs: readonly MeasuredRun[]): Baselines {
  const macsOf = ({ steps }: MeasuredRun) => steps.reduce((sum, [macs]) => sum + macs, 0);
  const heavy = runs.filter((run) => macsOf(run) > 0);
  const [perMac = 0] = fit(heavy.map((run) => ({ counts: [macsOf(run)], microseconds: run.microseconds })));
  let best = { error: Number.POSITIVE_INFINITY, peak: 1, bandwidth: 1 };
  // Both slopes from a grid: a maximum of two lines is no linear fit.
  for (let p = -6; p < 1; p += 0.1) {
    for (let b = -6; b < 1; b += 0.1) {
      const [peak, bandwidth] = [10 ** -p, 10 ** -b];
      const error = median(runs.map((run) => Math.abs(Math.log(Math.max(1e-9, roof(run.steps, peak, bandwidth)) / run.microseconds))));
      if (error < best.error) best = { error, peak, bandwidth };
    }
  }
  return { perMac, peak: best.peak, bandwidth: best.bandwidth };
}

/** Microseconds: each step takes what its arithmetic takes at the peak, or its bytes at the bandwidth. */
function roof(steps: readonly (readonly [number, number])[], peak: number, bandwidth: number): number {
  return steps.reduce((sum, [macs, bytes]) => sum + Math.max(macs / peak, bytes / bandwidth), 0);
}

async function judge(target: TargetSpec, profile: CostProfile, samples: CalibrationSamples, reference: ReferenceKernel) {
  const base = baselines(samples.runs);
  const model = withProfile(costOf(target), profile);
  const runs = backendOfTarget(target.name);
  if (!runs) throw new RangeError(`no backend runs ${target.name}`);
  const { make } = runs;
  const rows: Row[] = [];
  const left: { readonly name: string; readonly why: string }[] = [];
  const modules = new Map<string, Module>();
  const times = new Map<string, number[]>();
  for (let pass = 0; pass < 2; pass++) {
    for (const network of networks()) {
      try {
        const module = modules.get(network.name) ?? (await prepared(await network.build()));
        modules.set(network.name, module);
        const own = workableSizes(module, sizes);
        const options = { target, sizes: own, backend: make(), registry: host.ops, reference, budget: 1, runBudget: Number(flags.budget) };
        const { run, steps, inputBytes, outputBytes } = await measure(network.name, module, 1, options);
        times.set(network.name, [...(times.get(network.name) ?? []), run]);
        if (pass === 0) continue;
        const passes = times.get(network.name) as number[];
        const plan = planFor(module, target, host.ops);
        const counts = steps.map(({ step }) => [step.macs, touchedBytes(step)] as const);
        const unit = profile.referenceMicroseconds;
        const total = predictSteps(model, plan.steps, plan.ports, own).total ?? Number.NaN;
        rows.push({
          family: network.family,
          name: network.name,
          measured: passes.reduce((sum, t) => sum + t, 0) / passes.length,
          passes,
          predicted: total / unit,
          macsOnly: (base.perMac * counts.reduce((sum, [macs]) => sum + macs, 0)) / unit,
          roofline: (roof(counts, base.peak, base.bandwidth) + model.run(inputBytes, outputBytes)) / unit,
        });
        progress(`${target.name} ${network.name}`);
      } catch (error) {
        if (!(error instanceof TersorError)) throw error;
        if (pass === 0) left.push({ name: network.name, why: `${error.code} ${error.problems[0]?.message ?? ""}`.slice(0, 160) });
      }
    }
  }
  return { rows, left };
}

function progress(note: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${note.padEnd(60)}`);
}

type Guess = "predicted" | "macsOnly" | "roofline";

function score(rows: readonly Row[], guess: Guess) {
  const errors = rows.map((row) => Math.abs(row[guess] / row.measured - 1));
  const within = (limit: number) => errors.filter((e) => e <= limit).length / errors.length;
  const [measured, guessed] = [rows.map((r) => r.measured), rows.map((r) => r[guess])];
  const close = (i: number, j: number) => {
    const ratio = (measured[i] as number) / (measured[j] as number);
    return ratio < 3 && ratio > 1 / 3;
  };
  return {
    within10: within(0.1),
    within20: within(0.2),
    mape: errors.reduce((sum, e) => sum + e, 0) / errors.length,
    tau: kendallTau(measured, guessed),
    tauClose: kendallTau(measured, guessed, close),
  };
}

function summary(rows: readonly Row[]) {
  if (rows.length === 0) return null;
  const noise = rows.map(({ passes: [a = 1, b = 1] }) => Math.abs(a / b - 1));
  return {
    networks: rows.length,
    families: new Set(rows.map((r) => r.family)).size,
    model: score(rows, "predicted"),
    macsOnly: score(rows, "macsOnly"),
    roofline: score(rows, "roofline"),
    noise: { median: median(noise), largest: Math.max(...noise) },
  };
}

function profileOf(target: TargetSpec): CostProfile | null {
  return flags.profile ? readProfile(readFileSync(flags.profile, "utf8"), flags.profile) : costOf(target).profile;
}

function samplesOf(target: string): CalibrationSamples {
  const file = flags.profile ? `${flags.profile.replace(/\.json$/, "")}.samples.json` : join(here, "calibration", `${target}.samples.json`);
  return JSON.parse(readFileSync(file, "utf8")) as CalibrationSamples;
}

function print(target: string, rows: readonly Row[], left: readonly { readonly name: string; readonly why: string }[]): void {
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  console.log(`\n${target}`);
  const cells = rows.map((r) => [
    r.family,
    r.name,
    r.measured.toFixed(3),
    r.predicted.toFixed(3),
    percent(r.predicted / r.measured - 1),
    percent((r.passes[0] ?? 1) / (r.passes[1] ?? 1) - 1),
    percent(r.macsOnly / r.measured - 1),
    percent(r.roofline / r.measured - 1),
  ]);
  console.log(table(["family", "network", "measured / ref", "predicted / ref", "error", "noise", "MACs only", "roofline"], cells));
  for (const [title, chosen] of groups(rows)) {
    const s = summary(chosen);
    if (!s) continue;
    const lines = (["model", "macsOnly", "roofline"] as const).map((key) => [
      key,
      percent(s[key].within10),
      percent(s[key].within20),
      percent(s[key].mape),
      s[key].tau.toFixed(3),
      s[key].tauClose.toFixed(3),
    ]);
    console.log(`\n${title}: ${s.networks} networks; noise floor ${percent(s.noise.median)} median, ${percent(s.noise.largest)} largest`);
    console.log(table(["", "within 10 %", "within 20 %", "MAPE", "tau", "tau, pairs within 3x"], lines));
  }
  for (const { name, why } of left) console.log(`not run: ${name}: ${why}`);
}

function groups(rows: readonly Row[]): readonly (readonly [string, readonly Row[]])[] {
  return [
    ["generated", rows.filter((r) => r.family !== "real" && r.family !== "named")],
    ["named", rows.filter((r) => r.family === "named")],
    ["real", rows.filter((r) => r.family === "real")],
  ];
}

const wasmTarget = targetNamed(host as Host, "wasm-simd");
const reference = await referenceKernel(wasmTarget, wasm(), host.ops);
const targets: Record<string, unknown> = {};
for (const name of flags.target.split(",")) {
  const target = targetNamed(host as Host, name);
  const profile = profileOf(target);
  if (!profile) {
    console.log(`${name}: it has no profile`);
    continue;
  }
  const { rows, left } = await judge(target, profile, samplesOf(name), reference);
  print(name, rows, left);
  targets[name] = {
    profile: profile.measuredOn,
    ...Object.fromEntries(groups(rows).map(([title, chosen]) => [title, summary(chosen)])),
    rows,
    left,
  };
}
reference.dispose();
if (!flags.only && positionals.length === 0) {
  mkdirSync(join(here, "results"), { recursive: true });
  const machine = { cpu: cpus()[0]?.model ?? "", cores: cpus().length, node: process.version };
  writeFileSync(join(here, "results/prediction.json"), `${JSON.stringify({ machine, threads: 1, targets }, null, 1)}\n`);
}
