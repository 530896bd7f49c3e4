/** @file The plugin host: flattens plugins, merges what they bring with what the core has, and names both owners on a clash. */
import { controlOps, coreOps, loweredOps, OpRegistry, TersorError } from "../../ir-spec/index.ts";
import type { Manifest } from "../../runtime/manifest.ts";
import { withProfile } from "../cost/model.ts";
import type { CostProfile } from "../cost/profile.ts";
import type { WeightEncoder } from "../emit/codec.ts";
import { type PipelineItem, parsePipeline } from "../pass/pipeline-text.ts";
import { corePresets } from "../pass/presets.ts";
import { checkOrder, orderPasses, PassRegistry, type ResolvedPass } from "../pass/registry.ts";
import { generalPasses } from "../passes/index.ts";
import { builtinTargets } from "../target/builtin.ts";
import { costOf, type TargetSpec } from "../target/target.ts";
import { type Plugin, type PluginInput, pluginApiVersion } from "./plugin.ts";

export interface Host {
  readonly plugins: readonly Plugin[];
  readonly ops: OpRegistry;
  readonly passes: PassRegistry;
  readonly targets: ReadonlyMap<string, TargetSpec>;
  readonly codecs: ReadonlyMap<string, WeightEncoder>;
  readonly presets: ReadonlyMap<string, string>;
}

/** @throws TersorError E0302/E0704/E0711/E0712 on clashes and plugins of another API version. */
export function createHost(inputs: readonly PluginInput[] = []): Host {
  const plugins = flatten(inputs);
  plugins.forEach(checkPlugin);
  const own = unique(plugins);
  return {
    plugins: own,
    ops: new OpRegistry([
      { owner: "core", ops: coreOps },
      { owner: "core", ops: controlOps },
      { owner: "core", ops: loweredOps },
      ...own.map((p) => ({ owner: p.name, ops: p.ops ?? [] })),
    ]),
    passes: new PassRegistry([{ owner: "core", passes: generalPasses }, ...own.map((p) => ({ owner: p.name, passes: p.passes ?? [] }))]),
    targets: mergeTargets(own),
    codecs: table(own, "codec", (p) => (p.codecs ?? []).map((c) => [c.id, c] as const)),
    presets: table([{ name: "core", presets: corePresets }, ...own], "preset", (p) => Object.entries(p.presets ?? {})),
  };
}

/** Pipeline text, in the order written, checked against stages and after/before. */
export function resolvePipeline(host: Host, text: string): readonly ResolvedPass[] {
  const passes = parsePipeline(text).map((item) => host.passes.resolve(item));
  checkOrder(passes);
  return passes;
}

/** A set of passes whose order stages and after/before decide. */
export function arrangePasses(host: Host, items: readonly PipelineItem[]): readonly ResolvedPass[] {
  return orderPasses(items.map((item) => host.passes.resolve(item)));
}

/** @throws TersorError E0713. */
export function presetText(host: Host, name: string): string {
  const text = host.presets.get(name);
  if (text !== undefined) return text;
  throw new TersorError({
    code: "E0713",
    message: `unknown preset "${name}"; there are: ${[...host.presets.keys()].join(", ") || "none"}`,
  });
}

function flatten(inputs: readonly PluginInput[]): readonly Plugin[] {
  return inputs.flatMap((input) => (Array.isArray(input) ? flatten(input as readonly PluginInput[]) : input ? [input as Plugin] : []));
}

function checkPlugin(plugin: Plugin): void {
  if (plugin.apiVersion === pluginApiVersion) return;
  throw new TersorError({
    code: "E0711",
    message: `plugin ${plugin.name} ${plugin.version} is written for plugin API ${plugin.apiVersion}, this compiler has ${pluginApiVersion}`,
  });
}

function unique(plugins: readonly Plugin[]): readonly Plugin[] {
  const names = new Set<string>();
  for (const { name } of plugins) {
    if (names.has(name)) throw new TersorError({ code: "E0712", message: `plugin ${name} is given twice` });
    names.add(name);
  }
  return plugins;
}

type Bringer = Pick<Plugin, "name" | "codecs" | "presets">;

function table<T>(
  plugins: readonly Bringer[],
  what: string,
  entries: (plugin: Bringer) => readonly (readonly [string, T])[],
): ReadonlyMap<string, T> {
  const owners = new Map<string, string>();
  const merged = new Map<string, T>();
  for (const plugin of plugins) {
    for (const [name, value] of entries(plugin)) {
      const owner = owners.get(name);
      if (owner) throw new TersorError({ code: "E0712", message: `${what} "${name}" is brought by ${owner} and by ${plugin.name}` });
      owners.set(name, plugin.name);
      merged.set(name, value);
    }
  }
  return merged;
}

/** Built-in targets with the kernels that plugins add to their backends, then the plugins' own targets. */
function mergeTargets(plugins: readonly Plugin[]): ReadonlyMap<string, TargetSpec> {
  const extensions = plugins.flatMap((p) => (p.manifests ?? []).map((manifest) => ({ owner: p.name, manifest })));
  const targets = new Map<string, TargetSpec>();
  for (const target of builtinTargets) targets.set(target.name, extend(target, extensions));
  for (const plugin of plugins) {
    for (const target of plugin.targets ?? []) {
      if (targets.has(target.name))
        throw new TersorError({ code: "E0712", message: `target "${target.name}" is brought twice, the second time by ${plugin.name}` });
      targets.set(target.name, extend(target, extensions));
    }
  }
  for (const { name, costProfiles = [] } of plugins)
    for (const profile of costProfiles) targets.set(profile.target, priced(targets, profile, name));
  return targets;
}

/** @throws TersorError E0714 for a profile of a target that there is not */
function priced(targets: ReadonlyMap<string, TargetSpec>, profile: CostProfile, plugin: string): TargetSpec {
  const target = targets.get(profile.target);
  if (target) return { ...target, costModel: withProfile(costOf(target), profile) };
  throw new TersorError({
    code: "E0714",
    message: `plugin ${plugin}: a cost profile for target "${profile.target}"; there are: ${[...targets.keys()].join(", ")}`,
  });
}

function extend(target: TargetSpec, extensions: readonly { readonly owner: string; readonly manifest: Manifest }[]): TargetSpec {
  if (!target.manifest) return target;
  const { manifest } = target;
  const more = extensions.filter((e) => e.manifest.backend === manifest.backend);
  for (const { owner, manifest: extension } of more) {
    if (extension.abi === manifest.abi) continue;
    throw new TersorError({
      code: "E0711",
      message: `plugin ${owner}: kernels for ${manifest.backend} have abi ${extension.abi}, this compiler has ${manifest.abi}`,
    });
  }
  return more.length === 0
    ? target
    : { ...target, manifest: { ...manifest, kernels: [...manifest.kernels, ...more.flatMap((e) => e.manifest.kernels)] } };
}
