/** @file Each plugin's README has the options that its passes have, with their types, defaults and docs, and examples that resolve. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkOrder, type OptionSpec, type Plugin } from "../../compiler/index.ts";
import { binarize } from "../../plugins/binarize/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { lowRank } from "../../plugins/low-rank/index.ts";
import { prune } from "../../plugins/prune/index.ts";
import { quantize } from "../../plugins/quantize/index.ts";
import { repair } from "../../plugins/repair/index.ts";
import { share } from "../../plugins/share/index.ts";
import { resolve } from "../passes/support.ts";

function row(name: string, { type, doc, fallback, required }: OptionSpec<unknown>): string {
  const shown = required ? "required" : `\`${typeof fallback === "string" ? fallback : JSON.stringify(fallback)}\``;
  return `| \`${name}\` | ${type.replaceAll("|", "\\|")} | ${shown} | ${doc} |`;
}

/** Lines of the table under `## Pass`. */
function tableOf(text: string, pass: string): readonly string[] {
  const section = text.split(`## Pass \`${pass}\``)[1]?.split("\n## ")[0] ?? "";
  return section.split("\n").filter((line) => line.startsWith("| `"));
}

for (const plugin of [prune(), lowRank(), share(), quantize(), binarize(), repair(), entropy()] satisfies Plugin[]) {
  const text = readFileSync(fileURLToPath(new URL(`../../plugins/${plugin.name}/README.md`, import.meta.url)), "utf8");
  for (const pass of plugin.passes ?? []) {
    test(`${plugin.name}: the table of ${pass.name}`, () => {
      assert.ok(text.includes(`## Pass \`${pass.name}\``));
      assert.equal(
        tableOf(text, pass.name),
        Object.entries(pass.options).map(([name, spec]) => row(name, spec)),
      );
      for (const other of [...(pass.after ?? []), ...(pass.before ?? [])])
        assert.ok(text.includes(`\`${other}\``), `${pass.name} does not mention ${other}`);
    });
  }
  test(`${plugin.name}: its example pipelines resolve in order`, () => {
    const examples = (/```\n([\s\S]*?)```/.exec(text)?.[1] ?? "").trim().split("\n");
    assert.ok(examples[0]);
    for (const example of examples) checkOrder(resolve(example));
  });
}

test.run();
