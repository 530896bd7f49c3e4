/** @file How the pages say things: sizes, durations, and what went wrong with a way out. */
import { RuntimeError } from "tersor/runtime";

/** 1 kB is 1000 bytes. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}

export function millisecondsText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Codes that mean bytes were changed, lost or added after the file was written; others of R01xx are a newer version, a missing codec, a limit. */
const DAMAGED = /^R0(10[3-8]|110|2\d\d)$/;

export function problemText(error: unknown): string {
  if (!(error instanceof RuntimeError)) return error instanceof Error ? error.message : String(error);
  if (error.code === "R0112") return `The model could not be fetched. ${error.message}`;
  if (error.code === "R0101") return `This is no .tsr file. ${error.message}`;
  if (DAMAGED.test(error.code)) return `The model file is damaged: download it again. ${error.message}`;
  return error.message;
}
