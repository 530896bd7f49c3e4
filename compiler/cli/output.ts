/** @file How commands talk: results on standard output (text, or one JSON object and nothing else), everything else on standard error. */
import { SingleBar } from "cli-progress";

export interface Output {
  readonly json: boolean;
  /** The command's result. With `--json` the object alone is printed. */
  result(object: Readonly<Record<string, unknown>>, text: string): void;
  /** A line for people, on standard error. */
  note(line: string): void;
  /** A bar with ETA that appears when the work takes over a second on a terminal. */
  progress(label: string): Progress;
}

export interface Progress {
  /** 0..1 */
  update(fraction: number, note?: string): void;
  done(): void;
}

const silent: Progress = { update: () => undefined, done: () => undefined };

export function createOutput(json: boolean): Output {
  return {
    json,
    result(object, text) {
      process.stdout.write(json ? `${JSON.stringify(object)}\n` : text.endsWith("\n") || text === "" ? text : `${text}\n`);
    },
    note(line) {
      process.stderr.write(`${line}\n`);
    },
    progress: (label) => (process.stderr.isTTY ? bar(label) : silent),
  };
}

function bar(label: string): Progress {
  const started = performance.now();
  let shown: SingleBar | null = null;
  return {
    update(fraction, note = "") {
      if (!shown && performance.now() - started < 1000) return;
      if (!shown) {
        shown = new SingleBar({
          format: "{label} [{bar}] {percentage}% | {eta_formatted} left | {note}",
          clearOnComplete: true,
          stream: process.stderr,
        });
        shown.start(1000, 0, { label, note });
      }
      shown.update(Math.round(fraction * 1000), { label, note });
    },
    done: () => shown?.stop(),
  };
}

/** Columns padded to their widest cell; numbers (by their look) to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const numeric = header.map((_, i) => rows.every((row) => /^[-+]?[\d.,]*( ?(%|x|ms|B|kB|us))?$/.test(row[i] ?? "")));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((w) => "-".repeat(w)).join("  "), ...rows.map(line)].join("\n");
}

export function bytesText(bytes: number): string {
  return bytes.toLocaleString("en-US");
}
