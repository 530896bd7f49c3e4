/** @file One sample: template -> jitter -> curve -> warp -> ink -> blur, noise, bytes. */
import { cos, sin } from "../../random/elementary.ts";
import type { Random } from "../../random/random.ts";
import { breakAt, flatten, jitter, type Polyline } from "./path.ts";
import { addNoise, blur, type Canvas, canvas, distanceToSegment, drawLine, writeBytes } from "./raster.ts";
import { drawStyle, SIZE, type Style } from "./style.ts";
import { TEMPLATES } from "./templates.ts";
import { affine, elastic } from "./warp.ts";

/** Free paper between a stray mark and the digit, in pixels, so that no mark can turn one digit into another. */
const CLEARANCE = 3;

function writeStrokes(label: number, style: Style, random: Random): Polyline[] {
  const ways = TEMPLATES[label];
  const way = ways?.[random.int(ways.length)];
  if (way === undefined) throw new RangeError(`digits: no digit ${label}`);
  const place = affine(style.placement);
  const wobble = elastic(SIZE, style.elastic, random);
  return jitter(way, style.jitter, random).map((stroke) => flatten(stroke).map((point) => wobble(place(point))));
}

/** Cuts the gap into the stroke with the most points, away from its ends. */
function skipPen(lines: readonly Polyline[], gap: number, random: Random): Polyline[] {
  const position = random.range(0.15, 0.85);
  const longest = Math.max(...lines.map((line) => line.length));
  const chosen = lines.findIndex((line) => line.length === longest);
  return lines.flatMap((line, i) => (i === chosen ? breakAt(line, position, gap) : [line]));
}

/** Smallest distance between the points of `mark` and the digit. */
function clearance(mark: Polyline, lines: readonly Polyline[]): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    for (let i = 0; i + 1 < line.length; i++) {
      const a = line[i];
      const b = line[i + 1];
      if (a === undefined || b === undefined) continue;
      for (const { x, y } of mark) nearest = Math.min(nearest, distanceToSegment(x, y, a, b));
    }
  }
  return nearest;
}

/** A short straight mark somewhere on the paper; dropped where it would come near the digit. */
function strayMark(target: Canvas, lines: readonly Polyline[], style: Style, random: Random): void {
  const angle = random.range(0, 6.28);
  const length = random.range(0, 5);
  const start = { x: random.range(0, SIZE), y: random.range(0, SIZE) };
  const step = { x: (cos(angle) * length) / 2, y: (sin(angle) * length) / 2 };
  const mark = [0, 1, 2].map((i) => ({ x: start.x + i * step.x, y: start.y + i * step.y }));
  const level = style.level * random.range(0.5, 1);
  const radius = style.radius[0] * random.range(0.6, 1);
  if (clearance(mark, lines) < CLEARANCE + 2 * style.radius[0]) return;
  drawLine(target, mark, radius, radius, level);
}

/** Draws digit `label` (0 .. 9) as 28 x 28 bytes, white on black, at `out[offset ...]`. */
export function drawDigit(label: number, random: Random, out: Uint8Array, offset = 0): void {
  const style = drawStyle(random);
  const whole = writeStrokes(label, style, random);
  const lines = style.gap > 0 ? skipPen(whole, style.gap, random) : whole;
  const target = canvas(SIZE);
  for (const line of lines) drawLine(target, line, style.radius[0], style.radius[1], style.level);
  for (let mark = 0; mark < style.marks; mark++) strayMark(target, whole, style, random);
  blur(target, style.blur);
  if (style.noise > 0) addNoise(target, style.noise, random);
  writeBytes(target, out, offset);
}
