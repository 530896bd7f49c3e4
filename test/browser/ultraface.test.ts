/** @file UltraFace on the photographs: the faces that our runtime finds are ONNX Runtime's, box by box, at IoU 0.99. Both get the same tensor and the page's own decoding. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { type Face, overlap } from "../../examples/faces-page/boxes.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { type Backend, load, type Session } from "../../runtime/index.ts";
import { faceModel, preprocessing } from "../../scripts/pages/pages.ts";
import { hasData } from "../support/data.ts";
import { ort } from "../support/ort.ts";
import { need } from "../support/skip.ts";
import { faceInput, ortFaces, ourFaces, photographs, ULTRAFACE } from "./photographs.ts";

let file: Uint8Array | null = null;

async function open(backend: Backend): Promise<Session> {
  if (!file) {
    const source = importOnnx(new Uint8Array(readFileSync(ULTRAFACE)), { registry: createCoreRegistry(), dynamicBatch: true });
    const { bytes } = await compile(source, { plugins: bundledPlugins(), preprocessing: preprocessing.faces });
    file = bytes;
  }
  return load(file, { backends: [backend] });
}

function assertSame(ours: readonly Face[], theirs: readonly Face[], name: string): void {
  assert.is(ours.length, theirs.length, name);
  ours.forEach((face, i) => {
    const other = theirs[i];
    assert.ok(other && overlap(face, other) >= 0.99, `${name}: face ${i}: ${JSON.stringify(face)} ${JSON.stringify(other)}`);
    assert.ok(Math.abs(face.score - other.score) <= 1e-4, `${name}: face ${i}: score ${face.score} ${other.score}`);
  });
}

const present = (name: string): boolean => need("data", hasData, name) && need("ort", ort !== null, name);

test("wasm: on every photograph the boxes are ONNX Runtime's at IoU 0.99", async () => {
  if (!present("UltraFace on the photographs")) return;
  const session = await open(wasm());
  const counts: Record<string, number> = {};
  for (const name of photographs()) {
    const input = faceInput(name, session);
    const faces = await ourFaces(session, input);
    assertSame(faces, await ortFaces(input), name);
    counts[name] = faces.length;
  }
  session.dispose();
  assert.is(counts["detect-coco-2.jpg"], 4);
  assert.is(counts["detect-coco-3.jpg"], 4);
  assert.is(counts["super-res-input.jpg"], 1);
  assert.is(counts["daisy.jpg"], 0);
});

test("with 8-bit weights the file is a quarter of the model and finds the same faces", async () => {
  if (!present("UltraFace with 8-bit weights")) return;
  const { bytes, sourceBytes } = await faceModel(ULTRAFACE, "quantize{bits=8},entropy");
  assert.ok(bytes.length * 4 <= sourceBytes, `${bytes.length} of ${sourceBytes} bytes`);
  const session = await load(bytes, { backends: [wasm()] });
  for (const name of ["detect-coco-2.jpg", "detect-coco-3.jpg", "super-res-input.jpg", "daisy.jpg"]) {
    const input = faceInput(name, session);
    const [ours, theirs] = [await ourFaces(session, input), await ortFaces(input)];
    assert.is(ours.length, theirs.length, name);
    for (const face of theirs)
      assert.ok(
        ours.some((other) => overlap(face, other) >= 0.7),
        `${name}: ${JSON.stringify(face)}`,
      );
  }
  session.dispose();
});

test("reference: the same on one photograph", async () => {
  if (!present("UltraFace on the reference backend")) return;
  const session = await open(reference());
  const input = faceInput("super-res-input.jpg", session);
  assertSame(await ourFaces(session, input), await ortFaces(input), "super-res-input.jpg");
  session.dispose();
});

test.run();
