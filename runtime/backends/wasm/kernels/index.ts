/** @file Every kernel of the backend. Its rows in `manifest.ts` say which op it computes; a test compares the two lists. */
import type { WasmKernel } from "../kernel.ts";
import { binaryKernels } from "./binary.ts";
import { castKernels } from "./cast.ts";
import { codeKernels } from "./codes.ts";
import { convKernels } from "./conv.ts";
import { detectionKernels } from "./detection.ts";
import { foundKernels } from "./found.ts";
import { indexingKernels } from "./indexing.ts";
import { intConvKernels } from "./int-conv.ts";
import { intElementwiseKernels } from "./int-elementwise.ts";
import { intLinearKernels } from "./int-linear.ts";
import { intPoolKernels } from "./int-pool.ts";
import { intSumsKernels } from "./int-sums.ts";
import { integerKernels } from "./integer.ts";
import { linearKernels } from "./linear.ts";
import { logicKernels } from "./logic.ts";
import { matmulKernels } from "./matmul.ts";
import { maxPoolIndexKernels } from "./max-pool-index.ts";
import { moveKernels } from "./move.ts";
import { poolKernels } from "./pool.ts";
import { quantizeKernels } from "./quantize.ts";
import { recurrentKernels } from "./recurrent.ts";
import { reduceKernels } from "./reduce.ts";
import { unaryKernels } from "./unary.ts";
import { volumeKernels } from "./volume.ts";

export const builtinKernels: readonly WasmKernel[] = [
  ...linearKernels,
  ...matmulKernels,
  ...convKernels,
  ...poolKernels,
  ...volumeKernels,
  ...reduceKernels,
  ...unaryKernels,
  ...binaryKernels,
  ...logicKernels,
  ...integerKernels,
  ...moveKernels,
  ...indexingKernels,
  ...foundKernels,
  ...quantizeKernels,
  ...codeKernels,
  ...castKernels,
  ...intLinearKernels,
  ...intConvKernels,
  ...intPoolKernels,
  ...intElementwiseKernels,
  ...intSumsKernels,
  ...recurrentKernels,
  ...maxPoolIndexKernels,
  ...detectionKernels,
];
