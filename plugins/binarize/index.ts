/** @file Plugin `binarize`: weights of one bit, activations of two levels. See README.md. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { binarize as binarizePass } from "./binarize.ts";

export function binarize(): Plugin {
  return definePlugin({ name: "binarize", version: "0.1.0", apiVersion: pluginApiVersion, passes: [binarizePass] });
}
