/** @file `tersor check MODEL`: before anything: every node that cannot be had, all at once, sizes that no input decides, and for each target bytes and time. */
import type { Command } from "commander";
import {
  dimSymbols,
  type Func,
  type Module,
  mainFunction,
  type Problem,
  printType,
  TersorError,
  valueInfo,
} from "../../../ir-spec/index.ts";
import { type CompileResult, compile, defaultTargets } from "../../compile.ts";
import { describePlacement } from "../../lower/crossings.ts";
import { createHost } from "../../plugin/host.ts";
import { type ConfigFlags, type Configuration, loadConfig } from "../config.ts";
import { type OpenedModel, openModel } from "../models.ts";
import { bytesText, type Output, table } from "../output.ts";

interface Flags extends ConfigFlags {
  readonly target?: string;
}

interface SymbolRow {
  readonly symbol: string;
  /** What the imported model calls it. */
  readonly original: string | null;
  /** The inputs' axes that decide it; empty: nothing does. */
  readonly boundBy: readonly string[];
}

interface TargetRow {
  readonly target: string;
  readonly ok: boolean;
  /** Of the whole file, uncompressed; null where the target cannot run the model. */
  readonly bytes: number | null;
  /** At batch 1, by the target's cost terms; null where it has none. */
  readonly predictedMs: number | null;
  readonly kernels: number;
  /** What runs elsewhere, and what the copies take; empty where nothing does. */
  readonly placement: readonly string[];
}

interface Finding extends Pick<Problem, "code" | "message" | "where" | "hint"> {
  /** null: the model itself, whatever the target. */
  readonly target: string | null;
}

interface Checked {
  readonly model: string;
  readonly ok: boolean;
  readonly format: string | null;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly dims: readonly SymbolRow[];
  readonly targets: readonly TargetRow[];
  readonly problems: readonly Finding[];
}

export function addCheck(program: Command, output: () => Output): void {
  program
    .command("check")
    .description("what a model needs that is missing: unsupported nodes, undecided sizes; bytes and predicted time per target")
    .argument("<model>", ".onnx, .tir or .tsr")
    .option("-t, --target <names>", `targets, comma-separated (default: ${defaultTargets.join(",")})`)
    .addHelpText("after", "\nExample:\n  tersor check model.onnx --target wasm-simd,webgpu\nExit code 1 when something is not supported.")
    .action(async (model: string, flags: Flags) => {
      const config = await loadConfig(flags);
      const targets = flags.target?.split(",").map((name) => name.trim()) ?? config.targets ?? defaultTargets;
      const checked = await check(model, targets, config, output());
      output().result({ ...checked }, render(checked));
      if (!checked.ok) process.exitCode = 1;
    });
}

/** Tries everything and collects what is wrong. @throws TersorError for a file that cannot be read and an unknown target */
export async function check(path: string, names: readonly string[], config: Configuration, output: Output): Promise<Checked> {
  const host = createHost(config.plugins);
  const nothing = { model: path, format: null, inputs: [], outputs: [], dims: [], targets: [] };
  let opened: OpenedModel;
  try {
    opened = await openModel(path, { registry: host.ops });
  } catch (error) {
    return { ...nothing, ok: false, problems: findings(error, null) };
  }
  const main = mainFunction(opened.module);
  const bar = output.progress("check");
  const targets: TargetRow[] = [];
  const problems: Finding[] = [];
  for (const [i, name] of names.entries()) {
    bar.update(i / names.length, name);
    const found = await checkTarget(opened, name, config);
    targets.push(found.row);
    problems.push(...found.problems);
  }
  bar.done();
  const dims = symbolsOf(opened.module, main);
  problems.push(...dims.filter((row) => row.boundBy.length === 0).map(undecided));
  const port = (text: string, type: string) => `${text}: ${type}`;
  return {
    model: path,
    ok: problems.length === 0,
    format: opened.format,
    inputs: main.params.map((id) => port(valueInfo(main, id).name ?? `%${id}`, printType(valueInfo(main, id).type))),
    outputs: main.results.map(({ name, type }) => port(name, printType(type))),
    dims,
    targets,
    problems,
  };
}

/** What is wrong with the model, as findings; what is wrong with the command, thrown on. */
function findings(error: unknown, target: string | null): readonly Finding[] {
  const own = error instanceof TersorError && !/^E0(0|804|7)/.test(error.code);
  if (!own) throw error;
  return error.problems.map(({ code, message, where, hint }) => ({
    target,
    code,
    message,
    ...(where === undefined ? {} : { where }),
    ...(hint === undefined ? {} : { hint }),
  }));
}

async function checkTarget(
  opened: OpenedModel,
  target: string,
  config: Configuration,
): Promise<{ readonly row: TargetRow; readonly problems: readonly Finding[] }> {
  const { plugins, preprocessing, fallback } = config;
  const options = {
    ...{ plugins, targets: [target], modelSha256: opened.sha256 },
    ...(preprocessing === undefined ? {} : { preprocessing }),
    ...(fallback === undefined ? {} : { fallback }),
  };
  try {
    return { row: targetRow(target, await compile(opened.module, options)), problems: [] };
  } catch (error) {
    return { row: { target, ok: false, bytes: null, predictedMs: null, kernels: 0, placement: [] }, problems: findings(error, target) };
  }
}

function targetRow(target: string, { bytes, plans: [plan] }: CompileResult): TargetRow {
  const placement = plan ? describePlacement(plan) : [];
  return {
    target,
    ok: true,
    bytes: bytes.length,
    predictedMs: milliseconds(plan?.predicted.total),
    kernels: plan?.kernels.length ?? 0,
    placement,
  };
}

/** null where nothing is known. */
export function milliseconds(microseconds: number | null | undefined): number | null {
  return microseconds === null || microseconds === undefined ? null : microseconds / 1000;
}

/** Every symbol of the function's types, and the input axes that are it and nothing else. */
function symbolsOf(module: Module, main: Func): readonly SymbolRow[] {
  const symbols = new Set<string>();
  for (const { type } of main.values) for (const dim of type.shape) dimSymbols(dim, symbols);
  const names = module.meta?.get("dims");
  const original = (symbol: string): string | null => {
    const name = names?.kind === "dict" ? names.value.get(symbol) : undefined;
    return name?.kind === "string" && name.value !== "" ? name.value : null;
  };
  const axes = main.params.flatMap((id) => {
    const { name, type } = valueInfo(main, id);
    return type.shape.map((dim, axis) => ({ dim, text: `axis ${axis} of ${name}` }));
  });
  const boundBy = (symbol: string) => axes.filter(({ dim }) => typeof dim !== "number" && dim.key === symbol).map(({ text }) => text);
  return [...symbols].sort().map((symbol) => ({ symbol, original: original(symbol), boundBy: boundBy(symbol) }));
}

function undecided({ symbol, original }: SymbolRow): Finding {
  const name = original === null ? symbol : `${symbol} (${JSON.stringify(original)})`;
  return { target: null, code: "E0011", message: `no input decides the size ${name}`, hint: "give the model fixed sizes there" };
}

function render({ targets, dims, problems, inputs, outputs }: Checked): string {
  const rows = targets.map((t) => [
    t.target,
    t.ok ? "yes" : "no",
    t.bytes === null ? "" : bytesText(t.bytes),
    t.predictedMs?.toFixed(3) ?? "",
    String(t.kernels),
  ]);
  return [
    ...inputs.map((text) => `input  ${text}`),
    ...outputs.map((text) => `output ${text}`),
    ...dims.map(({ symbol, boundBy }) => `size   ${symbol}: ${boundBy.length === 0 ? "undecided" : boundBy.join(", ")}`),
    ...(rows.length === 0 ? [] : [table(["target", "runs", "file bytes", "predicted ms", "kernels"], rows)]),
    ...targets.flatMap(({ placement }) => placement),
    ...problems.map(({ code, target, where, message, hint }) => {
      const place = [target, where].filter((part) => part).join(": ");
      return `error[${code}]: ${place === "" ? "" : `${place}: `}${message}${hint ? `\nhint: ${hint}` : ""}`;
    }),
    problems.length === 0 ? "ok" : `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`,
  ].join("\n");
}
