/** @file The dialect `loss`. */
import type { OpDef } from "../define.ts";
import { softmaxCrossEntropy } from "./softmax-cross-entropy.ts";

export const lossOps: readonly OpDef[] = [softmaxCrossEntropy];
