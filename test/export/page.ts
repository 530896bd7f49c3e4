/** @file The table of `docs/onnx-export.md`: each op's operators as its cases are exported, and what is particular. */
import type { OpDef } from "../../ir-spec/index.ts";
import { caseFiles } from "../ops/cases/index.ts";
import { caseModule } from "./case-modules.ts";
import { excusesOf, noDoubles, otherForm } from "./excused.ts";
import { exported, operators, registry } from "./support.ts";

const all = Object.values(caseFiles).flat();

/** Ops that call functions have no cases. */
const byHand: Readonly<Record<string, readonly string[]>> = { "control.if": ["If"], "control.loop": ["Loop"], "control.scan": ["Scan"] };

/** Lists of operators of each case, the shortest first. */
function formsOf(op: string): readonly (readonly string[])[] {
  const fixed = byHand[op];
  if (fixed) return [fixed];
  const forms = all.filter((c) => c.op === op).map((c) => unique(operators(exported(caseModule(c).module))));
  return forms.filter((form) => form.length > 0).sort((a, b) => a.length - b.length);
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];
const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

function row({ name }: OpDef): string {
  const [plainest = [], ...others] = formsOf(name);
  const besides = unique(others.flat()).filter((operator) => !plainest.includes(operator));
  const notes = [otherForm[name] ?? "", noDoubles.has(name) ? "ONNX Runtime has no kernel of f64" : "", ...excusesOf(name)].filter(
    (note) => note !== "",
  );
  return `| \`${name}\` | ${code(plainest)} | ${code(besides)} | ${notes.join("; ")} |`;
}

/** Markdown of all ops that have a form. */
export function exportTable(): string {
  const defs = registry.list().filter((def) => !def.name.startsWith("rt."));
  return ["| op | ONNX | besides | notes |", "| --- | --- | --- | --- |", ...defs.map(row)].join("\n");
}

const marks = /(<!-- table: [^>]*-->\n)[\s\S]*?(<!-- end of the table -->)/;

/** The page with a table of now. @throws RangeError where the page has no place for it */
export function withTable(page: string): string {
  if (!marks.test(page)) throw new RangeError("docs/onnx-export.md has no marks around a table");
  return page.replace(marks, (_, begin: string, end: string) => `${begin}\n${exportTable()}\n\n${end}`);
}
