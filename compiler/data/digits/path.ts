/**
 * @file From a template to thin polylines: jitter of the control points, then uniform Catmull-Rom curves (Catmull and Rom, "A
 * class of local interpolating splines", 1974), cut into short straight segments.
 */
import type { Random } from "../../random/random.ts";
import type { Point, Stroke, Template } from "./templates.ts";

/** A curve as the points of its short straight segments. */
export type Polyline = readonly Point[];

const SEGMENTS_PER_SPAN = 6;

/** Moves every control point by a normal number of standard deviation `amount`; a corner moves both pieces that share it. */
export function jitter(template: Template, amount: number, random: Random): Template {
  return template.map((stroke) => {
    let corner: Point | undefined;
    return stroke.map((piece) => {
      const moved = piece.map((point, i) => {
        if (i === 0 && corner !== undefined) return corner;
        return { x: point.x + amount * random.normal(), y: point.y + amount * random.normal() };
      });
      corner = moved.at(-1);
      return moved;
    });
  });
}

/** One coordinate of the spline between p1 and p2 at t in [0, 1]. */
function catmullRom(p0: number, p1: number, p2: number, p3: number, t: number): number {
  const linear = (p2 - p0) * 0.5;
  const square = p0 - 2.5 * p1 + 2 * p2 - 0.5 * p3;
  const cube = 1.5 * (p1 - p2) + 0.5 * (p3 - p0);
  return p1 + t * (linear + t * (square + t * cube));
}

/** Appends the curve through `piece`, without its first point. */
function appendPiece(out: Point[], piece: readonly Point[]): void {
  for (let i = 0; i + 1 < piece.length; i++) {
    const p1 = piece[i];
    const p2 = piece[i + 1];
    if (p1 === undefined || p2 === undefined) continue;
    const p0 = piece[i - 1] ?? p1;
    const p3 = piece[i + 2] ?? p2;
    for (let step = 1; step <= SEGMENTS_PER_SPAN; step++) {
      const t = step / SEGMENTS_PER_SPAN;
      out.push({ x: catmullRom(p0.x, p1.x, p2.x, p3.x, t), y: catmullRom(p0.y, p1.y, p2.y, p3.y, t) });
    }
  }
}

/** The whole stroke as one polyline. */
export function flatten(stroke: Stroke): Polyline {
  const first = stroke[0]?.[0];
  const out: Point[] = first === undefined ? [] : [first];
  for (const piece of stroke) appendPiece(out, piece);
  return out;
}

/** Cuts a gap of `length` out of a polyline, centred `position` (0 .. 1) of the way along it: a pen that skipped. */
export function breakAt(line: Polyline, position: number, length: number): Polyline[] {
  const along = arcLengths(line);
  const centre = position * (along.at(-1) ?? 0);
  const before: Point[] = [];
  const after: Point[] = [];
  line.forEach((point, i) => {
    const distance = (along[i] ?? 0) - centre;
    if (distance < -length / 2) before.push(point);
    else if (distance > length / 2) after.push(point);
  });
  return [before, after].filter((part) => part.length > 1);
}

function arcLengths(line: Polyline): number[] {
  let total = 0;
  return line.map((point, i) => {
    const last = line[i - 1] ?? point;
    total += Math.sqrt((point.x - last.x) * (point.x - last.x) + (point.y - last.y) * (point.y - last.y));
    return total;
  });
}
