/** @file `docs/onnx-export.md` is what the exporter does: its table is made from exports, its options and codes are those there are. TERSOR_UPDATE=1 writes the table. */
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exportCodes, weightStyles } from "../../compiler/export/index.ts";
import { withTable } from "./page.ts";

const file = new URL("../../docs/onnx-export.md", import.meta.url);
const page = readFileSync(file, "utf8");

test("the table of docs/onnx-export.md is made from exports of every op", () => {
  const made = withTable(page);
  if (process.env.TERSOR_UPDATE === "1") writeFileSync(file, made);
  else assert.fixture(page, made);
});

test("docs/onnx-export.md has a row for each form of weights and each code", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| "));
  for (const style of weightStyles)
    assert.ok(
      rows.some((line) => line.startsWith(`| \`${style}\``)),
      style,
    );
  for (const code of Object.keys(exportCodes))
    assert.ok(
      rows.some((line) => line.startsWith(`| ${code} |`)),
      code,
    );
});

test.run();
