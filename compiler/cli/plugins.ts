/** @file The plugins that the command line brings, and those of a `tersor.config.ts` are added to. */

import { binarize } from "../../plugins/binarize/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { lowRank } from "../../plugins/low-rank/index.ts";
import { prune } from "../../plugins/prune/index.ts";
import { quantize } from "../../plugins/quantize/index.ts";
import { repair } from "../../plugins/repair/index.ts";
import { share } from "../../plugins/share/index.ts";
import type { Plugin } from "../plugin/plugin.ts";

export const bundledPlugins = (): readonly Plugin[] => [prune(), lowRank(), share(), quantize(), binarize(), repair(), entropy()];
