/** @file A recognizer that runs in a worker: the page stays smooth however long a run takes. */
import type { Reply, Request } from "./messages.ts";
import type { Recognizer, RecognizerOptions, RecognizerSource } from "./recognizer.ts";

/** `Omit` would merge the kinds of a union into one. */
type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** @throws Error with the worker's words */
export async function openInWorker(source: RecognizerSource, options: RecognizerOptions, script: URL): Promise<Recognizer> {
  const worker = new Worker(script, { type: "module" });
  const ask = asker(worker);
  try {
    const opened = await ask({ kind: "open", source, options });
    if (opened.kind !== "opened") throw new Error("the worker answered something else");
    return {
      ...opened.facts,
      async classify(image) {
        const reply = await ask({ kind: "classify", image });
        if (reply.kind !== "answer") throw new Error("the worker answered something else");
        return reply.answer;
      },
      dispose: () => worker.terminate(),
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

function asker(worker: Worker): (request: WithoutId<Request>) => Promise<Reply> {
  const waiting = new Map<number, { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void }>();
  let last = 0;
  worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "failed") asked?.reject(new Error(data.problem));
    else asked?.resolve(data);
  });
  worker.addEventListener("error", ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(`The worker stopped: ${message || "its script could not be loaded"}`));
    waiting.clear();
  });
  return (request) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...request, id });
    });
}
