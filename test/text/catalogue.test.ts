/** @file Every code that the language's rooms use is in the catalogue, and every code of the catalogue is in GRAMMAR.md with its title. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { catalogue } from "../../compiler/diagnostics/index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("codes E01 to E04 in the sources are in the catalogue", () => {
  const files = ["ir-spec", "compiler"].flatMap((room) =>
    readdirSync(`${root}${room}`, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${room}/${file}`),
  );
  assert.ok(files.length > 50);
  for (const file of files) {
    for (const [, code = ""] of readFileSync(`${root}${file}`, "utf8").matchAll(/"(E0[1-4][0-9]{2})"/g)) {
      assert.ok(Object.hasOwn(catalogue, code), `${file} uses ${code}, which the catalogue does not have`);
    }
  }
});

test("GRAMMAR.md lists every code with its title", () => {
  const grammar = readFileSync(`${root}ir-spec/GRAMMAR.md`, "utf8");
  for (const [code, { title }] of Object.entries(catalogue)) {
    assert.ok(grammar.includes(`| ${code} | ${title} |`), `| ${code} | ${title} |`);
  }
});

test.run();
