/** @file The general passes, in the order in which presets use them. */
import type { Pass } from "../pass/pass.ts";
import { canonicalize } from "./canonicalize.ts";
import { commonSubexpressions } from "./common-subexpressions.ts";
import { deadCode } from "./dead-code.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { foldConstants } from "./fold-constants.ts";
import { fuseActivation } from "./fuse-activation.ts";
import { inferShapes } from "./infer-shapes.ts";
import { legalize } from "./legalize.ts";
import { materialize } from "./materialize.ts";

export const generalPasses: readonly Pass[] = [
  inferShapes,
  foldConstants,
  canonicalize,
  commonSubexpressions,
  fuseActivation,
  deadCode,
  materialize,
  foldBatchNorm,
  legalize,
];

/** What every compilation runs before compressing. */
export const preparePipeline = "infer-shapes,fold-constants,canonicalize,fold-constants,cse,fuse-activation,materialize,dce";
/** What every compilation runs after compressing. */
export const finishPipeline = "dce";
