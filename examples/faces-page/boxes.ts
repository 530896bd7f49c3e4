/**
 * @file From a detector's raw outputs to faces: candidates above a score, then greedy non-maximum suppression (the best candidate stays, those that overlap it much go, and so
 * on; Rosenfeld and Thurston, 1971, as every single-shot detector uses it). UltraFace's graph has already turned its anchors into corners, so decoding is reading.
 */

/** Corners in the unit of the picture, 0 .. 1 from the left and from the top; they may reach a little outside. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Face extends Box {
  /** 0 .. 1. */
  readonly score: number;
}

export interface DetectionOptions {
  /** Candidates below it are no faces. Default 0.7. */
  readonly minScore?: number;
  /** Two boxes that overlap more (IoU) are one face. Default 0.3. */
  readonly maxOverlap?: number;
}

/**
 * Faces, best first; where scores are equal, in the order of the candidates.
 * @param scores `[N, 2]` row by row: of background, of a face
 * @param corners `[N, 4]` row by row: left, top, right, bottom
 * @throws RangeError where the two do not hold equally many candidates
 */
export function findFaces(scores: ArrayLike<number>, corners: ArrayLike<number>, options: DetectionOptions = {}): readonly Face[] {
  const { minScore = 0.7, maxOverlap = 0.3 } = options;
  return suppress(candidates(scores, corners, minScore), maxOverlap);
}

function candidates(scores: ArrayLike<number>, corners: ArrayLike<number>, minScore: number): readonly Face[] {
  const count = scores.length / 2;
  if (!Number.isInteger(count) || corners.length !== count * 4)
    throw new RangeError(`${scores.length} scores and ${corners.length} corners: expected two and four per candidate`);
  const found: Face[] = [];
  for (let i = 0; i < count; i++) {
    const score = scores[2 * i + 1] ?? 0;
    if (!(score >= minScore)) continue;
    const [left = 0, top = 0, right = 0, bottom = 0] = Array.from({ length: 4 }, (_, corner) => corners[4 * i + corner]);
    found.push({ left, top, right, bottom, score });
  }
  return found;
}

function suppress(found: readonly Face[], maxOverlap: number): readonly Face[] {
  const kept: Face[] = [];
  for (const face of [...found].sort((a, b) => b.score - a.score)) {
    if (kept.every((better) => overlap(better, face) <= maxOverlap)) kept.push(face);
  }
  return kept;
}

/** Intersection over union, 0 .. 1; 0 where both are empty. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const common = Math.max(0, width) * Math.max(0, height);
  const union = area(a) + area(b) - common;
  return union > 0 ? common / union : 0;
}

function area({ left, top, right, bottom }: Box): number {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}
