/** @file The dialect `nn`: layers and the gradients that they need. */
import type { OpDef } from "../define.ts";
import { avgPool, avgPoolGrad } from "./avg-pool.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv } from "./conv.ts";
import { convInputGrad, convWeightGrad } from "./conv-grad.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { maxPool, maxPoolGrad } from "./max-pool.ts";
import { maxPoolIndex } from "./max-pool-index.ts";
import { gru, lstm, rnn } from "./recurrent.ts";
import { roiAlign } from "./roi-align.ts";

export const nnOps: readonly OpDef[] = [
  linear,
  matmul,
  conv,
  convInputGrad,
  convWeightGrad,
  maxPool,
  maxPoolGrad,
  maxPoolIndex,
  avgPool,
  avgPoolGrad,
  batchNorm,
  roiAlign,
  rnn,
  gru,
  lstm,
];
