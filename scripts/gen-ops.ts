/** @file Writes `ir-spec/OPS.md`, the reference of all ops, from their records. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlOps, coreOps, loweredOps } from "../ir-spec/index.ts";
import { renderOps } from "./ops-markdown.ts";
import { ROOT } from "./paths.mjs";

writeFileSync(join(ROOT, "ir-spec/OPS.md"), renderOps([...coreOps, ...controlOps, ...loweredOps]));
