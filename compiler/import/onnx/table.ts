/** @file Which ONNX operators are translated, and by what. */
import { isStandard } from "./domains.ts";
import type { OpTable, Translate } from "./node.ts";
import { activationOps } from "./ops/activation.ts";
import { attentionOps } from "./ops/attention.ts";
import { castOps } from "./ops/cast.ts";
import { constantOps } from "./ops/constant.ts";
import { controlOps } from "./ops/control.ts";
import { convOps } from "./ops/conv.ts";
import { deformConvOps } from "./ops/deform-conv.ts";
import { detectionOps } from "./ops/detection.ts";
import { dynamicOps } from "./ops/dynamic.ts";
import { einsumOps } from "./ops/einsum.ts";
import { elementwiseOps } from "./ops/elementwise.ts";
import { gatherOps } from "./ops/gather.ts";
import { gemmOps } from "./ops/gemm.ts";
import { gridSampleOps } from "./ops/grid-sample.ts";
import { integerOps } from "./ops/integer.ts";
import { layerNormOps } from "./ops/layer-norm.ts";
import { layoutOps } from "./ops/layout.ts";
import { logicOps } from "./ops/logic.ts";
import { lossOps } from "./ops/loss.ts";
import { lpPoolOps } from "./ops/lp-pool.ts";
import { microsoftOps } from "./ops/microsoft.ts";
import { nGramOps } from "./ops/n-grams.ts";
import { normalizationOps } from "./ops/normalization.ts";
import { padOps } from "./ops/pad.ts";
import { poolOps } from "./ops/pool.ts";
import { quantOps } from "./ops/quant.ts";
import { rangeOps } from "./ops/range.ts";
import { recurrentOps } from "./ops/recurrent.ts";
import { reduceOps } from "./ops/reduce.ts";
import { resizeOps } from "./ops/resize.ts";
import { scatterOps } from "./ops/scatter.ts";
import { selectionOps } from "./ops/selection.ts";
import { shapeOps } from "./ops/shape.ts";
import { signalOps } from "./ops/signal.ts";
import { sliceOps } from "./ops/slice.ts";
import { softmaxOps } from "./ops/softmax.ts";
import { triangleOps } from "./ops/triangle.ts";
import { unpoolOps } from "./ops/unpool.ts";
import { windowFunctionOps } from "./ops/window-functions.ts";

const families: readonly OpTable[] = [
  activationOps,
  attentionOps,
  castOps,
  constantOps,
  controlOps,
  convOps,
  deformConvOps,
  detectionOps,
  dynamicOps,
  einsumOps,
  elementwiseOps,
  gatherOps,
  gemmOps,
  gridSampleOps,
  integerOps,
  layerNormOps,
  layoutOps,
  logicOps,
  lossOps,
  lpPoolOps,
  nGramOps,
  normalizationOps,
  padOps,
  poolOps,
  quantOps,
  recurrentOps,
  rangeOps,
  reduceOps,
  resizeOps,
  scatterOps,
  selectionOps,
  shapeOps,
  signalOps,
  sliceOps,
  softmaxOps,
  triangleOps,
  unpoolOps,
  windowFunctionOps,
];

/** Operators of the standard domain. */
const table: ReadonlyMap<string, Translate> = new Map(families.flatMap((family) => Object.entries(family)));

/** Operators of ONNX Runtime's own domain. */
const contributed: ReadonlyMap<string, Translate> = new Map(Object.entries(microsoftOps));

/** Newest version of the standard operator set whose changes are known here. */
export const newestOpset = 28;

export function translationOf(domain: string, opType: string): Translate | null {
  const known = isStandard(domain) ? table : domain === "com.microsoft" ? contributed : null;
  return known?.get(opType) ?? null;
}

/** Why the operator stays out, where there is a reason, and what would help. */
export function refusalOf(domain: string, opType: string): string | null {
  const reason = refusals.find(({ domains, names }) => domains.test(domain) && names.test(opType));
  return reason?.hint ?? null;
}

/** The reasoned list: kinds of values that the IR does not have, and what is no inference. */
const refusals: readonly { readonly domains: RegExp; readonly names: RegExp; readonly hint: string }[] = [
  { domains: /^(ai\.onnx)?$/, names: /Sequence/, hint: "sequences of tensors are not supported: export with Concat, Split and Slice" },
  { domains: /^(ai\.onnx)?$/, names: /^Optional/, hint: "optional values are not supported: export the model without them" },
  { domains: /^(ai\.onnx)?$/, names: /^(String|Regex)/, hint: "strings are not supported: do this before the model" },
  {
    domains: /^ai\.onnx\.ml$/,
    names: /./,
    hint: "operators of ai.onnx.ml (trees, encoders of features) are not supported: do this before the model",
  },
  { domains: /training/, names: /./, hint: "operators of training are not supported: export the model for inference" },
];

/** Names of all operators that are translated, sorted. */
export function supportedOperators(): readonly string[] {
  return [...table.keys()].sort();
}
