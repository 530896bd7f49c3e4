/**
 * @file Everything about a sample that is not its digit: the hand, the pen and the paper.
 *
 * The ranges decide how hard the set is. They were set so that a linear classifier stays around 90 % (shift and slant defeat it)
 * while a small convolutional network passes 99 % and a person reads every sample.
 */
import type { Random } from "../../random/random.ts";
import type { Placement } from "./warp.ts";

/** Side of the image in pixels. */
export const SIZE = 28;

/** What was drawn for one sample; lengths in pixels unless said otherwise. */
export interface Style {
  /** Standard deviation of the control points, in writing boxes. */
  readonly jitter: number;
  readonly placement: Placement;
  /** Standard deviation of the elastic displacement at its nodes. */
  readonly elastic: number;
  /** Pen radius where a stroke starts and where it ends. */
  readonly radius: readonly [number, number];
  /** Ink 0 .. 1. */
  readonly level: number;
  /** Share of the 3 x 3 blur, 0 .. 1. */
  readonly blur: number;
  /** Standard deviation of pixel noise, 0 .. 1; 0 for clean paper. */
  readonly noise: number;
  /** Length of a gap in the longest stroke; 0 for none. */
  readonly gap: number;
  /** How many stray marks to try to place. */
  readonly marks: number;
}

function drawPlacement(random: Random): Placement {
  const height = random.range(15.5, 22);
  return {
    height,
    width: height * random.range(0.72, 1.08),
    angle: random.range(-0.24, 0.24),
    slant: random.range(-0.12, 0.34),
    centre: { x: SIZE / 2 + random.range(-2.5, 2.5), y: SIZE / 2 + random.range(-2.2, 2.2) },
  };
}

/** Draws a style. The pen is never so broad that it fills the loops of a small digit. */
export function drawStyle(random: Random): Style {
  const placement = drawPlacement(random);
  const radius = random.range(0.65, 0.045 * placement.height + 0.025 * placement.width + 0.25);
  const dirty = random.float();
  return {
    jitter: random.range(0.01, 0.026),
    placement,
    elastic: random.range(0.2, 0.85),
    radius: [radius * random.range(0.85, 1.15), radius * random.range(0.75, 1.15)],
    level: random.range(0.75, 1),
    blur: random.range(0.1, 0.8),
    noise: dirty < 0.35 ? random.range(0.02, 0.1) : 0,
    gap: random.float() < 0.15 ? 2 * radius + random.range(0.8, 1.8) : 0,
    marks: random.float() < 0.25 ? 1 + random.int(2) : 0,
  };
}
