/**
 * @file The import-edge test: no file imports against the dependency direction. The fabricated edges show that each rule can
 * refuse, and that what it should let through does pass.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ROOT } from "../support/data.ts";
import { edgesIn, edgesOf, violations } from "./import-edges.ts";
import { NOT_TYPESCRIPT, ROOMS, RULES } from "./import-rules.ts";

const refusals = (file: string, text: string): string[] => violations(RULES, edgesOf(file, text));

const FORBIDDEN: readonly (readonly [file: string, text: string])[] = [
  ["ir-spec/core/dim.ts", `import { x } from "../../compiler/index.ts";`],
  ["ir-spec/core/dim.ts", `import { sha256 } from "@noble/hashes/sha2.js";`],
  ["ir-spec/core/dim.ts", `import { readFileSync } from "node:fs";`],
  ["ir-spec/ops/nn/conv.ts", `import { ByteBuffer } from "flatbuffers";`],
  ["ir-spec/format/gen/module.ts", `export * from "../../../runtime/index.ts";`],
  ["runtime/session.ts", `import type { Module } from "../ir-spec/core/graph.ts";`],
  ["runtime/session.ts", `import { parse } from "../compiler/text/parse.ts";`],
  ["runtime/session.ts", `import "chevrotain";`],
  ["runtime/session.ts", `const fs = await import("node:fs");`],
  ["runtime/session.ts", `const ort = await import("onnxruntime-node");`],
  ["runtime/backends/wasm/index.ts", `import { ops } from "../../../ir-spec/ops/list.ts";`],
  ["runtime/backends/webgpu/index.ts", `import { create } from "webgpu";`],
  ["runtime/backends/ort/onnxruntime.ts", `import { InferenceSession } from "onnxruntime-node";`],
  ["runtime/backends/ort/index.ts", `import { readFileSync } from "node:fs";`],
  ["compiler/lower/ort-plan.ts", `import { modelBytes } from "../../runtime/backends/ort/model-bytes.ts";`],
  ["runtime/backends/wasm/manifest.ts", `import * as fb from "flatbuffers";`],
  ["compiler/emit/emit.ts", `import { readFileSync } from "node:fs";`],
  ["compiler/emit/emit.ts", `import { Program } from "../../runtime/program.ts";`],
  ["compiler/emit/emit.ts", `export { run } from "../cli/main.ts";`],
  ["compiler/pass/presets.ts", `import { prune } from "../../plugins/prune/index.ts";`],
  ["compiler/text/parse.ts", `import { Command } from "commander";`],
  ["compiler/cli/main.ts", `import { kmeans } from "../../plugins/share/kmeans.ts";`],
  ["compiler/cli/verify.ts", `import * as ort from "onnxruntime-node";`],
  ["plugins/prune/index.ts", `import { FunctionEditor } from "../../ir-spec/core/editor.ts";`],
  ["plugins/prune/index.ts", `import { share } from "../share/index.ts";`],
  ["plugins/prune/index.ts", `type T = import("../../compiler/pass/pass.ts").Pass;`],
  ["plugins/entropy/kernels/rans.ts", `import { definePlugin } from "../../../compiler/index.ts";`],
  ["plugins/entropy/kernels/rans.ts", `import { model } from "../model.ts";`],
  ["examples/digits/main.ts", `import { DATA } from "../../test/support/data.ts";`],
  ["elsewhere/file.ts", `import "node:fs";`],
];

const ALLOWED: readonly (readonly [file: string, text: string])[] = [
  ["ir-spec/ops/nn/conv.ts", `import { a } from "../../core/dim.ts"; import { b } from "../define.ts";`],
  ["ir-spec/format/gen/module.ts", `import * as flatbuffers from "flatbuffers"; export { Dim } from "./dim.js";`],
  ["runtime/program.ts", `import { Model } from "../ir-spec/format/gen/model.ts"; import { ByteBuffer } from "flatbuffers";`],
  ["runtime/backends/reference/index.ts", `import { ops } from "../../../ir-spec/index.ts";`],
  ["runtime/backends/webgpu/index.ts", `const { create } = await import("webgpu"); type T = typeof import("webgpu");`],
  ["compiler/lower/select.ts", `import { manifest } from "../../runtime/backends/wasm/manifest.ts";`],
  ["compiler/lower/ort-plan.ts", `import { graphKernel } from "../../runtime/backends/ort/manifest.ts";`],
  ["runtime/backends/ort/index.ts", `import { wasm } from "../wasm/index.ts"; const engine = await import("onnxruntime-node");`],
  ["compiler/text/lex.ts", `import { createToken } from "chevrotain"; import { load } from "../../runtime/index.ts";`],
  [
    "compiler/cli/main.ts",
    `import "node:fs"; import "commander"; import "../../plugins/prune/index.ts"; await import("onnxruntime-node");`,
  ],
  [
    "plugins/prune/index.ts",
    `import { a } from "../../compiler/index.ts"; import { b } from "./criterion.ts"; import k from "./kernels/k.ts";`,
  ],
  ["plugins/entropy/kernels/rans.ts", `import type { Codec } from "../../../runtime/index.ts"; import "./tables.ts";`],
];

test("every rule refuses the edges it is for", () => {
  for (const [file, text] of FORBIDDEN) assert.is(refusals(file, text).length, 1, `${file} passed with ${text}`);
});

test("what the rooms need passes", () => {
  for (const [file, text] of ALLOWED) assert.equal(refusals(file, text), [], `${file}: ${text}`);
});

test("a refusal names the file, the line, the room, the target and the kind of import", () => {
  const text = `// first line\nimport { readFileSync } from "node:fs";\n`;
  assert.equal(refusals("ir-spec/core/dim.ts", text), ["ir-spec/core/dim.ts:2: ir-spec may not import node:fs (static)"]);
});

test("no file imports against the dependency direction", () => {
  const edges = edgesIn(ROOT, ROOMS, NOT_TYPESCRIPT);
  assert.ok(edges.length > 20, `only ${edges.length} import edges found: is the scan broken?`);
  const found = violations(RULES, edges);
  assert.equal(found, [], found.join("\n"));
});

test.run();
