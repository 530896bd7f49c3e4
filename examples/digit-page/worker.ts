/** @file The worker: one recognizer, requests answered in their order. */
import { problemText } from "../page/text.ts";
import type { Reply, Request } from "./messages.ts";
import { openRecognizer, type Recognizer } from "./recognizer.ts";

let recognizer: Recognizer | null = null;

async function answer(request: Request): Promise<Reply> {
  const { id } = request;
  if (request.kind === "open") {
    recognizer = await openRecognizer(request.source, request.options);
    const { modelBytes, backend, skipped } = recognizer;
    return { id, kind: "opened", facts: { modelBytes, backend, skipped } };
  }
  if (!recognizer) throw new Error("open a model first");
  return { id, kind: "answer", answer: await recognizer.classify(request.image) };
}

/** In a worker `postMessage` takes no target origin; the `dom` types know only the window's. */
const reply = (message: Reply): void => self.postMessage(message);

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  answer(data).then(reply, (error) => reply({ id: data.id, kind: "failed", problem: problemText(error) }));
});
