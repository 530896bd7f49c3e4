/** @file All cases by file. `cases.test.ts` fails when a file of this folder is missing here. */
import type { OpCase } from "../op-case.ts";
import { cases as channels } from "./channels.ts";
import { cases as codebook } from "./codebook.ts";
import { cases as functions } from "./functions.ts";
import { cases as indexing } from "./indexing.ts";
import { cases as int } from "./int.ts";
import { cases as intSums } from "./int-sums.ts";
import { cases as logic } from "./logic.ts";
import { cases as math } from "./math.ts";
import { cases as nn } from "./nn.ts";
import { cases as quant } from "./quant.ts";
import { cases as recurrent } from "./recurrent.ts";
import { cases as reduce } from "./reduce.ts";
import { cases as shape } from "./shape.ts";
import { cases as sparse } from "./sparse.ts";
import { cases as trigonometry } from "./trigonometry.ts";
import { cases as type } from "./type.ts";
import { cases as vision } from "./vision.ts";

export const caseFiles: Readonly<Record<string, readonly OpCase[]>> = {
  channels,
  codebook,
  functions,
  indexing,
  int,
  "int-sums": intSums,
  logic,
  math,
  nn,
  quant,
  recurrent,
  reduce,
  shape,
  sparse,
  trigonometry,
  type,
  vision,
};
