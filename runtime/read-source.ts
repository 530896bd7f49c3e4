/** @file Bytes of a model file from wherever an app has them. The header's length bounds what a stream may deliver; nothing is allocated on its word alone. */
import { compactLimit, hasCompactMagic } from "../ir-spec/format/compact.ts";
import { decodeHeader, hasMagic, headerLength } from "../ir-spec/format/header.ts";
import { RuntimeError } from "./errors.ts";

export type ModelSource = Uint8Array | ArrayBuffer | string | URL | Response | ReadableStream<Uint8Array>;

export interface Progress {
  readonly loaded: number;
  /** From the file's header; null until it has arrived. */
  readonly total: number | null;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** @throws RuntimeError R0101 (no .tsr), R0104 (longer than its header says), R0112 (fetch failed); the signal's reason when aborted */
export async function readSource(source: ModelSource, options: ReadOptions = {}): Promise<Uint8Array> {
  options.signal?.throwIfAborted();
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source === "string" || source instanceof URL) return readResponse(await fetchModel(source, options.signal), options);
  if (source instanceof Response) return readResponse(source, options);
  if (source instanceof ReadableStream) return readStream(source, options);
  throw new RuntimeError("R0112", "the source must be bytes, a URL, a Response or a ReadableStream", "load");
}

async function fetchModel(url: string | URL, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(url, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw new RuntimeError("R0112", `cannot fetch ${url}: ${error instanceof Error ? error.message : error}`, "load");
  }
}

async function readResponse(response: Response, options: ReadOptions): Promise<Uint8Array> {
  if (!response.ok)
    throw new RuntimeError("R0112", `${response.url || "the response"} answered ${response.status} ${response.statusText}`, "load");
  if (!response.body) throw new RuntimeError("R0112", "the response has no body", "load");
  return readStream(response.body, options);
}

async function readStream(stream: ReadableStream<Uint8Array>, { signal, onProgress }: ReadOptions): Promise<Uint8Array> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener("abort", cancel, { once: true });
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  let total: number | null = null;
  let begun = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      chunks.push(value);
      loaded += value.length;
      if (!begun && loaded >= headerLength) {
        begun = true;
        total = announcedLength(join(chunks, loaded));
      }
      if (total === null && loaded > compactLimit)
        throw new RuntimeError("R0104", `more than the ${compactLimit} bytes of a compact file arrive`, "load");
      if (total !== null && loaded > total)
        throw new RuntimeError("R0104", `more than the ${total} bytes that its header says arrive`, "load");
      onProgress?.({ loaded, total });
    }
  } catch (error) {
    cancel();
    throw error;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  return join(chunks, loaded);
}

/** null for a compact file, which does not say it. */
function announcedLength(start: Uint8Array): number | null {
  if (hasCompactMagic(start)) return null;
  if (!hasMagic(start)) throw new RuntimeError("R0101", "this is no .tsr file (its first bytes differ)", "load");
  return decodeHeader(start).fileLength;
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
