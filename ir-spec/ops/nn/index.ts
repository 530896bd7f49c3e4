/** @file The dialect `nn`: layers and the gradients that they need. */
import type { OpDef } from "../define.ts";
import { avgPool, avgPoolGrad } from "./avg-pool.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv } from "./conv.ts";
import { convInputGrad, convWeightGrad } from "./conv-grad.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { maxPool, maxPoolGrad } from "./max-pool.ts";
import { gru, lstm, rnn } from "./recurrent.ts";

export const nnOps: readonly OpDef[] = [
  linear,
  matmul,
  conv,
  convInputGrad,
  convWeightGrad,
  maxPool,
  maxPoolGrad,
  avgPool,
  avgPoolGrad,
  batchNorm,
  rnn,
  gru,
  lstm,
];
