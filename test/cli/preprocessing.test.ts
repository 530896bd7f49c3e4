/** @file Declared preprocessing from the command line to the session: who may declare it, what is filled in, what is refused, and that a file keeps it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode as encodePng } from "fast-png";
import { encode as encodeJpeg } from "jpeg-js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openPrepared } from "../../compiler/cli/data.ts";
import { decodeImage } from "../../compiler/cli/decode-image.ts";
import { evaluateSession, preparedFor } from "../../compiler/cli/evaluate.ts";
import { imageInput } from "../../compiler/cli/inputs.ts";
import { ranked } from "../../compiler/cli/ranking.ts";
import { compile } from "../../compiler/compile.ts";
import { dataSet } from "../../compiler/data/dataset.ts";
import { DataError } from "../../compiler/data/errors.ts";
import { storedPreprocessing } from "../../compiler/emit/preprocessing.ts";
import { readSource } from "../../compiler/emit/read-source.ts";
import { parseModule, printModule, readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, type Module, TersorError } from "../../ir-spec/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { imagePreprocessing, load, modelInfo, openFile, Tensor } from "../../runtime/index.ts";
import { tersor } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "tersor-pixels-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const registry = createCoreRegistry();

/** Scores of two classes for pictures of 2 x 2: the sum of the pixels and its opposite. */
function text(meta = "", shape = "Nx1x2x2"): string {
  return `tersor 1.0

module @sum {
${meta}  func @main(%image: tensor<${shape}xf32>) -> (scores: tensor<Nx2xf32>) {
    %flat = shape.reshape(%image) {shape = [0, -1]}
    %scores = nn.linear(%flat, @w)
    return %scores
  }

  const @w : tensor<2x4xf32> = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]
}
`;
}

const model = (meta = "", shape?: string): Module => readModule(text(meta, shape), { registry, file: "sum.tir" });
const declaredIn = (bytes: Uint8Array) => modelInfo(openFile(bytes)).preprocessing;

async function refusal(declaration: Record<string, unknown>, meta = ""): Promise<string> {
  try {
    await compile(model(meta), meta === "" ? { preprocessing: declaration } : {});
  } catch (error) {
    if (error instanceof TersorError)
      return error.problems.map((p) => `${p.code} ${p.where}: ${p.message}${p.hint ? ` (${p.hint})` : ""}`).join("\n");
    throw error;
  }
  return "compiled";
}

test("name, sizes, channels and layout come from the model; the file holds only what differs from the defaults", async () => {
  const { bytes } = await compile(model(), { preprocessing: { mean: [127], std: 128, labels: ["light", "dark"] } });
  const stored = { input: "image", width: 2, height: 2, channels: "grey", mean: 127, std: 128, labels: ["light", "dark"] };
  assert.equal(declaredIn(bytes), stored);
  const record = imagePreprocessing(modelInfo(openFile(bytes)));
  assert.equal([record?.layout, record?.mean, record?.resize], ["nchw", [127], "stretch"]);
  assert.equal(record && storedPreprocessing(record), stored, "what is read is written again as it was");
});

test("meta of a .tir declares it; text, passes, the file and a second compilation keep it; an option replaces it", async () => {
  const meta = "  meta { preprocessing = { scale = 0.5, invert = true } }\n";
  const first = await compile(model(meta), { targets: ["reference"], pipeline: "" });
  const stored = { input: "image", width: 2, height: 2, channels: "grey", scale: 0.5, invert: true };
  assert.equal(declaredIn(first.bytes), stored);
  const again = await compile(readSource(first.bytes), { targets: ["wasm-simd"] });
  assert.equal(declaredIn(again.bytes), stored);
  assert.match(
    printModule(first.module),
    /preprocessing = \{input = "image", width = 2, height = 2, channels = "grey", scale = 0\.5, invert = true\}/,
  );
  assert.equal(parseModule(printModule(first.module), { registry, file: "again.tir" }).module?.meta, first.module.meta);
  const other = await compile(model(meta), { preprocessing: { fill: 9 } });
  assert.equal(declaredIn(other.bytes), { input: "image", width: 2, height: 2, channels: "grey", fill: 9 });
  assert.is(declaredIn((await compile(model(), {})).bytes), null);
});

test("a declaration that does not fit is E0915, with field, place and a way out", async () => {
  assert.is(
    await refusal({ meen: 1 }),
    'E0915 the declaration: preprocessing: unknown key "meen" (did you mean "mean"? there are: input, width, height, layout, channels, resize, scale, mean, std, fill, invert, labels)',
  );
  assert.is(
    await refusal({ size: [2, 2] }),
    `E0915 the declaration: preprocessing: unknown key "size" (did you mean "resize"? there are: input, width, height, layout, channels, resize, scale, mean, std, fill, invert, labels)`,
  );
  assert.is(
    await refusal({ input: "picture" }),
    'E0915 the declaration: preprocessing.input: the model has no input "picture"; it has "image"',
  );
  assert.match(
    await refusal({ width: 3 }),
    /E0915 the declaration: preprocessing: input "image" is f32 \[N, 1, 2, 2\], the record makes f32 or u8 \[batch, 1, 2, 3\]/,
  );
  assert.match(await refusal({ channels: "rgb" }), /makes f32 or u8 \[batch, 3, 2, 2\]/);
  assert.is(await refusal({ std: 0 }), "E0915 the declaration: preprocessing.std: expected deviations that are not zero, found 0");
  assert.match(
    await refusal({}, "  meta { preprocessing = { scale = dim[N] } }\n"),
    /E0915 meta: preprocessing\.scale: expected a finite number/,
  );
  assert.match(await refusal({}, "  meta { preprocessing = 3 }\n"), /E0915 meta: preprocessing: expected a dict, found int/);
});

/** Data set of raw pixels: sample i is four pixels of 10 (i + 1). */
const raw = dataSet({
  name: "raw",
  classes: 2,
  labels: Uint8Array.of(0, 1),
  pixels: "anything",
  inputs: { anything: { dtype: "f32", shape: [1, 2, 2] } },
  write: (i, out, row) => out.anything?.fill(10 * (i + 1), 4 * row, 4 * row + 4),
});

test("eval prepares raw data as the file declares, on every backend; calibration sees the same", async () => {
  // 2 * (10 - 15) < 0 and 2 * (20 - 15) > 0: without the mean both would be of class 0.
  const { bytes } = await compile(model(), { preprocessing: { scale: 2, mean: 30 } });
  for (const backend of [wasm(), reference()]) {
    const session = await load(bytes, { backends: [backend] });
    const data = preparedFor(session, raw);
    assert.equal([...(data.batch(0, 2).image ?? [])], [-10, -10, -10, -10, 10, 10, 10, 10]);
    assert.equal([...(await evaluateSession(session, data)).predictions], [1, 0]);
    session.dispose();
  }
});

/** Rows of grey levels as PNG. */
function png(...rows: readonly (readonly number[])[]): Uint8Array {
  return encodePng({ width: rows[0]?.length ?? 0, height: rows.length, data: Uint8Array.from(rows.flat()), channels: 1, depth: 8 });
}

test("images:DIR takes one folder per class, in turns, by the declared labels or by name; the model's own record prepares them", async () => {
  const at = join(folder, "set");
  const files = { "b/1.png": png([8, 8], [8, 8]), "b/2.PNG": png([9]), "a/1.png": png([1, 2], [3, 4]), "a/note.txt": Uint8Array.of(1) };
  const { mkdirSync } = await import("node:fs");
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(at, name, ".."), { recursive: true });
    writeFileSync(join(at, name), bytes);
  }
  const data = await openPrepared(`images:${at}`, model(), { scale: 2 });
  assert.equal([data.count, data.classes, [...data.labels], data.unlabelled], [3, 2, [0, 1, 1], undefined]);
  assert.equal([...(data.batch(0, 3).image ?? [])], [2, 4, 6, 8, 16, 16, 16, 16, 18, 18, 18, 18]);
  const named = await openPrepared(`images:${at}`, model(), { labels: ["b", "c", "a"] });
  assert.equal([...named.labels], [2, 0, 0]);
  assert.is((await openPrepared(`images:${at}`, model(), {}, 2)).count, 2);
  const flat = await openPrepared(`images:${join(at, "b")}`, model(), {});
  assert.equal([flat.unlabelled, flat.count], [true, 2]);
  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => "opened",
      (error: unknown) => (error instanceof DataError ? error.code : String(error)),
    );
  assert.is(await code(openPrepared(`images:${at}`, model(), { labels: ["a"] })), "D0105");
  assert.is(await code(openPrepared(`images:${at}`, model(), undefined)), "D0113", "nothing is declared");
  assert.is(
    await code(openPrepared(`images:${folder}/none`, model(), {})),
    `Error: ENOENT: no such file or directory, scandir '${folder}/none'`,
  );
});

test("run takes a picture for the input that declares preprocessing and ranks the scores by name", async () => {
  const { bytes } = await compile(model(), { preprocessing: { scale: 0.25, labels: ["bright", "dark"] } });
  const [file, picture] = [join(folder, "sum.tsr"), join(folder, "p.png")];
  writeFileSync(file, bytes);
  writeFileSync(picture, png([4, 8, 4, 8], [4, 8, 4, 8], [0, 0, 8, 8], [0, 0, 8, 8]));
  const ran = tersor("run", file, "--image", picture, "--json");
  assert.is(ran.status, 0, ran.stdout + ran.stderr);
  const { outputs } = ran.json() as { outputs: { values: number[]; top: { index: number; label: string; score: number }[] }[] };
  const session = await load(bytes, { backends: [reference()] });
  const { scores } = await session.run(await imageInput(picture, session));
  session.dispose();
  assert.equal(outputs[0]?.values, Array.from(scores?.data as Float32Array));
  assert.equal(
    outputs[0]?.top.map((t) => [t.index, t.label]),
    [
      [0, "bright"],
      [1, "dark"],
    ],
  );
  assert.ok(
    Math.abs((outputs[0]?.top[0]?.score ?? 0) - (6 + 6 + 0 + 8) / 4) < 0.7,
    `${outputs[0]?.top[0]?.score}: the corners' means weigh most`,
  );
});

test("scores are ranked, equal ones by their place; other tensors are not scores", () => {
  const tensor = (values: readonly number[], shape: readonly number[]) => new Tensor("f32", Float32Array.from(values), shape);
  assert.equal(
    ranked(tensor([1, 3, 3, 0], [1, 4]), null, 3)?.map((r) => r.index),
    [1, 2, 0],
  );
  assert.is(ranked(tensor([1, 3, 3, 0], [2, 2]), null), null);
  assert.is(ranked(tensor([1, 3], [2]), ["a", "b", "c"]), null);
});

test("JPEG and PNG decode to RGBA of any kind of pixel; EXIF turns the picture; other bytes are coded errors", () => {
  const jpeg = new Uint8Array(
    encodeJpeg(
      {
        width: 16,
        height: 8,
        data: Uint8Array.from({ length: 512 }, (_, i) => (i % 4 === 3 ? 255 : Math.floor((i / 4) % 16) < 8 ? 40 : 220)),
      },
      95,
    ).data,
  );
  const upright = decodeImage(jpeg, "a.jpg");
  assert.equal([upright.width, upright.height], [16, 8]);
  assert.ok(Math.abs((upright.data[0] ?? 0) - 40) < 8 && Math.abs((upright.data[4 * 15] ?? 0) - 220) < 8);
  const turned = decodeImage(withOrientation(jpeg, 6), "a.jpg");
  assert.equal([turned.width, turned.height], [8, 16]);
  assert.equal(
    [turned.data[0], turned.data[4 * 8 * 15]],
    [upright.data[4 * 16 * 7], upright.data[4 * (16 * 7 + 15)]],
    "the left edge becomes the top, from below",
  );
  const mirrored = decodeImage(withOrientation(jpeg, 2), "a.jpg");
  assert.is(mirrored.data[0], upright.data[4 * 15]);
  assert.equal(decodeImage(withOrientation(jpeg, 9), "a.jpg").data, upright.data, "a value that is none reads as upright");

  const pixels = (bytes: Uint8Array) => [...decodeImage(bytes, "x.png").data];
  assert.equal(pixels(png([7, 200])), [7, 7, 7, 255, 200, 200, 200, 255]);
  assert.equal(pixels(encodePng({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3, 4), channels: 4 })), [1, 2, 3, 4]);
  assert.equal(pixels(encodePng({ width: 1, height: 1, data: Uint8Array.of(9, 4), channels: 2 })), [9, 9, 9, 4]);
  assert.equal(
    pixels(encodePng({ width: 1, height: 1, data: Uint16Array.of(0x1234, 0xff00, 0x00ff), channels: 3, depth: 16 })),
    [0x12, 0xff, 0, 255],
  );

  const code = (bytes: Uint8Array) => {
    try {
      decodeImage(bytes, "x");
    } catch (error) {
      if (error instanceof DataError) return `${error.code} ${error.where}`;
      throw error;
    }
    return "decoded";
  };
  assert.is(code(Uint8Array.of(1, 2, 3)), "D0102 x");
  assert.is(code(jpeg.slice(0, 30)), "D0104 x");
  assert.is(code(png([1, 2, 3]).slice(0, 40)), "D0104 x");
  const huge = png([1]);
  new DataView(huge.buffer, huge.byteOffset).setUint32(16, 1e6);
  new DataView(huge.buffer, huge.byteOffset).setUint32(20, 1e6);
  assert.is(code(huge), "D0116 x");
});

/** A JPEG with an EXIF segment in front that says only how the camera was held. */
function withOrientation(jpeg: Uint8Array, orientation: number): Uint8Array {
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  const body = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
  return Uint8Array.of(0xff, 0xd8, 0xff, 0xe1, 0, body.length + 2, ...body, ...jpeg.slice(2));
}

test.run();
