/** @file The command line in a process of its own, as a user meets it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../support/data.ts";

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  json(): Record<string, unknown>;
}

export function tersorIn(cwd: string, ...args: string[]): Ran {
  const loader = join(ROOT, "node_modules/tsx/dist/loader.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", loader, join(ROOT, "compiler/cli/main.ts"), ...args], {
    cwd,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  return { status, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
}

export const tersor = (...args: string[]): Ran => tersorIn(ROOT, ...args);
