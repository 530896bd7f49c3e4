/**
 * @file From FastestDet's map to named boxes, as its authors' example does it: one candidate a cell, score = objectness^0.6 * class^0.4, centre by tanh of an offset from the cell, size by
 * a sigmoid; then greedy suppression.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Box, overlap } from "../../examples/faces-page/boxes.ts";
import type { HostTensor } from "../../ir-spec/index.ts";
import { DATA } from "../support/data.ts";

export interface Detection extends Box {
  readonly label: string;
  readonly score: number;
}

const MIN_SCORE = 0.65;
const MAX_OVERLAP = 0.45;
const CLASSES = 80;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

let names: readonly string[] | null = null;
function labels(): readonly string[] {
  names ??= readFileSync(join(DATA, "images/coco-names.txt"), "utf8").trim().split("\n");
  return names;
}

/** `[1, 85, rows, columns]`: objectness, four of the box, 80 classes. Best first. */
export function detections({ data, shape }: HostTensor): readonly Detection[] {
  const [, , rows = 0, columns = 0] = shape;
  const found: Detection[] = [];
  for (let cell = 0; cell < rows * columns; cell++) {
    const at = (channel: number) => Number(data[channel * rows * columns + cell]);
    const scores = Array.from({ length: CLASSES }, (_, c) => at(5 + c));
    const best = scores.indexOf(Math.max(...scores));
    const score = at(0) ** 0.6 * (scores[best] as number) ** 0.4;
    if (!(score > MIN_SCORE)) continue;
    const [x, y] = [((cell % columns) + Math.tanh(at(1))) / columns, (Math.floor(cell / columns) + Math.tanh(at(2))) / rows];
    const [width, height] = [sigmoid(at(3)), sigmoid(at(4))];
    const box = { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 };
    found.push({ ...box, score, label: labels()[best] ?? "?" });
  }
  const kept: Detection[] = [];
  for (const one of found.sort((a, b) => b.score - a.score))
    if (kept.every((better) => overlap(better, one) <= MAX_OVERLAP)) kept.push(one);
  return kept;
}
