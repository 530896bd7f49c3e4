/** @file The importer works bundled for a browser: no Node module, no `Buffer`, no code made from strings. */
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ROOT } from "../support/data.ts";
import { encodeModel, FLOAT, node, value } from "./model.ts";

test("bundled for the browser, it imports a model without Buffer", async () => {
  const entry = `
    import { importOnnx } from "./compiler/import/index.ts";
    import { createCoreRegistry } from "./ir-spec/index.ts";
    export const opNames = (bytes) => importOnnx(bytes, { registry: createCoreRegistry() }).functions.get("main").ops.map((op) => op.name);
  `;
  const result = await build({
    stdin: { contents: entry, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    platform: "browser",
    format: "esm",
    write: false,
    metafile: true,
    define: { Buffer: "undefined", process: "undefined" },
  });
  const text = result.outputFiles[0]?.text ?? "";
  const inputs = Object.keys(result.metafile.inputs);
  assert.ok(inputs.some((path) => path.endsWith("gen/onnx.js")));
  assert.equal(
    inputs.filter((path) => /protobufjs\/(src\/(parse|root|type)\.js|light|index\.js)/.test(path)),
    [],
  );
  const bundle: { opNames(bytes: Uint8Array): readonly string[] } = await import(
    `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`
  );
  const model = encodeModel({ inputs: [value("x", FLOAT, ["n", 4])], outputs: [value("y", FLOAT, [])], nodes: [node("Relu", "x", "y")] });
  assert.equal(bundle.opNames(new Uint8Array(model)), ["math.relu"]);
});

test.run();
