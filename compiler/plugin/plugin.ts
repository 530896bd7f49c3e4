/** @file Plugins in Rollup's manner: a function that returns this record. Everything is registered by argument, never by import side effect. */
import type { OpDef } from "../../ir-spec/index.ts";
import type { Manifest } from "../../runtime/manifest.ts";
import type { CostProfile } from "../cost/profile.ts";
import type { WeightEncoder } from "../emit/codec.ts";
import type { Pass } from "../pass/pass.ts";
import type { TargetSpec } from "../target/target.ts";

export const pluginApiVersion = 1;

export interface Plugin {
  /** Shown in every error. Published ones are called `tersor-plugin-*`. */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: typeof pluginApiVersion;
  readonly ops?: readonly OpDef[];
  readonly passes?: readonly Pass[];
  readonly targets?: readonly TargetSpec[];
  /** Lossless weight codings for emission; a pass or preset switches them on by id. */
  readonly codecs?: readonly WeightEncoder[];
  /** Rows of the plugin's own kernels; ids are `plugin/kernel@abi`. Merged into the target with the same backend. */
  readonly manifests?: readonly Manifest[];
  /** Take the place of the shipped profiles of their targets. */
  readonly costProfiles?: readonly CostProfile[];
  /** Named pipelines. */
  readonly presets?: Readonly<Record<string, string>>;
}

/** Falsy entries are ignored, arrays flattened. */
export type PluginInput = Plugin | false | null | undefined | readonly PluginInput[];

/** Checks name and API version early, so that the error names the plugin. */
export function definePlugin(plugin: Plugin): Plugin {
  if (!/^[a-z][a-z0-9-]*$/.test(plugin.name))
    throw new RangeError(`plugin name "${plugin.name}" must be lowercase letters, digits and dashes`);
  return plugin;
}
