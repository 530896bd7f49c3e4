/**
 * @file k-means of vectors, for product quantization (Gong et al., "Compressing Deep Convolutional Networks using Vector Quantization", 2014): Lloyd's iteration from a k-means++ start (Arthur and
 * Vassilvitskii 2007), with a weight for every element. An entry that nothing uses takes the vector that is worst off.
 */
import type { Random } from "../../compiler/index.ts";

export interface VectorClustering {
  /** `[entries, width]`. */
  readonly table: Float64Array;
  /** One a vector. */
  readonly codes: Uint8Array;
  /** Mean squared error an element, unweighted. */
  readonly error: number;
}

export interface Vectors {
  /** `[count, width]`. */
  readonly values: Float64Array;
  /** Of every element, positive; null: 1. */
  readonly weights: Float64Array | null;
  readonly width: number;
}

const iterations = 40;
const settled = 1e-4;

/** @param k 1..256; fewer entries come back where there are fewer vectors */
export function vectorKMeans(vectors: Vectors, k: number, random: Random): VectorClustering {
  const { values, width } = vectors;
  const count = values.length / width;
  const table = spreadStart(vectors, Math.min(k, count), random);
  let before = Number.MAX_VALUE;
  let found = nearest(vectors, table);
  for (let i = 0; i < iterations && before - found.total > settled * before; i++) {
    before = found.total;
    recentre(vectors, table, found);
    found = nearest(vectors, table);
  }
  const { codes } = found;
  let error = 0;
  for (let i = 0; i < values.length; i++)
    error += ((values[i] as number) - (table[(codes[Math.floor(i / width)] as number) * width + (i % width)] as number)) ** 2;
  return { table, codes, error: values.length === 0 ? 0 : error / values.length };
}

interface Assignment {
  readonly codes: Uint8Array;
  /** Weighted squared distance of each vector to its entry. */
  readonly distances: Float64Array;
  readonly total: number;
}

function distance({ values, weights, width }: Vectors, vector: number, table: Float64Array, entry: number, limit: number): number {
  let sum = 0;
  for (let j = 0; j < width && sum < limit; j++) {
    const gap = (values[vector * width + j] as number) - (table[entry * width + j] as number);
    sum += (weights ? (weights[vector * width + j] as number) : 1) * gap * gap;
  }
  return sum;
}

function nearest(vectors: Vectors, table: Float64Array): Assignment {
  const { width } = vectors;
  const [count, entries] = [vectors.values.length / width, table.length / width];
  const [codes, distances] = [new Uint8Array(count), new Float64Array(count)];
  let total = 0;
  for (let i = 0; i < count; i++) {
    let best = Number.POSITIVE_INFINITY;
    for (let entry = 0; entry < entries; entry++) {
      const sum = distance(vectors, i, table, entry, best);
      if (sum < best) {
        best = sum;
        codes[i] = entry;
      }
    }
    distances[i] = best;
    total += best;
  }
  return { codes, distances, total };
}

/** Each entry becomes the weighted mean of its vectors, element by element. */
function recentre({ values, weights, width }: Vectors, table: Float64Array, { codes, distances }: Assignment): void {
  const [sums, mass] = [new Float64Array(table.length), new Float64Array(table.length)];
  for (let i = 0; i < values.length; i++) {
    const at = (codes[Math.floor(i / width)] as number) * width + (i % width);
    const weight = weights ? (weights[i] as number) : 1;
    sums[at] = (sums[at] as number) + weight * (values[i] as number);
    mass[at] = (mass[at] as number) + weight;
  }
  const worst = unusedEntries(mass, width).length > 0 ? worstFirst(distances) : [];
  for (let at = 0; at < table.length; at++) if ((mass[at] as number) > 0) table[at] = (sums[at] as number) / (mass[at] as number);
  unusedEntries(mass, width).forEach((entry, i) => {
    const vector = worst[i];
    if (vector !== undefined) table.set(values.subarray(vector * width, (vector + 1) * width), entry * width);
  });
}

const unusedEntries = (mass: Float64Array, width: number): readonly number[] =>
  Array.from({ length: mass.length / width }, (_, entry) => entry).filter((entry) => mass[entry * width] === 0);

const worstFirst = (distances: Float64Array): readonly number[] =>
  Array.from(distances.keys()).sort((a, b) => (distances[b] as number) - (distances[a] as number));

/** Entries drawn with probability by the squared distance to those that there are. */
function spreadStart(vectors: Vectors, k: number, random: Random): Float64Array {
  const { values, width } = vectors;
  const count = values.length / width;
  const table = new Float64Array(k * width);
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let chosen = count === 0 ? 0 : random.int(count);
  for (let entry = 0; entry < k; entry++) {
    table.set(values.subarray(chosen * width, (chosen + 1) * width), entry * width);
    let total = 0;
    for (let i = 0; i < count; i++) {
      distances[i] = Math.min(distances[i] as number, distance(vectors, i, table, entry, distances[i] as number));
      total += distances[i] as number;
    }
    let left = random.float() * total;
    chosen = 0;
    while (chosen < count - 1 && left > (distances[chosen] as number)) left -= distances[chosen++] as number;
  }
  return table;
}
