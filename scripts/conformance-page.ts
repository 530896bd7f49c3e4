/** @file The page `docs/onnx-coverage.md`, made from a conformance record; `npm run conformance` writes it and a test compares it with the record that is kept. */

import { disputes } from "../compiler/conformance/disputed.ts";
import { exclusions } from "../compiler/conformance/excluded.ts";
import type { ConformanceRecord, OperatorRecord, RunRecord } from "./conformance-record.ts";

const INTRODUCTION = `# ONNX coverage

Made by \`npm run conformance\` from a run of ONNX's own operator tests (three releases of the ONNX project); do not edit. One archive, one backend:
\`tersor conformance onnx-dev-opset28.tar.gz --backend wasm --baseline onnxruntime-1.30-baseline.json\`.

A test passes when every element of every output is within the tolerances of the ONNX test runner (rtol 1e-3, atol 1e-5; integers and booleans equal). A refusal is
an error with a code that names the node, the operator and, where there is one, the rewrite that helps.`;

export function coveragePage(record: ConformanceRecord): string {
  const backends = [...new Set(record.runs.map(({ backend }) => backend))];
  return `${[
    INTRODUCTION,
    `## Beside ${record.oracle}\n\nOf the tests that ${record.oracle} passes; on a device those whose tensors are f32, i64, i32, i8, u8 and bool.`,
    markdownTable(["set", "backend", "passed there", "out", "counted", "pass", "differ", "not run"], record.runs.map(scoreRow)),
    `## All tests\n\n"Fixed": tests whose shapes depend on inputs, which were compiled in with the test's values.`,
    markdownTable(["set", "backend", "pass", "differ", "unsupported", "error", "fixed", "kernels"], record.runs.map(countsRow)),
    `## By operator\n\nPassed of all tests about the operator, all sets together, whether or not ${record.oracle} passes them.`,
    markdownTable(
      ["operator", "opsets tested", ...backends, "what is out"],
      Object.entries(record.operators).map((entry) => operatorRow(entry, backends)),
    ),
    `## What stays out\n\n${exclusions.map(ruleLine).join("\n")}`,
    `## Disputed\n\nTests whose expected outputs we do not share:\n\n${disputes.map(({ test, why }) => `- \`${test.source}\`: ${why}`).join("\n")}`,
  ].join("\n\n")}\n`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function scoreRow({ set, backend, score }: RunRecord): readonly string[] {
  const { theirs, out, excludedShare, counted, pass, differ, missed, missedShare } = score;
  return [
    set,
    backend,
    String(theirs),
    `${out} (${percent(excludedShare)})`,
    String(counted),
    String(pass),
    String(differ),
    `${missed} (${percent(missedShare)})`,
  ];
}

function countsRow({ set, backend, pass, mismatch, unsupported, error, fixed, kernels }: RunRecord): readonly string[] {
  const used = Object.keys(kernels).length;
  return [set, backend, ...[pass, mismatch, unsupported, error, fixed.length].map(String), used === 0 ? "" : String(used)];
}

function operatorRow([op, { opsets, passed, out }]: readonly [string, OperatorRecord], backends: readonly string[]): readonly string[] {
  const [oldest, newest] = opsets;
  const counts = backends.map((backend) => (passed[backend] ?? [0, 0]).join(" of "));
  return [op, oldest === newest ? String(oldest) : `${oldest} to ${newest}`, ...counts, out.map(escaped).join("; ")];
}

function ruleLine({ why, ops, dtypes, kinds }: (typeof exclusions)[number]): string {
  const parts = [
    ops && `operators \`${ops.source}\``,
    dtypes && `element types \`${dtypes.source}\``,
    kinds && "any input or output that is no tensor",
  ];
  return `- ${parts.filter(Boolean).join(", ")}: ${why}`;
}

const escaped = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}
