/**
 * @file From strokes of a pen to the 28 x 28 grey image that digit networks learn from: the digit scaled to fit a 20 x 20 box, its centre of mass in the middle, as MNIST
 * does (LeCun et al., 1998). Strokes are scaled as lines and inked afterwards, so the pen is equally broad whatever size somebody writes; scaling the canvas's own
 * pixels would make a small digit thick and a large one thin.
 */

/** A place on the paper; any unit, y downwards. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Stroke = readonly Point[];

/** Side of the image, of the box that the digit fills, and radius of the pen, in pixels of the image. */
export const SIDE = 28;
const BOX = 20;
const PEN = 1.15;

/** A drawing smaller than this part of the paper is not blown up further: a tap stays a dot. */
const SMALLEST = 0.12;

/** @param paper side of the paper in the strokes' unit. Returns grey 0 .. 255, row-major; black where there are no strokes. */
export function inkDigit(strokes: readonly Stroke[], paper = 1): Uint8ClampedArray<ArrayBuffer> {
  const points = strokes.flat();
  if (points.length === 0) return new Uint8ClampedArray(SIDE * SIDE);
  const [left, right] = rangeOf(points.map(({ x }) => x));
  const [top, bottom] = rangeOf(points.map(({ y }) => y));
  const scale = (BOX - 2 * PEN) / Math.max(right - left, bottom - top, SMALLEST * paper);
  const moved = (dx: number, dy: number): readonly Stroke[] =>
    strokes.map((stroke) =>
      stroke.map(({ x, y }) => ({
        x: (x - (left + right) / 2) * scale + SIDE / 2 + dx,
        y: (y - (top + bottom) / 2) * scale + SIDE / 2 + dy,
      })),
    );
  const mass = centreOfMass(inkStrokes(moved(0, 0)));
  return inkStrokes(moved(SIDE / 2 - mass.x, SIDE / 2 - mass.y));
}

/** Grey as the red, green, blue and opacity that image functions take. */
export function greyToRgba(grey: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(grey.length * 4);
  grey.forEach((value, i) => {
    rgba.set([value, value, value, 255], i * 4);
  });
  return rgba;
}

function rangeOf(values: readonly number[]): readonly [number, number] {
  return values.reduce<readonly [number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** Strokes in pixels; a pixel's ink is the pen's cover of it, the larger one where strokes cross. */
function inkStrokes(strokes: readonly Stroke[]): Uint8ClampedArray<ArrayBuffer> {
  const image = new Uint8ClampedArray(SIDE * SIDE);
  for (const stroke of strokes) {
    for (const [i, point] of stroke.entries()) inkSegment(image, stroke[i - 1] ?? point, point);
  }
  return image;
}

function inkSegment(image: Uint8ClampedArray, a: Point, b: Point): void {
  const reach = PEN + 0.5;
  const [left, right] = pixelRange(a.x, b.x, reach);
  const [top, bottom] = pixelRange(a.y, b.y, reach);
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const cover = reach - distanceToSegment(column + 0.5, row + 0.5, a, b);
      const at = row * SIDE + column;
      image[at] = Math.max(image[at] ?? 0, 255 * Math.min(1, Math.max(0, cover)));
    }
  }
}

function pixelRange(a: number, b: number, reach: number): readonly [number, number] {
  return [Math.max(0, Math.floor(Math.min(a, b) - reach)), Math.min(SIDE - 1, Math.ceil(Math.max(a, b) + reach))];
}

function distanceToSegment(x: number, y: number, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const square = dx * dx + dy * dy;
  const along = square === 0 ? 0 : Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / square));
  return Math.hypot(x - a.x - along * dx, y - a.y - along * dy);
}

/** In pixels. The middle of the image when there is no ink. */
export function centreOfMass(image: Uint8ClampedArray): Point {
  let [mass, x, y] = [0, 0, 0];
  image.forEach((ink, i) => {
    mass += ink;
    x += ink * ((i % SIDE) + 0.5);
    y += ink * (Math.floor(i / SIDE) + 0.5);
  });
  return mass === 0 ? { x: SIDE / 2, y: SIDE / 2 } : { x: x / mass, y: y / mass };
}
