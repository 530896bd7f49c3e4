/**
 * @file What a damaged file may do. Refused with a code, stopped with a code while it runs, or a model that works; everything else is a violation: any exception without a code (also one
 * that a coded error only wraps), a damaged file that is accepted though its checksums were left alone, an import that gives a module which does not verify.
 */
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { readSource } from "../../compiler/emit/read-source.ts";
import { detectFormat, importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createHost } from "../../compiler/plugin/host.ts";
import { decodeText, printModule, readModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/index.ts";
import { type Module, TersorError } from "../../ir-spec/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { type Backend, fileTargets, load, type OpenedFile, openFile, RuntimeError } from "../../runtime/index.ts";
import type { Case } from "./cases.ts";
import { hostInputs, sessionInputs } from "./inputs.ts";
import { strangerLimits } from "./limits.ts";
import { sameFile } from "./same-file.ts";
import { isSmall } from "./small.ts";

export type Outcome = "refused" | "stopped" | "ran" | "valid" | "equal" | "CRASH" | "ACCEPTED" | "INVALID";

export interface Verdict {
  readonly outcome: Outcome;
  /** `R0201`, `E0104`; empty when nothing was refused. */
  readonly code: string;
  /** Of a violation: the exception, the problem. */
  readonly detail: string;
}

export const violations: ReadonlySet<string> = new Set(["CRASH", "ACCEPTED", "INVALID", "HANG", "MEMORY"]);

const plugins = bundledPlugins();
const registry = createHost(plugins).ops;

export async function judge(given: Case): Promise<Verdict> {
  if (given.kind === "tsr") return judgeDamaged(given);
  if (given.kind === "tsr-checked") return judgeFile(given.bytes);
  return judgeModel(given);
}

/** Checksums as they were: whatever is accepted must be the same model. */
function judgeDamaged({ bytes, seed }: Case): Verdict {
  const opened = attempt(() => openFile(bytes));
  if ("verdict" in opened) return opened.verdict;
  if (sameFile(opened.value, openFile(seed.bytes))) return { outcome: "equal", code: "", detail: "" };
  return { outcome: "ACCEPTED", code: "", detail: "its checksums fit, and it is another model" };
}

async function judgeFile(bytes: Uint8Array): Promise<Verdict> {
  const opened = attempt(() => openFile(bytes, strangerLimits));
  if ("verdict" in opened) return opened.verdict;
  const printed = attempt(() => printSource(opened.value, bytes));
  if ("verdict" in printed && printed.verdict.outcome === "CRASH") return printed.verdict;
  return runFile(opened.value, bytes);
}

/** `print` and `inspect` read the source of files that nobody verified. */
function printSource({ view }: OpenedFile, bytes: Uint8Array): void {
  if (!view.source) return;
  const module = readSource(bytes);
  const problems = verifyModule(module, registry);
  if (problems.length > 0) throw new TersorError(problems);
  roundTrip(module);
}

/** Longer texts are read once: the time of a case is what a user waits, not thrice that. */
const longestRoundTrip = 1 << 16;

function roundTrip(module: Module): void {
  const text = printModule(module);
  const again = printModule(readModule(text, { registry }));
  if (again !== text) throw new Error("the printed module reads back as another");
}

/** On every backend that it has a plan for; the worst of the verdicts. */
async function runFile(file: OpenedFile, bytes: Uint8Array): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  const targets = fileTargets(file);
  for (const backend of [wasm(), reference()]) {
    if (backend.targets.some((target) => targets.includes(target))) verdicts.push(await runOn(backend, file, bytes));
  }
  const worst = order.map((outcome) => verdicts.find((verdict) => verdict.outcome === outcome)).find((verdict) => verdict !== undefined);
  return worst ?? { outcome: "valid", code: "", detail: "" };
}

const order: readonly Outcome[] = ["CRASH", "ran", "stopped", "valid", "refused"];

async function runOn(backend: Backend, file: OpenedFile, bytes: Uint8Array): Promise<Verdict> {
  const loaded = await attemptAsync(() => load(bytes, { backends: [backend], ...strangerLimits }));
  if ("verdict" in loaded) return loaded.verdict;
  const session = loaded.value;
  const inputs = sessionInputs(file);
  if (inputs === null) return { outcome: "valid", code: "", detail: "" };
  const ran = await attemptAsync(() => session.run(inputs));
  session.dispose();
  if (!("verdict" in ran)) return { outcome: "ran", code: "", detail: "" };
  return ran.verdict.outcome === "refused" ? { ...ran.verdict, outcome: "stopped" } : ran.verdict;
}

async function judgeModel({ bytes, kind, index, seed }: Case): Promise<Verdict> {
  const read = attempt(() => readModel(bytes, kind === "onnx" && index % 3 === 0, seed.name));
  if ("verdict" in read) return read.verdict;
  const module = read.value;
  const problems = attempt(() => verifyModule(module, registry));
  if ("verdict" in problems) return problems.verdict;
  const [first] = problems.value;
  if (first) return { outcome: "INVALID", code: first.code, detail: `${first.where ?? ""} ${first.message}` };
  const printed = attempt(() => (bytes.length > longestRoundTrip ? undefined : roundTrip(module)));
  if ("verdict" in printed) return { ...printed.verdict, outcome: "CRASH" };
  return isSmall(module, registry) ? compileAndRun(module, index) : { outcome: "valid", code: "", detail: "" };
}

/** As the command line opens a file, its format told by its bytes. */
function readModel(bytes: Uint8Array, dynamicBatch: boolean, file: string): Module {
  const format = detectFormat(bytes);
  if (format === "onnx") return importOnnx(bytes, { registry, fileName: file, dynamicBatch });
  if (format === "tir") return readModule(decodeText(bytes, file), { registry, file });
  if (format === "tsr") return readSource(bytes);
  throw new TersorError({ code: "E0004", message: "neither an ONNX model, nor .tir text, nor a .tsr file" });
}

async function compileAndRun(module: Module, index: number): Promise<Verdict> {
  const options = {
    plugins,
    ...(index % 5 === 0 ? { pipeline: "prune-magnitude{min=1},share-weights{clusters=4},quantize,entropy" } : {}),
  };
  const whole = await attemptAsync(() => compile(module, options));
  if (!("verdict" in whole)) return runFile(openFile(whole.value.bytes), whole.value.bytes);
  if (whole.verdict.outcome === "CRASH") return whole.verdict;
  const source = await attemptAsync(() => compile(module, { ...options, targets: ["reference"] }));
  if (!("verdict" in source)) return runFile(openFile(source.value.bytes), source.value.bytes);
  if (source.verdict.outcome === "CRASH") return source.verdict;
  return interpretModule(module, source.verdict);
}

/** What the compiler refuses may still run in the interpreter. */
function interpretModule(module: Module, refusal: Verdict): Verdict {
  const inputs = hostInputs(module);
  if (inputs === null) return refusal;
  const ran = attempt(() => interpret(module, registry, inputs, { maxWork: strangerLimits.maxWork }));
  return "verdict" in ran && ran.verdict.outcome === "CRASH" ? ran.verdict : refusal;
}

type Attempt<T> = { readonly value: T } | { readonly verdict: Verdict };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { value: work() };
  } catch (error) {
    return { verdict: verdictOf(error) };
  }
}

async function attemptAsync<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { verdict: verdictOf(error) };
  }
}

function verdictOf(error: unknown): Verdict {
  if ((error instanceof RuntimeError || error instanceof TersorError) && /^[ER]\d{4}$/.test(error.code) && error.code !== "E0000") {
    const { cause } = error;
    // A trap or a TypeError that somebody gave a code is a defect with a name.
    if (cause === undefined || cause instanceof RuntimeError || cause instanceof TersorError)
      return { outcome: "refused", code: error.code, detail: "" };
    return { outcome: "CRASH", code: error.code, detail: `${error.message}\ncaused by ${stackOf(cause)}` };
  }
  return { outcome: "CRASH", code: "", detail: stackOf(error) };
}

function stackOf(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.split("\n").slice(0, 8).join("\n").slice(0, 2000);
}
