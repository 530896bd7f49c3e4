/** @file A local cost profile as a plugin: `plugins: [costProfile(readProfile(text, name))]`, or `--cost-profile FILE`. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { definePlugin, type Plugin, pluginApiVersion } from "../plugin/plugin.ts";
import type { CostProfile } from "./profile.ts";

/** The hash stands in the plugin's version, and so in the file's build record: kernels may be chosen differently by it. */
export function costProfile(profile: CostProfile): Plugin {
  const hash = bytesToHex(sha256(new TextEncoder().encode(JSON.stringify(profile)))).slice(0, 16);
  return definePlugin({ name: `cost-profile-${profile.target}`, version: hash, apiVersion: pluginApiVersion, costProfiles: [profile] });
}
