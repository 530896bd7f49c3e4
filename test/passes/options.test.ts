/** @file Typed options: defaults, limits and the messages about values that do not fit. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { option, parsePipeline, readOptions } from "../../compiler/index.ts";
import { failure, resolve } from "./support.ts";

const specs = {
  ratio: option.number("", 0.5, { min: 0, max: 1 }),
  count: option.integer("", 4, { min: 1 }),
  fast: option.bool("", false),
  text: option.string("", "t"),
  mode: option.oneOf(["one", "two"], "", "one"),
  keep: option.names("", []),
  needed: option.integer(""),
};

const read = (text: string) => readOptions(specs, parsePipeline(`p{${text}}`)[0]?.options ?? {});

test("defaults are filled in, given values kept", () => {
  const reading = read("needed=1 ratio=25% keep=[a,b]");
  assert.equal(reading, { ok: true, values: { ratio: 0.25, count: 4, fast: false, text: "t", mode: "one", keep: ["a", "b"], needed: 1 } });
});

test("a list of names may be one name", () => {
  const reading = read('needed=1 keep="a*"');
  assert.equal(reading.ok && reading.values.keep, ["a*"]);
});

const wrong: readonly [string, string][] = [
  ["", 'option "needed" (integer) is missing'],
  ["needed=1 ratio=2", 'option "ratio" must be number 0..1, got 2'],
  ["needed=1 count=0", 'option "count" must be integer 1.., got 0'],
  ["needed=1 count=1.5", 'option "count" must be integer 1.., got 1.5'],
  ['needed="1"', 'option "needed" must be integer, got "1"'],
  ["needed=1 fast=yes", 'option "fast" must be true | false, got "yes"'],
  ["needed=1 mode=three", 'option "mode" must be one | two, got "three"'],
  ["needed=1 text=3", 'option "text" must be string, got 3'],
  ["needed=1 keep=[a,3]", 'option "keep" must be list of strings, got ["a",3]'],
  ["needed=1 cuont=1", 'unknown option "cuont"; it has ratio, count, fast, text, mode, keep, needed'],
];

for (const [text, message] of wrong) test(`{${text}}`, () => assert.equal(read(text), { ok: false, message }));

test("E0703 names the pass and its plugin", async () => {
  const error = await failure(() => resolve("prune-magnitude{sparsity=150%}"));
  assert.is(error.code, "E0703");
  assert.match(error.message, 'prune-magnitude (prune): option "sparsity" must be number 0..0.999, got 1.5');
  assert.match((await failure(() => resolve("dce{x=1}"))).message, 'dce (core): unknown option "x"; it has no options');
});

test.run();
