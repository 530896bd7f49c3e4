/**
 * @file Ink on a small grey image: round-capped segments with one pixel of anti-aliasing, blur, noise.
 *
 * Coverage is the distance to the segment, clamped; overlapping segments take the larger, so a joint is not darker than a line.
 */
import type { Random } from "../../random/random.ts";
import type { Polyline } from "./path.ts";
import type { Point } from "./templates.ts";

/** A square grey image with values 0 .. 1, row-major. */
export interface Canvas {
  readonly size: number;
  readonly ink: Float64Array;
}

/** An empty image. */
export function canvas(size: number): Canvas {
  return { size, ink: new Float64Array(size * size) };
}

/** Distance from (x, y) to the segment a-b. */
export function distanceToSegment(x: number, y: number, a: Point, b: Point): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length2 = dx * dx + dy * dy;
  const t = length2 === 0 ? 0 : ((x - a.x) * dx + (y - a.y) * dy) / length2;
  const clamped = t < 0 ? 0 : t > 1 ? 1 : t;
  const ex = x - a.x - clamped * dx;
  const ey = y - a.y - clamped * dy;
  return Math.sqrt(ex * ex + ey * ey);
}

function drawSegment(target: Canvas, a: Point, b: Point, radius: number, level: number): void {
  const { size, ink } = target;
  const reach = radius + 0.5;
  const left = Math.max(0, Math.floor(Math.min(a.x, b.x) - reach));
  const right = Math.min(size - 1, Math.floor(Math.max(a.x, b.x) + reach));
  const top = Math.max(0, Math.floor(Math.min(a.y, b.y) - reach));
  const bottom = Math.min(size - 1, Math.floor(Math.max(a.y, b.y) + reach));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const cover = reach - distanceToSegment(column + 0.5, row + 0.5, a, b);
      if (cover <= 0) continue;
      const value = level * Math.min(1, cover);
      const at = row * size + column;
      if (value > (ink[at] ?? 0)) ink[at] = value;
    }
  }
}

/** Draws a polyline whose pen radius (pixels) goes from `from` to `to` along it, at ink `level` 0 .. 1. */
export function drawLine(target: Canvas, line: Polyline, from: number, to: number, level: number): void {
  for (let i = 0; i + 1 < line.length; i++) {
    const a = line[i];
    const b = line[i + 1];
    if (a === undefined || b === undefined) continue;
    drawSegment(target, a, b, from + ((to - from) * i) / line.length, level);
  }
}

/** Adds `weight` (0 .. 1) of the 3 x 3 binomial blur; the border is repeated. */
export function blur(target: Canvas, weight: number): void {
  const { size, ink } = target;
  const source = ink.slice();
  const clamp = (i: number) => Math.max(0, Math.min(size - 1, i));
  for (let row = 0; row < size; row++) {
    const rows = [clamp(row - 1) * size, row * size, clamp(row + 1) * size];
    const sum = (column: number) => {
      const [above = 0, here = 0, below = 0] = rows;
      return (source[above + column] ?? 0) + 2 * (source[here + column] ?? 0) + (source[below + column] ?? 0);
    };
    for (let column = 0; column < size; column++) {
      const blurred = (sum(clamp(column - 1)) + 2 * sum(column) + sum(clamp(column + 1))) / 16;
      const at = row * size + column;
      ink[at] = (source[at] ?? 0) + weight * (blurred - (source[at] ?? 0));
    }
  }
}

/** Adds normal noise of standard deviation `amount` to every pixel. */
export function addNoise(target: Canvas, amount: number, random: Random): void {
  const { ink } = target;
  for (let i = 0; i < ink.length; i++) ink[i] = (ink[i] ?? 0) + amount * random.normal();
}

/** Rounds 0 .. 1 to bytes 0 .. 255 at `out[offset ...]`; what lies outside is clamped. */
export function writeBytes(source: Canvas, out: Uint8Array, offset: number): void {
  for (let i = 0; i < source.ink.length; i++) {
    const value = Math.floor((source.ink[i] ?? 0) * 255 + 0.5);
    out[offset + i] = value < 0 ? 0 : value > 255 ? 255 : value;
  }
}
