/** @file The report: one self-contained HTML file without scripts or network access, readable on a phone. A picture per layer: the distribution of its weights before and after. */
import type { CompileResult } from "../../compile.ts";
import type { ReportLayer } from "./layers.ts";

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
  readonly before: MeasuredFile;
  readonly after: MeasuredFile;
  readonly layers: readonly ReportLayer[];
  readonly compiled: CompileResult;
}

export function htmlReport(input: ReportInput): string {
  const title = `${input.name}: ${(input.before.bytes / input.after.bytes).toFixed(1)} times smaller`;
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
<p class="lead">${escapeHtml(input.source.path)}, measured on ${input.after.count.toLocaleString("en-US")} samples of ${escapeHtml(input.after.data)} (${escapeHtml(input.after.backend)}, one thread, batch 1), each file in a process of its own.</p>
${headline(input)}
<h2>Layers</h2>
${input.layers.map(layerCard).join("\n")}
<h2>Passes</h2>
${passTable(input.compiled)}
${warningList(input.compiled.warnings)}
<h2>Pipeline</h2>
<p><code>${escapeHtml(input.compiled.pipeline)}</code></p>
</body>
</html>
`;
}

function headline({ before, after }: ReportInput): string {
  const row = (label: string, m: MeasuredFile) =>
    `<tr><th>${label}</th><td>${number(m.bytes)}</td><td>${(100 * m.value).toFixed(2)} %</td><td>${m.msMedian.toFixed(3)} ms</td></tr>`;
  return `<table><thead><tr><th></th><th>bytes on disk</th><th>accuracy</th><th>median latency</th></tr></thead><tbody>${row("before", before)}${row("after", after)}</tbody></table>`;
}

function layerCard(layer: ReportLayer): string {
  const facts = [
    `${number(layer.count)} weights [${layer.shape.join(" × ")}]`,
    `${number(layer.bytesBefore)} → ${number(layer.bytesAfter)} bytes before coding`,
    escapeHtml(layer.encoding),
    `${((100 * layer.zeros) / layer.count).toFixed(1)} % zeros, ${number(layer.distinct)} distinct values`,
    `relative error ${(100 * layer.relativeError).toFixed(2)} %`,
  ];
  const notes = layer.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("");
  return `<section><h3>${escapeHtml(layer.name)}</h3>${picture(layer)}<p>${facts.join("<br>")}</p><ul>${notes}</ul></section>`;
}

const [width, height] = [480, 120];

/** Bars: weights before (outline) and after (filled), on a square-root scale so that the tails show. */
function picture({ name, histogram }: ReportLayer): string {
  const { before, after, low, high } = histogram;
  const most = Math.max(1, ...before, ...after);
  const step = width / before.length;
  const size = (count: number) => height * Math.sqrt(count / most);
  const bars = (counts: readonly number[], kind: string) =>
    counts
      .map((count, i) =>
        count === 0
          ? ""
          : `<rect class="${kind}" x="${(i * step).toFixed(1)}" y="${(height - size(count)).toFixed(1)}" width="${(step - 1).toFixed(1)}" height="${size(count).toFixed(1)}"/>`,
      )
      .join("");
  const label = `Distribution of the weights of ${name} from ${low.toPrecision(3)} to ${high.toPrecision(3)}, before and after`;
  return `<svg viewBox="0 0 ${width} ${height + 16}" role="img" aria-label="${escapeHtml(label)}">${bars(after, "after")}${bars(before, "before")}<text x="0" y="${height + 13}">${low.toPrecision(3)}</text><text x="${width}" y="${height + 13}" text-anchor="end">${high.toPrecision(3)}</text></svg>`;
}

function passTable({ records }: CompileResult): string {
  const rows = records.map(
    (r) =>
      `<tr><th>${escapeHtml(r.name)}</th><td>${r.changed ? r.ms.toFixed(1) : "unchanged"}</td><td>${number(r.bytesBefore)}</td><td>${number(r.bytesAfter)}</td></tr>`,
  );
  return `<table><thead><tr><th>pass</th><th>ms</th><th>data bytes before</th><th>after</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function warningList(warnings: readonly string[]): string {
  return warnings.length === 0 ? "" : `<h2>Warnings</h2><ul>${warnings.map((w) => `<li>${escapeHtml(w)}</li>`).join("")}</ul>`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const css = `
:root { color-scheme: light dark; --ink: light-dark(#1b1b1f, #e8e8ee); --paper: light-dark(#fff, #17171b); --line: light-dark(#d5d5dd, #3a3a44); --fill: #3d7bd9; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; } h3 { margin: 0 0 .5rem; font-size: 1rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right; } th:first-child { text-align: left; overflow-wrap: anywhere; }
section { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: .75rem 0; }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
rect.after { fill: var(--fill); } rect.before { fill: none; stroke: currentColor; stroke-opacity: .5; }
code { overflow-wrap: anywhere; }
`;
