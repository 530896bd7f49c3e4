/** @file A server for a built page: files of one folder, on this machine only, with the policy as a header. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { CONTENT_SECURITY_POLICY } from "./policy.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".tsr": "application/octet-stream",
};

export interface PageServer {
  /** With a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

/** @param port 0 for any that is free */
export function servePage(folder: string, port = 0): Promise<PageServer> {
  const server = createServer(async (request, response) => {
    const { status, type, body } = await answer(folder, request.url ?? "/");
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      "content-security-policy": CONTENT_SECURITY_POLICY,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
    response.end(body);
  });
  return new Promise((done, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const { port: taken } = server.address() as AddressInfo;
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      done({ url: `http://127.0.0.1:${taken}/`, close });
    });
  });
}

async function answer(
  folder: string,
  url: string,
): Promise<{ readonly status: number; readonly type: string; readonly body: Uint8Array | string }> {
  const notFound = { status: 404, type: "text/plain", body: "not found" };
  const path = pathOf(url);
  if (path === null) return notFound;
  const name = path === "/" ? "/index.html" : path;
  try {
    return { status: 200, type: types[extname(name)] ?? "application/octet-stream", body: await readFile(join(folder, name)) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EISDIR") return notFound;
    throw error;
  }
}

/** null for what is no path inside the folder. */
function pathOf(url: string): string | null {
  try {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    return path.includes("\0") || normalize(path).startsWith("/..") ? null : normalize(path);
  } catch {
    return null;
  }
}
