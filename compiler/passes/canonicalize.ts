/** @file Canonicalization: local rewrites that every later pass may count on having run. Each is one function with a name; the list is the documentation. */

import { definePass } from "../pass/pass.ts";
import { applyRewrites } from "../rewrite/rewrite.ts";
import { linearRewrites } from "./rewrites/linear.ts";
import { movementRewrites } from "./rewrites/movement.ts";
import { neutralRewrites } from "./rewrites/neutral.ts";

export const canonicalRewrites = [...neutralRewrites, ...movementRewrites, ...linearRewrites];

export const canonicalize = definePass({
  name: "canonicalize",
  doc: `Local rewrites to a fixed point: ${canonicalRewrites.map((r) => r.name).join(", ")}.`,
  stage: "any",
  options: {},
  run: (module, ctx) => applyRewrites(module, ctx.registry, canonicalRewrites),
});
