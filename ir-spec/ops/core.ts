/** @file The core ops in the order of OPS.md, and a registry that knows them. */
import { codebookOps } from "./codebook/index.ts";
import { controlOps } from "./control/index.ts";
import type { OpDef } from "./define.ts";
import { dynamicOps } from "./dynamic/index.ts";
import { intOps } from "./int/index.ts";
import { lossOps } from "./loss/index.ts";
import { loweredOps } from "./lowered.ts";
import { mathOps } from "./math/index.ts";
import { nnOps } from "./nn/index.ts";
import { quantOps } from "./quant/index.ts";
import { reduceOps } from "./reduce/index.ts";
import { OpRegistry, type OpSource } from "./registry.ts";
import { shapeOps } from "./shape/index.ts";
import { sparseOps } from "./sparse/index.ts";
import { typeOps } from "./type/index.ts";

export const coreOps: readonly OpDef[] = [
  ...mathOps,
  ...reduceOps,
  ...shapeOps,
  ...dynamicOps,
  ...typeOps,
  ...nnOps,
  ...lossOps,
  ...quantOps,
  ...intOps,
  ...codebookOps,
  ...sparseOps,
];

/** Core and lowered ops, and those of plugins. @throws TersorError E0302 on a name that is taken. */
export function createCoreRegistry(extra: readonly OpSource[] = []): OpRegistry {
  return new OpRegistry([{ owner: "core", ops: [...coreOps, ...controlOps, ...loweredOps] }, ...extra]);
}
