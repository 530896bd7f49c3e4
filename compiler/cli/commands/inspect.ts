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
import { targetNamed } from "../../compile.ts";
import { planFor } from "../../lower/plan.ts";
import { numeric } from "../../lower/select.ts";
import { createHost, type Host } from "../../plugin/host.ts";
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
  /** Milliseconds at batch 1 by the target's cost terms; null where the target has none. */
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
      const host = createHost((await loadConfig(flags)).plugins);
      const opened = await openModel(model, { registry: host.ops });
      const layers = inspectModule(opened.module, host, flags.target);
      const totals = totalsOf(layers, opened.size);
      output().result({ model, format: opened.format, target: flags.target, layers, totals }, render(layers, totals));
    });
}

export function inspectModule(module: Module, host: Host, target: string): readonly LayerRow[] {
  const func = mainFunction(module);
  const predicted = predictions(module, host, target);
  const counted = new Set<string>();
  return func.ops.map((op, i) => layerRow(module, func, op, host.ops, counted, predicted?.[i] ?? null));
}

/** Per op of main, in order; null when the target has no plan for this module or decomposes ops. */
function predictions(module: Module, host: Host, name: string): readonly number[] | null {
  const target = targetNamed(host, name);
  if (!target.manifest) return null;
  const { predicted } = planFor(module, target, host.ops);
  return predicted.length === mainFunction(module).ops.length ? predicted.map((p) => p.microseconds / 1000) : null;
}

function layerRow(module: Module, func: Func, op: Op, registry: OpRegistry, counted: Set<string>, predictedMs: number | null): LayerRow {
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
    op: op.name,
    shape: outputs.map(printType).join(", "),
    params,
    storedBytes: ownBytes(module, constants, counted),
    encoding: constants.map((name) => describeForm(weightForm(module, name))).join(", "),
    macs: numeric(def.work({ types, attrs: registry.attrs(def, op.attrs), outputs }).macs),
    predictedMs,
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

function totalsOf(layers: readonly LayerRow[], fileBytes: number) {
  const sum = (of: (row: LayerRow) => number) => layers.reduce((n, row) => n + of(row), 0);
  const known = layers.every((row) => row.predictedMs !== null);
  return {
    params: sum((r) => r.params),
    storedBytes: sum((r) => r.storedBytes),
    macs: sum((r) => r.macs),
    predictedMs: known ? sum((r) => r.predictedMs ?? 0) : null,
    fileBytes,
  };
}

function render(layers: readonly LayerRow[], totals: ReturnType<typeof totalsOf>): string {
  const ms = (value: number | null) => (value === null ? "" : value.toFixed(4));
  const rows = layers.map((r) => [
    r.name,
    r.op,
    r.shape,
    bytesText(r.params),
    bytesText(r.storedBytes),
    r.encoding,
    bytesText(r.macs),
    ms(r.predictedMs),
  ]);
  const total = [
    "total",
    "",
    "",
    bytesText(totals.params),
    bytesText(totals.storedBytes),
    "",
    bytesText(totals.macs),
    ms(totals.predictedMs),
  ];
  const text = table(["layer", "op", "shape", "params", "data bytes", "encoding", "MACs", "predicted ms"], [...rows, total]);
  return `${text}\nfile: ${bytesText(totals.fileBytes)} bytes`;
}
