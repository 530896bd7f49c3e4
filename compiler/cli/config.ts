/**
 * @file Finds and loads `tersor.config.ts` (or .mts, .js, .mjs) in the working directory, or the file of `--config`. TypeScript goes through jiti. What the file
 * imports from `tersor/*` is this very program, so a configuration works whether or not the package is installed beside it.
 */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { createJiti } from "jiti";
import { TersorError } from "../../ir-spec/index.ts";
import { checkConfig, type TersorConfig } from "../config/config.ts";
import { costProfile } from "../cost/plugin.ts";
import { readProfile } from "../cost/profile.ts";
import type { Plugin, PluginInput } from "../plugin/plugin.ts";
import { readBytes } from "./files.ts";
import { bundledPlugins } from "./plugins.ts";

/** What every command may be given. */
export interface ConfigFlags {
  readonly config?: string;
  /** Backend for ops that the target has no kernel for. */
  readonly fallback?: string;
  /** A cost profile that `tersor calibrate` wrote. */
  readonly costProfile?: string;
}

export interface Configuration extends Omit<TersorConfig, "plugins"> {
  /** null where there is none. */
  readonly file: string | null;
  /** The bundled plugins and those of the file. */
  readonly plugins: readonly Plugin[];
}

const names = ["tersor.config.ts", "tersor.config.mts", "tersor.config.js", "tersor.config.mjs"];

/** @throws TersorError E0002 where `--config` names no file, E0008 when it cannot be loaded, E0009 when it says something wrong. */
export async function loadConfig(flags: ConfigFlags): Promise<Configuration> {
  const found = await fileConfig(flags);
  const config = flags.fallback === undefined ? found : { ...found, fallback: flags.fallback };
  if (flags.costProfile === undefined) return config;
  const text = new TextDecoder().decode(await readBytes(flags.costProfile));
  return { ...config, plugins: [...config.plugins, costProfile(readProfile(text, flags.costProfile))] };
}

async function fileConfig(flags: ConfigFlags): Promise<Configuration> {
  const file = flags.config === undefined ? foundConfig() : resolve(flags.config);
  if (file === null) return { file, plugins: bundledPlugins() };
  if (!existsSync(file)) throw new TersorError({ code: "E0002", message: "no such file", where: file });
  const config = checkConfig(await imported(file), file);
  return { ...config, file, plugins: merged(config.plugins ?? []) };
}

/** @throws TersorError E0008 where there are two: one of them would be ignored without a word. */
function foundConfig(): string | null {
  const found = names.map((name) => resolve(name)).filter((path) => existsSync(path));
  const [first, second] = found;
  if (second === undefined) return first ?? null;
  const both = found.map((path) => basename(path)).join(" and ");
  throw new TersorError({
    code: "E0008",
    message: `both ${both} are here`,
    where: resolve("."),
    hint: "keep one, or choose with --config FILE",
  });
}

async function imported(file: string): Promise<unknown> {
  const virtualModules = Object.fromEntries(await Promise.all(Object.entries(own).map(async ([id, load]) => [id, await load()] as const)));
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, virtualModules });
  try {
    return await jiti.import(file, { default: true });
  } catch (cause) {
    const error = new TersorError({ code: "E0008", message: cause instanceof Error ? cause.message : String(cause), where: file });
    error.cause = cause;
    throw error;
  }
}

const own: Readonly<Record<string, () => Promise<unknown>>> = {
  "tersor/ir": () => import("../../ir-spec/index.ts"),
  "tersor/compiler": () => import("../index.ts"),
  "tersor/runtime": () => import("../../runtime/index.ts"),
  "tersor/plugins/low-rank": () => import("../../plugins/low-rank/index.ts"),
  "tersor/plugins/prune": () => import("../../plugins/prune/index.ts"),
  "tersor/plugins/share": () => import("../../plugins/share/index.ts"),
  "tersor/plugins/quantize": () => import("../../plugins/quantize/index.ts"),
  "tersor/plugins/binarize": () => import("../../plugins/binarize/index.ts"),
  "tersor/plugins/repair": () => import("../../plugins/repair/index.ts"),
  "tersor/plugins/entropy": () => import("../../plugins/entropy/index.ts"),
};

/** A plugin of the file takes the place of the bundled one of its name. */
function merged(inputs: readonly PluginInput[]): readonly Plugin[] {
  const given = flattened(inputs);
  const names = new Set(given.map((plugin) => plugin.name));
  return [...bundledPlugins().filter((plugin) => !names.has(plugin.name)), ...given];
}

function flattened(inputs: readonly PluginInput[]): readonly Plugin[] {
  return inputs.flatMap((input) => (Array.isArray(input) ? flattened(input as readonly PluginInput[]) : input ? [input as Plugin] : []));
}
