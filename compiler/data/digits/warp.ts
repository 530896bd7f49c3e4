/**
 * @file Where a stroke lands in the image: an affine map, then a smooth elastic displacement.
 *
 * The displacement is that of Simard, Steinkraus and Platt ("Best practices for convolutional neural networks applied to visual document
 * analysis", 2003), but moves the pen's path instead of resampling pixels: strokes stay sharp, and it costs a hundred points, not 784.
 */
import { cos, sin } from "../../random/elementary.ts";
import type { Random } from "../../random/random.ts";
import type { Point } from "./templates.ts";

/** Maps a point to a point. */
export type Warp = (point: Point) => Point;

/** The affine part; lengths in pixels, angle in radians. */
export interface Placement {
  readonly width: number;
  readonly height: number;
  readonly angle: number;
  /** Shift in x per unit of height: the slant of the hand. */
  readonly slant: number;
  readonly centre: Point;
}

/** Unit box -> image: scale, slant, rotate about the box's centre, shift. */
export function affine(placement: Placement): Warp {
  const c = cos(placement.angle);
  const s = sin(placement.angle);
  return (point) => {
    const y = (point.y - 0.5) * placement.height;
    const x = (point.x - 0.5) * placement.width - placement.slant * y;
    return { x: placement.centre.x + c * x - s * y, y: placement.centre.y + s * x + c * y };
  };
}

/** Nodes per side of the displacement grid: the wavelength of the wobble is about half an image. */
const NODES = 5;

function smoothStep(t: number): number {
  return t * t * (3 - 2 * t);
}

/** The field's value at (x, y) in nodes, from the four nodes around it. */
function interpolate(field: Float64Array, x: number, y: number): number {
  const column = Math.max(0, Math.min(NODES - 2, Math.floor(x)));
  const row = Math.max(0, Math.min(NODES - 2, Math.floor(y)));
  const tx = smoothStep(Math.max(0, Math.min(1, x - column)));
  const ty = smoothStep(Math.max(0, Math.min(1, y - row)));
  const at = (r: number, c: number) => field[r * NODES + c] ?? 0;
  const top = at(row, column) + tx * (at(row, column + 1) - at(row, column));
  const bottom = at(row + 1, column) + tx * (at(row + 1, column + 1) - at(row + 1, column));
  return top + ty * (bottom - top);
}

/** A smooth random displacement with standard deviation `amount` pixels at its nodes, over a `size` x `size` image. */
export function elastic(size: number, amount: number, random: Random): Warp {
  const dx = Float64Array.from({ length: NODES * NODES }, () => amount * random.normal());
  const dy = Float64Array.from({ length: NODES * NODES }, () => amount * random.normal());
  const scale = (NODES - 1) / size;
  return (point) => {
    const x = point.x * scale;
    const y = point.y * scale;
    return { x: point.x + interpolate(dx, x, y), y: point.y + interpolate(dy, x, y) };
  };
}
