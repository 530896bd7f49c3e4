/**
 * @file How each digit is written: several ways per class, as strokes of a pen.
 *
 * A way is a list of strokes. A stroke is points "x,y" in percent of the writing box (y downwards), joined by one smooth curve;
 * "|" makes the point before it a corner. The ways were chosen so that people do not mix them up after any distortion that
 * `style.ts` can draw: a 4 is open or has a bar that crosses its stem, a 9 has a round closed loop, the flag of a 1 stays
 * short, the bar of a 7 is long, a 6 has a stem that rises well above its loop.
 */

/** A point; the unit is the caller's. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Smooth pieces that share their end points; the joints are corners. */
export type Stroke = readonly (readonly Point[])[];

/** One way to write a digit. */
export type Template = readonly Stroke[];

const TEXT: readonly (readonly (readonly string[])[])[] = [
  [
    ["50,5 24,22 18,54 30,86 52,95 75,82 82,48 72,16 50,5"],
    ["62,9 36,9 19,40 25,80 50,95 76,78 80,40 66,13 50,9"],
    ["52,5 32,24 27,56 36,88 52,95 67,84 72,50 66,18 52,5"],
    ["42,8 20,32 18,66 40,93 66,90 82,62 78,26 58,7 40,9"],
  ],
  [["50,4 50,96"], ["53,5 49,48 50,96"], ["36,24 52,5 | 51,96"], ["34,26 52,6 | 52,94", "32,95 74,95"]],
  [
    ["22,27 36,8 60,6 77,26 66,52 40,76 18,94 | 82,94"],
    ["22,26 44,5 73,16 73,40 50,72 28,91 18,82 32,77 56,88 84,91"],
    ["24,18 50,5 76,22 66,48 20,93 | 52,90 82,95"],
  ],
  [
    ["24,14 50,5 74,20 66,40 44,48 | 70,56 78,76 54,95 22,86"],
    ["22,8 76,8 | 46,42 | 72,52 79,74 56,95 22,87"],
    ["26,12 56,5 72,24 52,44 | 44,48 | 74,58 72,86 42,96 20,82"],
  ],
  [
    ["62,95 62,5 | 16,62 | 88,62"],
    ["30,6 20,54 | 86,52", "66,18 62,95"],
    ["32,6 26,34 24,54 52,56 74,50", "76,8 70,50 68,96"],
    ["56,5 18,60 | 86,58", "62,34 60,96"],
  ],
  [
    ["76,6 30,6 | 26,44 | 52,38 77,54 74,80 50,95 20,86"],
    ["32,7 27,44 | 52,37 78,57 72,84 46,95 20,86", "32,7 80,5"],
    ["74,8 34,9 | 30,46 | 62,42 76,64 64,88 40,96 22,88"],
  ],
  [
    ["66,5 40,26 23,60 32,90 56,95 74,76 62,56 38,60 24,74"],
    ["72,9 48,9 27,36 22,70 42,95 69,88 74,66 54,53 27,66"],
    ["50,4 34,30 25,66 36,93 60,93 72,74 58,57 38,62 28,76"],
  ],
  [["18,10 82,8 | 44,96"], ["18,10 80,9 | 58,46 46,96"], ["18,11 82,9 | 44,96", "34,52 72,50"], ["18,26 20,9 | 82,9 | 60,44 46,96"]],
  [
    ["50,47 27,28 49,5 73,25 50,47 24,73 50,95 77,73 50,47"],
    ["52,5 29,18 36,39 64,54 77,76 50,95 23,76 38,53 66,38 73,18 52,5"],
    ["73,17 48,5 28,22 44,43 68,60 72,84 46,95 25,80 37,58 64,40 74,20"],
    ["48,48 27,30 36,7 64,7 72,30 48,48", "48,48 24,66 32,93 66,94 76,68 48,48"],
  ],
  [
    ["74,22 50,5 26,24 34,48 58,48 74,24 | 72,60 62,96"],
    ["74,24 54,5 28,20 30,45 54,50 72,30 | 70,96"],
    ["74,24 50,5 26,26 36,50 60,46 74,24 | 77,60 62,92 32,92"],
    ["70,13 44,6 25,28 40,50 64,42 73,16 | 66,60 48,96"],
  ],
];

function parsePoint(text: string): Point {
  const [x = "", y = ""] = text.split(",");
  return { x: Number(x) / 100, y: Number(y) / 100 };
}

/** Reads one stroke; every piece after a corner starts at that corner. */
function parseStroke(text: string): Stroke {
  const pieces: Point[][] = [];
  for (const part of text.split(" | ")) {
    const corner = pieces.at(-1)?.at(-1);
    const points = part.split(" ").map(parsePoint);
    pieces.push(corner === undefined ? points : [corner, ...points]);
  }
  return pieces;
}

/** The ways to write each digit 0 .. 9, in a unit box. */
export const TEMPLATES: readonly (readonly Template[])[] = TEXT.map((ways) => ways.map((way) => way.map(parseStroke)));
