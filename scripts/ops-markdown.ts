/** @file OPS.md from the op records: one section per dialect, one entry per op. Pure text out, so that a test can regenerate and compare. */
import { printAttr } from "../compiler/text/print/attr.ts";
import type { AttrSpec, OpDef, OperandSpec, ResultSpec } from "../ir-spec/index.ts";

const intro = `# Ops

Generated from the records in \`ir-spec/ops/\` by \`npm run gen\`. Do not edit.

\`?\` marks an operand that may be absent (\`_\` in the text), \`...\` one that may repeat. Axes named \`...\` stand for any number.
References compute in f64, or in exact integers, and round once to the dtype of the result; integers wrap unless an op says otherwise.
`;

export function renderOps(ops: readonly OpDef[]): string {
  const dialects = new Map<string, OpDef[]>();
  for (const def of ops) {
    const dialect = def.name.slice(0, def.name.indexOf("."));
    dialects.set(dialect, [...(dialects.get(dialect) ?? []), def]);
  }
  const contents = [...dialects].map(([dialect, defs]) => `- [${dialect}](#${dialect}): ${defs.map((def) => link(def)).join(", ")}`);
  const sections = [...dialects].map(([dialect, defs]) => `## ${dialect}\n\n${defs.map(entry).join("\n")}`);
  return `${intro}\n${contents.join("\n")}\n\n${sections.join("\n")}`;
}

function link(def: OpDef): string {
  return `[${def.name.slice(def.name.indexOf(".") + 1)}](#${def.name.replace(/\./g, "")})`;
}

function entry(def: OpDef): string {
  const parts = [`### ${def.name}`, def.doc, operandTable(def), attrTable(def), facts(def)];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function operandTable({ operands, results }: OpDef): string {
  const rows = [...operands.map(operandRow), ...results.map(resultRow)];
  return table(["", "name", "role", "axes", "dtypes", ""], rows);
}

function operandRow({ name, role, axes, optional, variadic, dtypes, doc }: OperandSpec): readonly string[] {
  const mark = variadic ? "..." : optional ? "?" : "";
  return ["operand", `\`${name}${mark}\``, role, axesText(axes), dtypes ? dtypes.join(" ") : "any", doc ?? ""];
}

function resultRow({ name, axes, doc }: ResultSpec): readonly string[] {
  return ["result", `\`${name}\``, "", axesText(axes), "", doc ?? ""];
}

function axesText(axes: readonly string[] | undefined): string {
  return axes ? `[${axes.join(", ")}]` : "";
}

function attrTable({ attrs }: OpDef): string {
  const rows = Object.entries(attrs).map(([name, spec]) => [`\`${name}\``, spec.type, defaultText(spec), spec.doc]);
  return rows.length === 0 ? "" : table(["attribute", "type", "default", ""], rows);
}

function defaultText(spec: AttrSpec<unknown>): string {
  return spec.required ? "required" : `\`${printAttr(spec.write(spec.fallback)) || "{}"}\``;
}

/** How it is differentiated, lowered and cut. */
function facts({ since, commutative, gradient, noGradient, decompose, select, maps }: OpDef): string {
  const differentiated = gradient ? "yes" : noGradient === undefined ? "by decomposition" : `none, ${noGradient}`;
  const list = [
    `since ${since}`,
    `gradient: ${differentiated}`,
    ...(decompose ? ["decomposes"] : []),
    ...(maps ? ["maps axes"] : []),
    ...(select ? ["says which cuts of axes it allows"] : []),
    ...(commutative ? ["commutative"] : []),
  ];
  return `${list.join("; ")}.`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replace(/\|/g, "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
