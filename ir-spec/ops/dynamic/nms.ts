/** @file Non-maximum suppression of boxes, greedy, per sample and class. Areas are computed in f32, as engines do, since a comparison with the threshold decides. */
import { dimMul, dimProduct } from "../../core/dim.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { demandOne } from "../control/common.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { demandDim } from "../nn/checks.ts";
import { declaredSize, noReference } from "./sized.ts";

export const nonMaxSuppression = defineOp({
  name: "dynamic.non_max_suppression",
  since: 1,
  doc: [
    "For each sample and class the boxes whose score is above `score_threshold`, best first (of equal scores the first box), less those that overlap a better one by more than `iou_threshold` of their union, at most `most`:",
    "rows `[sample, class, box]`. Their number is a symbol that the op introduces. Boxes are `[y1, x1, y2, x2]`, any two opposite corners, or with `center` `[x, y, width, height]`. ONNX `NonMaxSuppression`.",
  ].join("\n"),
  operands: [
    { name: "boxes", role: "data", axes: ["batch", "boxes", "4"], dtypes: ["f32"] },
    { name: "scores", role: "data", axes: ["batch", "classes", "boxes"], dtypes: ["f32"] },
    { name: "most", role: "data", dtypes: indexTypes, doc: "One element: how many boxes are kept of a class; 0: none." },
    { name: "iou_threshold", role: "data", dtypes: ["f32"], doc: "One element." },
    { name: "score_threshold", role: "data", dtypes: ["f32"], doc: "One element; `-inf` keeps every score." },
  ],
  results: [{ name: "selected", axes: ["found", "3"], doc: "i64" }],
  attrs: { center: a.bool("Boxes are a centre and sizes.", false) },
  infer(ctx) {
    const [boxes, scores] = [ctx.type(0).shape, ctx.type(1).shape];
    if (boxes.length !== 3) ctx.fail(`boxes are [batch, boxes, 4], got rank ${boxes.length}`, 0);
    if (scores.length !== 3) ctx.fail(`scores are [batch, classes, boxes], got rank ${scores.length}`, 1);
    demandDim(ctx, boxes[2] ?? 1, 4, (has) => `a box has 4 numbers, got ${has}`, 0);
    demandDim(ctx, scores[0] ?? 1, boxes[0] ?? 1, (has, wants) => `scores of ${has} samples, boxes of ${wants}`, 1);
    demandDim(ctx, scores[2] ?? 1, boxes[1] ?? 1, (has, wants) => `${has} scores a class for ${wants} boxes`, 1);
    ["most", "iou_threshold", "score_threshold"].forEach((name, i) => {
      demandOne(ctx, i + 2, name);
    });
    return [tensorType("i64", [declaredSize(ctx, 0, 0, 2), 3])];
  },
  reference: noReference("dynamic.non_max_suppression"),
  execute({ inputs: [boxes = null, scores = null, most = null, iou = null, least = null], attrs }) {
    if (!boxes || !scores || !most || !iou || !least) return [];
    return [select(boxes, scores, Number(most.data[0]), Number(iou.data[0]), Number(least.data[0]), attrs.center)];
  },
  work: ({ types }) => ({ macs: 0, elementOps: dimMul(dimProduct(types[1]?.shape ?? []), 8) }),
  noGradient: "its result is an index",
});

const f32 = Math.fround;

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly area: number;
}

function boxAt({ data }: HostTensor, at: number, center: boolean): Box {
  const [p = 0, q = 0, r = 0, s = 0] = [0, 1, 2, 3].map((i) => Number(data[at + i]));
  const [x1, x2] = center ? [f32(p - r / 2), f32(p + r / 2)] : [q, s];
  const [y1, y2] = center ? [f32(q - s / 2), f32(q + s / 2)] : [p, r];
  const [left, right, top, bottom] = [Math.min(x1, x2), Math.max(x1, x2), Math.min(y1, y2), Math.max(y1, y2)];
  return { left, right, top, bottom, area: f32(f32(right - left) * f32(bottom - top)) };
}

function overlap(a: Box, b: Box, threshold: number): boolean {
  const width = f32(Math.min(a.right, b.right) - Math.max(a.left, b.left));
  const height = f32(Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  if (!(width > 0 && height > 0)) return false;
  const shared = f32(width * height);
  const union = f32(f32(a.area + b.area) - shared);
  return a.area > 0 && b.area > 0 && union > 0 && f32(shared / union) > threshold;
}

function select(boxes: HostTensor, scores: HostTensor, most: number, iou: number, least: number, center: boolean): HostTensor {
  const [batch = 0, classes = 0, count = 0] = scores.shape;
  const rows: number[] = [];
  for (let n = 0; n < batch; n++) {
    const all = Array.from({ length: count }, (_, i) => boxAt(boxes, (n * count + i) * 4, center));
    for (let c = 0; c < classes; c++) {
      const score = (i: number) => Number(scores.data[(n * classes + c) * count + i]);
      const order = all.map((_, i) => i).filter((i) => score(i) > least);
      order.sort((i, j) => score(j) - score(i) || i - j);
      const kept: number[] = [];
      for (const i of order) {
        if (kept.length >= most) break;
        if (kept.every((k) => !overlap(all[k] as Box, all[i] as Box, iou))) kept.push(i);
      }
      rows.push(...kept.flatMap((i) => [n, c, i]));
    }
  }
  return hostTensor("i64", [rows.length / 3, 3], BigInt64Array.from(rows, BigInt));
}
