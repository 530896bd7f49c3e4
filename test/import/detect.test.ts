/** @file Formats by their first bytes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { detectFormat } from "../../compiler/import/index.ts";
import { magic } from "../../ir-spec/format/header.ts";
import { DATA, hasData } from "../support/data.ts";
import { need } from "../support/skip.ts";
import { encodeModel, FLOAT, node, value } from "./model.ts";

const text = (source: string) => new TextEncoder().encode(source);

test("text starts with the version, after comments and space", () => {
  assert.is(detectFormat(text("tersor 1.0\n\nmodule @m {}")), "tir");
  assert.is(detectFormat(text("\uFEFF// RUN: opt\n\n  // more\ntersor 2.0")), "tir");
  assert.is(detectFormat(text("tersors 1.0")), null);
});

test("a compiled file has its magic bytes", () => {
  assert.is(detectFormat(Uint8Array.from([...magic, 1, 0, 0, 0])), "tsr");
  assert.is(detectFormat(Uint8Array.from(magic.slice(0, 3))), null);
});

test("an ONNX model is told by its outermost fields, whole or truncated", () => {
  const model = encodeModel({ inputs: [value("x", FLOAT, [1])], outputs: [value("y", FLOAT, [1])], nodes: [node("Relu", "x", "y")] });
  assert.is(detectFormat(model), "onnx");
  assert.is(detectFormat(model.subarray(0, model.length - 5)), "onnx");
});

test("other bytes are nothing", () => {
  for (const other of [
    new Uint8Array(0),
    text("{}"),
    text("PK\u0003\u0004"),
    new Uint8Array(64),
    Uint8Array.from([0x89, 0x50, 0x4e, 0x47]),
  ]) {
    assert.is(detectFormat(other), null);
  }
});

test("real models", () => {
  if (!need("data", hasData, "detectFormat on real models")) return;
  for (const name of ["mnist-cnn-op8", "legacy-ir1/super-resolution-ir1", "magika-v3_3"]) {
    assert.is(detectFormat(readFileSync(join(DATA, "models", `${name}.onnx`))), "onnx", name);
  }
  assert.is(detectFormat(readFileSync(join(DATA, "images", "cat.jpg"))), null);
});

test.run();
