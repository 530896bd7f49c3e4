/** @file A process killed while it compiles or writes leaves the old file or the new one, whole; and what cannot be written ends in an error with a code. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { writeWhole } from "../../compiler/cli/files.ts";
import { openFile } from "../../runtime/index.ts";
import { ROOT } from "../support/data.ts";

const folder = mkdtempSync(join(tmpdir(), "tersor-kill-"));
const model = join(ROOT, "scripts/fuzz/seeds/convolutions.tir");
const main = join(ROOT, "compiler/cli/main.ts");

test.after(() => rmSync(folder, { recursive: true, force: true }));

const compileArgs = (output: string): string[] => ["--import", "tsx", main, "compile", model, "-o", output, "--passes", ""];

/** Starts a process and kills it as hard as can be. @returns how it ended */
function killed(args: readonly string[], when: (child: ReturnType<typeof spawn>, kill: () => void) => void): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  return new Promise((done) => {
    child.on("close", (code, signal) => done(signal ?? String(code)));
    when(child, () => child.kill("SIGKILL"));
  });
}

const temporaries = (path: string): readonly string[] => readdirSync(path).filter((name) => name.endsWith(".tmp"));

test("a process killed at twelve moments of writing leaves a whole file; the next writer removes what it left", async () => {
  const path = join(folder, "written", "out.bin");
  mkdirSync(join(folder, "written"));
  const size = 3 << 20;
  const seen = new Set<number>();
  let leftovers = 0;
  for (let i = 0; i < 12; i++) {
    await killed(["--import", "tsx", join(ROOT, "test/cli/write-forever.ts"), path, String(size)], (child, kill) => {
      // At the first whole file, and a little later each time.
      child.stdout?.once("data", () => setTimeout(kill, 2 * i));
    });
    const bytes = readFileSync(path);
    assert.is(bytes.length, size, `kill ${i}: the file is whole`);
    assert.ok(
      bytes.every((byte) => byte === bytes[0]),
      `kill ${i}: the file is of one round`,
    );
    seen.add(bytes[0] ?? 0);
    leftovers += temporaries(join(folder, "written")).length;
    assert.ok(temporaries(join(folder, "written")).length <= 1, "what an earlier process left is gone");
  }
  assert.ok(leftovers > 0, "no kill hit a write: the test is blind");
  await writeWhole(path, "new");
  assert.equal(readdirSync(join(folder, "written")), ["out.bin"]);
});

test("a process killed at any moment of compile leaves the old file or the new one", async () => {
  const whole = join(folder, "whole.tsr");
  const started = performance.now();
  assert.is(spawnSync(process.execPath, compileArgs(whole), { cwd: ROOT }).status, 0);
  const duration = performance.now() - started;
  const expected = readFileSync(whole);
  const place = join(folder, "compile");
  mkdirSync(place);
  const output = join(place, "model.tsr");
  const old = Buffer.from("the old file");
  for (let i = 0; i < 5; i++) {
    writeFileSync(output, old);
    const end = await killed(compileArgs(output), (_, kill) => setTimeout(kill, (duration * (i + 3)) / 7));
    const bytes = readFileSync(output);
    assert.ok(bytes.equals(old) || bytes.equals(expected), `killed at ${i} (${end}): the file is neither the old nor the new one`);
  }
  assert.is(spawnSync(process.execPath, compileArgs(output), { cwd: ROOT }).status, 0);
  assert.equal(readdirSync(place), ["model.tsr"], "the next run leaves its output alone");
  openFile(new Uint8Array(readFileSync(output)));
});

test("a temporary file of a process that lives stays; it could not be taken for output", async () => {
  const place = join(folder, "alive");
  mkdirSync(place);
  const path = join(place, "a.tsr");
  await writeWhole(path, "1");
  // The name of a temporary file of process 1, which lives, made from that of a killed process.
  const end = killed(["--import", "tsx", join(ROOT, "test/cli/write-forever.ts"), path, String(64 << 20)], (child, kill) => {
    const timer = setInterval(() => temporaries(place).length > 0 && kill(), 1);
    child.on("close", () => clearInterval(timer));
  });
  assert.is(await end, "SIGKILL");
  const [left = ""] = temporaries(place);
  assert.match(left, /^\.a\.tsr\.[0-9a-f]{8}\.\d+\.\d+\.tmp$/);
  const living = left.replace(/\.\d+\.(\d+)\.tmp$/, `.${process.ppid}.$1.tmp`);
  const foreign = left.replace(/\.[0-9a-f]{8}\./, ".00000000.");
  for (const name of [living, foreign]) writeFileSync(join(place, name), "");
  await writeWhole(path, "2");
  assert.equal(readdirSync(place).sort(), [living, foreign, "a.tsr"].sort());
});

test("writers of one process at once do not disturb each other", async () => {
  const path = join(folder, "together.bin");
  await Promise.all(Array.from({ length: 8 }, (_, i) => writeWhole(path, new Uint8Array(1 << 20).fill(i))));
  const bytes = readFileSync(path);
  assert.ok(bytes.length === 1 << 20 && bytes.every((byte) => byte === bytes[0]));
  assert.equal(temporaries(folder), []);
});

test("a link is followed, permissions stay", async () => {
  const place = join(folder, "links");
  mkdirSync(join(place, "real"), { recursive: true });
  writeFileSync(join(place, "real", "a.tsr"), "old");
  chmodSync(join(place, "real", "a.tsr"), 0o640);
  symlinkSync(join("real", "a.tsr"), join(place, "link.tsr"));
  symlinkSync(join("real", "missing.tsr"), join(place, "dangling.tsr"));
  await writeWhole(join(place, "link.tsr"), "new");
  await writeWhole(join(place, "dangling.tsr"), "made");
  assert.ok(lstatSync(join(place, "link.tsr")).isSymbolicLink());
  assert.is(readFileSync(join(place, "real", "a.tsr"), "utf8"), "new");
  assert.is(statSync(join(place, "real", "a.tsr")).mode & 0o777, 0o640);
  assert.is(readFileSync(join(place, "real", "missing.tsr"), "utf8"), "made");
});

function refusal(output: string): { readonly code: string; readonly message: string } {
  const run = spawnSync(process.execPath, [...compileArgs(output), "--json"], { cwd: ROOT, encoding: "utf8" });
  assert.is(run.status, 1, run.stdout);
  return (JSON.parse(run.stdout) as { error: { code: string; message: string } }).error;
}

test("an output that cannot be written ends in an error with a code, and leaves nothing", () => {
  const place = join(folder, "refused");
  mkdirSync(join(place, "is-a-folder.tsr"), { recursive: true });
  writeFileSync(join(place, "file"), "");
  assert.is(refusal(join(place, "is-a-folder.tsr")).code, "E0010");
  assert.is(refusal(join(place, "file", "below.tsr")).code, "E0003");
  assert.equal(readdirSync(place).sort(), ["file", "is-a-folder.tsr"]);
  if (!existsSync("/proc/self")) return;
  const { code, message } = refusal("/proc/self/x.tsr");
  assert.match(code, /^E000[23]$/, message);
});

test("a folder that may not be written to", () => {
  if (process.getuid?.() === 0) {
    process.stdout.write("\nSKIP user: root may write to every folder\n");
    return;
  }
  const place = join(folder, "read-only");
  mkdirSync(place);
  chmodSync(place, 0o555);
  assert.is(refusal(join(place, "a.tsr")).code, "E0003");
  chmodSync(place, 0o755);
  assert.equal(readdirSync(place), []);
});

test.run();
