/** @file Where `load` takes bytes from: buffers, URLs, responses, streams in pieces; progress, limits and aborting. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emitFile } from "../../compiler/emit/emit.ts";
import { load, type ModelSource, type Progress, RuntimeError } from "../../runtime/index.ts";
import { smallPlan } from "../format/fixtures.ts";
import { FakeBackend } from "./fake-backend.ts";

const bytes = emitFile({ plans: [{ target: "fake", module: smallPlan() }], build: { tersor: "0.1.0", pipeline: "" } });
const open = (source: ModelSource, onProgress?: (progress: Progress) => void) =>
  load(source, { backends: [new FakeBackend()], ...(onProgress ? { onProgress } : {}) });

function stream(all: Uint8Array, piece: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= all.length) return controller.close();
      controller.enqueue(all.slice(at, at + piece));
      at += piece;
    },
  });
}

async function code(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  assert.instance(error, RuntimeError);
  return (error as RuntimeError).code;
}

test("bytes, a buffer, a URL, a response and a stream give the same model", async () => {
  const url = `data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`;
  const sources: readonly ModelSource[] = [
    bytes,
    bytes.slice().buffer,
    url,
    new URL(url),
    new Response(bytes.slice()),
    stream(bytes, 7),
    stream(bytes, 10_000),
  ];
  for (const source of sources) assert.equal(Object.keys((await open(source)).inputs), ["x"]);
});

test("progress counts up; the total comes from the header", async () => {
  const seen: Progress[] = [];
  await open(stream(bytes, 40), (progress) => seen.push(progress));
  assert.equal(seen[0], { loaded: 40, total: null });
  assert.equal(seen.at(-1), { loaded: bytes.length, total: bytes.length });
  assert.ok(seen.every((p, i) => i === 0 || p.loaded > (seen[i - 1]?.loaded ?? 0)));
});

test("what is no model, a refused request, a stream that goes on and one that ends early have codes", async () => {
  assert.is(await code(open(stream(new Uint8Array(500), 100))), "R0101");
  assert.is(await code(open(new Response("gone", { status: 404 }))), "R0112");
  assert.is(await code(open("data:broken")), "R0112");
  assert.is(await code(open(new Response(null))), "R0112");
  assert.is(await code(open(42 as unknown as ModelSource)), "R0112");
  assert.is(await code(open(stream(Uint8Array.from([...bytes, 0]), 64))), "R0104");
  assert.is(await code(open(stream(bytes.slice(0, -1), 64))), "R0104");
});

test("a stream without end is stopped at the length that its header gives", async () => {
  let pulled = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(pulled++ === 0 ? bytes.slice() : new Uint8Array(1024));
    },
    cancel() {
      cancelled = true;
    },
  });
  assert.is(await code(open(endless)), "R0104");
  assert.ok(cancelled && pulled < 5);
});

test("aborting stops a stream that never delivers", async () => {
  const controller = new AbortController();
  const silent = new ReadableStream<Uint8Array>({});
  const loading = load(silent, { backends: [new FakeBackend()], signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 5);
  const error = await loading.then(
    () => null,
    (reason) => reason,
  );
  assert.is((error as Error).message, "enough");
});

test.run();
