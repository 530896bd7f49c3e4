/**
 * @file What an adaptive model believes before it has seen anything: the probability of each decision of `context-symbols.ts` where magnitudes average a given number. A blend of a Gaussian and a Laplacian, sampled
 * at the integers; without it, learning thousands of probabilities would cost small sections more than their contexts bring.
 */
import { exactExp } from "./exact-math.ts";

/** Bins of an average magnitude, three to the octave from 1/16 on. */
export const binCount = 37;

/** @param average below 128 */
export function magnitudeBin(average: number): number {
  const fine = Math.floor(average * 16);
  if (fine === 0) return 0;
  const octave = 31 - Math.clz32(fine);
  const mantissa = fine / (1 << octave);
  return 1 + 3 * octave + (mantissa < 1.26 ? 0 : mantissa < 1.5875 ? 1 : 2);
}

const stepRoot = 1.2599210498948732; // 2^(1/3)

/** The average that bin stands for. */
function binAverage(bin: number): number {
  let average = 0.07;
  for (let b = 1; b < bin; b++) average *= stepRoot;
  return bin === 0 ? 0.03 : average;
}

/**
 * Decisions: 0 is the value not zero; 1 is it negative; 2..8 the tree of floor(log2 magnitude), highest bit first; from 9 on the bits below the leading one, by it and the bits before.
 */
export const nodeCount = 136;
export const treeNode = 2;
export const mantissaNode = (octave: number, leading: number): number => 7 + (1 << octave) + leading;

/** Bits of the tree for codes of `width` bits: octaves 0 .. width - 1. */
export function treeDepth(width: number): number {
  return width === 8 ? 3 : width === 4 ? 2 : width === 2 ? 1 : 0;
}

/** Probability of a 1, by bin and node. */
export function priorTable(width: number): Float32Array {
  const most = 1 << (width - 1);
  const table = new Float32Array(binCount * nodeCount).fill(0.5);
  for (let bin = 0; bin < binCount; bin++) {
    const mass = magnitudeMass(binAverage(bin), most);
    const between = (from: number, to: number): number => {
      let sum = 0;
      for (let v = from; v < Math.min(to, most + 1); v++) sum += mass[v] as number;
      return sum;
    };
    const set = (node: number, low: number, middle: number, high: number): void => {
      const all = between(low, high);
      if (all > 0) table[bin * nodeCount + node] = Math.min(0.998, Math.max(0.002, between(middle, high) / all));
    };
    set(0, 0, 1, most + 1);
    fillTree(width, set);
  }
  return table;
}

/** Every decision above a magnitude's leading bit and below it splits a span of magnitudes in two. */
function fillTree(width: number, set: (node: number, low: number, middle: number, high: number) => void): void {
  const depth = treeDepth(width);
  for (let level = 0; level < depth; level++) {
    const half = 1 << (depth - 1 - level);
    for (let path = 0; path < 1 << level; path++) {
      const octave = path * 2 * half;
      set(treeNode + (1 << level) + path - 1, 2 ** octave, 2 ** (octave + half), 2 ** (octave + 2 * half));
    }
  }
  for (let octave = 1; octave < width - 1; octave++) {
    for (let leading = 1; leading < 1 << octave; leading++) {
      const span = 1 << (octave - (31 - Math.clz32(leading)));
      set(mantissaNode(octave, leading), leading * span, leading * span + span / 2, leading * span + span);
    }
  }
}

/** Relative frequency of each magnitude 0 .. most. */
function magnitudeMass(average: number, most: number): Float64Array {
  const inverse = 1 / average;
  return Float64Array.from({ length: most + 1 }, (_, v) => {
    const sides = v === 0 ? 1 : 2;
    const z = Math.min(60, v * inverse);
    const gauss = Math.min(60, (z * z) / Math.PI);
    return sides * (0.7 * exactExp(-gauss) + 0.5 * exactExp(-z)) + 1e-7;
  });
}
