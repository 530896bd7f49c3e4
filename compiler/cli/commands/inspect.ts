/** @file `tersor inspect MODEL`: a table per layer: what it is, how its weights are stored, bytes, multiply-accumulates, predicted time. */
import type { Command } from "commander";
import {
  describeForm,
  elementCount,
  type Func,
  type Module,
  mainFunction,
  type Op,
  type OpRegistry,
  operandType,
  printType,
  valueInfo,
  weightForm,
} from "../../../ir-spec/index.ts";
import { reachableConstants } from "../../analysis/reachable.ts";
import { dataBytes } from "../../analysis/stored-bytes.ts";
import { type CompileOptions, loweringOptions, targetNamed } from "../../compile.ts";
import type { CostProfile } from "../../cost/profile.ts";
import { tensorBytes, unitSizes } from "../../cost/step.ts";
import { describePlacement } from "../../lower/crossings.ts";
import { planFor, predictModule } from "../../lower/plan.ts";
import { numeric } from "../../lower/select.ts";
import { createHost, type Host } from "../../plugin/host.ts";
import { costOf } from "../../target/target.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { openModel } from "../models.ts";
import { bytesText, type Output, table } from "../output.ts";

export interface LayerRow {
  readonly name: string;
  readonly op: string;
  readonly shape: string;
  readonly params: number;
  /** Raw data bytes of the constants that the op uses first. */
  readonly storedBytes: number;
  readonly encoding: string;
  readonly macs: number;
  /** Bytes read and written in a run, weights dense. */
  readonly bytesMoved: number;
  /** Kernels of the target that it becomes; none where it goes into another layer. */
  readonly kernels: readonly string[];
  /** Milliseconds with every symbol 1, by the target's cost model; null where the target has none. */
  readonly predictedMs: number | null;
}

export function addInspect(program: Command, output: () => Output): void {
  program
    .command("inspect")
    .description("a table per layer: parameters, stored bytes, encoding, MACs, predicted time")
    .argument("<model>", ".onnx, .tir or .tsr")
    .option("-t, --target <name>", "target of the prediction", "wasm-simd")
    .addHelpText("after", "\nExample:\n  tersor inspect model.tsr --target wasm-simd")
    .action(async (model: string, flags: ConfigFlags & { readonly target: string }) => {
      const config = await loadConfig(flags);
      const host = createHost(config.plugins);
      const opened = await openModel(model, { registry: host.ops });
      const inspected = inspectModule(opened.module, host, flags.target, config);
      const totals = totalsOf(inspected, opened.size);
      const { layers, placement, profile } = inspected;
      const text = [render(inspected, totals), ...placement].join("\n");
      const measuredOn = profile?.measuredOn ?? null;
      output().result({ model, format: opened.format, target: flags.target, layers, totals, placement, measuredOn }, text);
    });
}

export interface Inspection {
  readonly layers: readonly LayerRow[];
  /** What runs on another backend, and the copies. */
  readonly placement: readonly string[];
  /** Predicted milliseconds of all copies of a run, and of the run besides its layers and copies; null where the target has no plans. */
  readonly around: { readonly copiesMs: number; readonly runMs: number } | null;
  /** What the prediction goes by. */
  readonly profile: CostProfile | null;
}

/** @param options what compiling would be given */
export function inspectModule(module: Module, host: Host, target: string, options: Pick<CompileOptions, "fallback"> = {}): Inspection {
  const func = mainFunction(module);
  const predicted = predictions(module, func, host, target, options);
  const counted = new Set<string>();
  const layers = func.ops.map((op) => layerRow(module, func, op, host.ops, counted, predicted?.layers.get(op) ?? null));
  const profile = predicted ? costOf(targetNamed(host, target)).profile : null;
  return { layers, placement: predicted?.placement ?? [], around: predicted?.around ?? null, profile };
}

interface LayerTime {
  readonly kernels: readonly string[];
  readonly ms: number;
  /** The fallback, for a layer that runs there. */
  readonly elsewhere: string | null;
}

/** Steps of the plan under the layers that they came from; null when the target has no plans. Steps that lowering made of a layer stand before the one that gives its result. */
function predictions(module: Module, func: Func, host: Host, name: string, options: Pick<CompileOptions, "fallback">) {
  const target = targetNamed(host, name);
  const plan = target.manifest ? planFor(module, target, host.ops, loweringOptions(host, options)) : null;
  const predicted = plan?.predicted ?? predictModule(module, target, host.ops);
  const crossings = plan?.crossings ?? [];
  const moved = new Set(plan?.placed.map(({ name }) => name));
  const layers = new Map<Op, LayerTime>();
  const byName = new Map(func.ops.map((op) => [nameOf(func, op), op]));
  let [kernels, ms]: [string[], number] = [[], 0];
  for (const step of predicted.steps) {
    kernels.push(step.kernel);
    ms += step.microseconds / 1000;
    const op = byName.get(step.op);
    if (!op) continue;
    const earlier = layers.get(op);
    const elsewhere = moved.has(step.op) ? (options.fallback ?? null) : null;
    layers.set(op, { kernels: [...(earlier?.kernels ?? []), ...kernels], ms: (earlier?.ms ?? 0) + ms, elsewhere });
    [kernels, ms] = [[], 0];
  }
  // What no later layer took up, as a final dequantize with a name of its own, belongs to the last.
  const last = func.ops.at(-1);
  const own = last && layers.get(last);
  if (last && kernels.length > 0)
    layers.set(last, { kernels: [...(own?.kernels ?? []), ...kernels], ms: (own?.ms ?? 0) + ms, elsewhere: own?.elsewhere ?? null });
  for (const op of func.ops) if (!layers.has(op)) layers.set(op, { kernels: [], ms: 0, elsewhere: null });
  const copies = crossings.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const steps = predicted.steps.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const runMs = ((predicted.total ?? steps + copies) - steps - copies) / 1000;
  return { layers, placement: plan ? describePlacement(plan) : [], around: { copiesMs: copies / 1000, runMs } };
}

function nameOf(func: Func, op: Op): string {
  return valueInfo(func, op.results[0] ?? 0).name ?? `${op.results[0]}`;
}

function layerRow(module: Module, func: Func, op: Op, registry: OpRegistry, counted: Set<string>, time: LayerTime | null): LayerRow {
  const constants = op.operands.filter((o) => typeof o === "string");
  const types = op.operands.map((operand) => operandType(module, func, operand));
  const outputs = op.results.map((id) => valueInfo(func, id).type);
  const def = registry.require(op.name);
  const params = constants.reduce(
    (n, name) => n + numeric(elementCount(operandType(module, func, name) ?? { dtype: "f32", shape: [] })),
    0,
  );
  return {
    name: valueInfo(func, op.results[0] ?? 0).name ?? `%${op.results[0]}`,
    op: time?.elsewhere ? `${op.name} [${time.elsewhere}]` : op.name,
    shape: outputs.map(printType).join(", "),
    params,
    storedBytes: ownBytes(module, constants, counted),
    encoding: constants.map((name) => describeForm(weightForm(module, name))).join(", "),
    macs: numeric(def.work({ types, attrs: registry.attrs(def, op.attrs), outputs }).macs),
    bytesMoved: [...types, ...outputs].reduce((sum, type) => sum + (type ? tensorBytes(type, unitSizes) : 0), 0),
    kernels: time?.kernels ?? [],
    predictedMs: time?.ms ?? null,
  };
}

/** Bytes of data not counted for an earlier layer. */
function ownBytes(module: Module, roots: readonly string[], counted: Set<string>): number {
  let total = 0;
  for (const constant of reachableConstants(module, roots).values()) {
    if (constant.kind !== "data" || counted.has(constant.name)) continue;
    counted.add(constant.name);
    total += dataBytes(constant);
  }
  return total;
}

function totalsOf({ layers, around }: Inspection, fileBytes: number) {
  const sum = (of: (row: LayerRow) => number) => layers.reduce((n, row) => n + of(row), 0);
  const known = layers.every((row) => row.predictedMs !== null);
  return {
    params: sum((r) => r.params),
    storedBytes: sum((r) => r.storedBytes),
    macs: sum((r) => r.macs),
    bytesMoved: sum((r) => r.bytesMoved),
    copiesMs: around?.copiesMs ?? null,
    runMs: around?.runMs ?? null,
    predictedMs: known && around ? sum((r) => r.predictedMs ?? 0) + around.copiesMs + around.runMs : null,
    fileBytes,
  };
}

function render({ layers, profile }: Inspection, totals: ReturnType<typeof totalsOf>): string {
  const ms = (value: number | null) => (value === null ? "" : value.toFixed(4));
  const rows = layers.map((r) => [
    r.name,
    r.op,
    r.shape,
    bytesText(r.params),
    bytesText(r.storedBytes),
    r.encoding,
    bytesText(r.macs),
    bytesText(r.bytesMoved),
    ms(r.predictedMs),
    r.kernels.join(" "),
  ]);
  const beside = (label: string, time: number | null) =>
    time === null || time === 0 ? [] : [[label, "", "", "", "", "", "", "", ms(time), ""]];
  const around = [...beside("copies", totals.copiesMs), ...beside("run", totals.runMs)];
  const total = [
    "total",
    "",
    "",
    bytesText(totals.params),
    bytesText(totals.storedBytes),
    "",
    bytesText(totals.macs),
    bytesText(totals.bytesMoved),
    ms(totals.predictedMs),
    "",
  ];
  const header = ["layer", "op", "shape", "params", "data bytes", "encoding", "MACs", "bytes moved", "predicted ms", "kernels"];
  const text = table(header, [...rows, ...around, total]);
  const by = profile ? `\npredicted by a profile of ${profile.measuredOn.cpu} (${profile.measuredOn.engine})` : "";
  return `${text}\nfile: ${bytesText(totals.fileBytes)} bytes${by}`;
}
