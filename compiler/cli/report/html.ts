/**
 * @file The report: one self-contained HTML file without scripts or network access, readable on a phone. Per layer a picture of its weights before and after, what was
 * done, bytes, the error that it brought and the time; then the passes, and where the file's bytes are. Whatever a model can name is escaped.
 */
import { basename } from "node:path";
import type { Module } from "../../../ir-spec/index.ts";
import type { CompileResult } from "../../compile.ts";
import { describeFile } from "../../emit/describe-file.ts";
import type { OpenedModel } from "../models.ts";
import { css } from "./css.ts";
import { type ReportLayer, reportLayers } from "./layers.ts";
import { picture } from "./picture.ts";
import { kernelText, type TargetRow } from "./targets.ts";
import { escapeHtml, number, percent, tableOf } from "./text.ts";

/** What `tersor eval --json` prints. */
export interface MeasuredFile {
  readonly model: string;
  readonly backend: string;
  readonly data: string;
  readonly metric: string;
  readonly value: number;
  readonly correct: number;
  readonly count: number;
  readonly bytes: number;
  readonly msMedian: number;
}

export interface ReportInput {
  readonly name: string;
  readonly source: { readonly path: string; readonly bytes: number };
  /** Null where only compiling was asked for. */
  readonly measured: { readonly before: MeasuredFile; readonly after: MeasuredFile } | null;
  readonly layers: readonly ReportLayer[];
  readonly compiled: CompileResult;
  /** None: nothing was planned or timed. */
  readonly targets?: readonly TargetRow[];
}

/** The report of `compile`: no data were labelled, so nothing is said of accuracy. @param baseline the module before anything was compressed */
export function compileReport({
  opened,
  compiled,
  baseline,
  targets = [],
}: {
  readonly opened: OpenedModel;
  readonly compiled: CompileResult;
  readonly baseline: Module;
  readonly targets?: readonly TargetRow[];
}): string {
  const path = basename(opened.path);
  const source = { path, bytes: opened.size };
  return htmlReport({
    name: path.replace(/\.(onnx|tir|tsr)$/, ""),
    source,
    measured: null,
    layers: reportLayers(baseline, compiled),
    compiled,
    targets,
  });
}

export function htmlReport(input: ReportInput): string {
  const { compiled, measured, source } = input;
  const before = measured?.before.bytes ?? source.bytes;
  const title = `${input.name}: ${(before / compiled.bytes.length).toFixed(1)} times smaller`;
  const sections: readonly (readonly [string, string])[] = [
    ["Layers", input.layers.map(layerCard).join("\n")],
    ["Targets", targetsTable(input.targets ?? [])],
    ["Time", timeTable(compiled)],
    ["Passes", passTable(compiled)],
    ["The file", fileTable(compiled)],
    ["Warnings", list(compiled.warnings)],
    ["Pipeline", `<p><code>${escapeHtml(compiled.pipeline)}</code></p>`],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${css}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${measured ? measurements(source.path, measured) : sizes(input)}
${sections.map(([heading, body]) => (body === "" ? "" : `<h2>${heading}</h2>\n${body}`)).join("\n")}
</body>
</html>
`;
}

function measurements(path: string, { before, after }: NonNullable<ReportInput["measured"]>): string {
  const lead = `${escapeHtml(path)}, measured on ${number(after.count)} samples of ${escapeHtml(after.data)} (${escapeHtml(after.backend)}, one thread, batch 1), each file in a process of its own.`;
  const row = (label: string, m: MeasuredFile) => [label, number(m.bytes), percent(m.value), `${m.msMedian.toFixed(3)} ms`];
  return `<p>${lead}</p>${tableOf(["", "bytes on disk", "accuracy", "median latency"], [row("before", before), row("after", after)])}`;
}

function sizes({ source, compiled }: ReportInput): string {
  const rows = [
    [escapeHtml(source.path), number(source.bytes)],
    ["the compiled file", number(compiled.bytes.length)],
  ];
  return `<p>Sizes are those of the files. Accuracy: <code>tersor eval</code>.</p>${tableOf(["", "bytes"], rows)}`;
}

function layerCard(layer: ReportLayer): string {
  const { error } = layer;
  const facts = [
    `${number(layer.count)} weights [${layer.shape.join(" × ")}]`,
    `${number(layer.bytesBefore)} → ${number(layer.bytesAfter)} bytes before coding`,
    escapeHtml(layer.encoding),
    `${percent(layer.zeros / layer.count)} zeros, ${number(layer.distinct)} distinct values`,
    error.sqnr === null
      ? "no error"
      : `error ${percent(error.relativeRms)} RMS, ${error.sqnr.toFixed(1)} dB SQNR, at most ${error.maxAbs.toPrecision(3)}`,
  ];
  return `<section><h3>${escapeHtml(layer.name)}</h3>${picture(layer)}<p>${facts.join("<br>")}</p>${list(layer.notes)}</section>`;
}

function targetsTable(targets: readonly TargetRow[]): string {
  if (targets.length === 0) return "";
  const ms = (value: number | null) => (value === null ? "" : value.toFixed(3));
  const rows = targets.map((t) => [
    escapeHtml(t.target),
    ms(t.predictedMs),
    ms(t.measuredMs),
    number(t.weightBytes),
    escapeHtml(t.note ?? kernelText(t.kernels)),
  ]);
  return tableOf(["target", "predicted ms", "measured ms", "weight bytes", "kernels"], rows);
}

/** Every step as it runs, by the target's cost model: nothing here was timed. */
function timeTable({ plans }: CompileResult): string {
  return plans
    .filter((plan) => plan.steps.length > 0)
    .map(({ target, predicted }) => {
      const total = predicted.total ?? 0;
      const rows = predicted.steps.map((step) => [
        escapeHtml(step.op),
        escapeHtml(step.kernel),
        (step.microseconds / 1000).toFixed(4),
        percent(step.microseconds / total),
      ]);
      const lead = `<p>Predicted for ${escapeHtml(target)} at batch 1: ${(total / 1000).toFixed(3)} ms. Measure with <code>tersor bench</code>.</p>`;
      return lead + tableOf(["layer", "kernel", "ms", "share"], rows);
    })
    .join("\n");
}

function passTable({ records }: CompileResult): string {
  const rows = records.map((r) => [
    escapeHtml(r.name),
    r.changed ? r.ms.toFixed(1) : "unchanged",
    number(r.bytesBefore),
    number(r.bytesAfter),
  ]);
  return tableOf(["pass", "ms", "data bytes before", "after"], rows);
}

/** Every byte of the file, by what it is for. */
function fileTable({ bytes }: CompileResult): string {
  const file = describeFile(bytes);
  const contents = (constants: readonly { readonly name: string }[]): string => {
    const names = constants.slice(0, 3).map(({ name }) => name);
    return `${names.join(", ")}${constants.length > 3 ? ` and ${constants.length - 3} more` : ""}`;
  };
  const rows = [
    ["header", "", number(file.headerBytes)],
    ["metadata", file.metadata.packed ? `packed from ${number(file.metadata.rawBytes)}` : "", number(file.metadata.storedBytes)],
    ...file.sections.map((s) => [escapeHtml(contents(s.constants)), escapeHtml(s.codec), number(s.storedBytes)]),
    ["padding", "", number(file.paddingBytes)],
    ["all", "", number(file.bytes)],
  ];
  return tableOf(["part", "coding", "bytes"], rows);
}

function list(items: readonly string[]): string {
  return items.length === 0 ? "" : `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;
}
