/** @file Digits as a person's hand would draw them with a mouse: strokes in a unit box, y downwards, several points along every curve. */

export type Place = readonly [x: number, y: number];

function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number, steps: number): readonly Place[] {
  return Array.from({ length: steps + 1 }, (_, i): Place => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });
}

/** By digit. */
export const handwriting: Readonly<Record<number, readonly (readonly Place[])[]>> = {
  0: [arc(0.5, 0.5, 0.24, 0.36, -80, 275, 24)],
  1: [
    [
      [0.42, 0.26],
      [0.52, 0.14],
      [0.51, 0.5],
      [0.5, 0.86],
    ],
  ],
  2: [[...arc(0.5, 0.32, 0.22, 0.2, -170, 35, 12), [0.45, 0.7], [0.28, 0.86], [0.5, 0.85], [0.75, 0.86]]],
  3: [[...arc(0.46, 0.31, 0.22, 0.18, -150, 90, 12), ...arc(0.46, 0.68, 0.25, 0.19, -90, 150, 12)]],
  4: [
    [
      [0.55, 0.14],
      [0.4, 0.38],
      [0.25, 0.6],
      [0.5, 0.61],
      [0.78, 0.6],
    ],
    [
      [0.6, 0.38],
      [0.59, 0.62],
      [0.58, 0.88],
    ],
  ],
  7: [
    [
      [0.24, 0.18],
      [0.5, 0.17],
      [0.76, 0.18],
      [0.6, 0.45],
      [0.44, 0.86],
    ],
  ],
};
