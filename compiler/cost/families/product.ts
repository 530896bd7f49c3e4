/** @file Matrix products of the wasm backend (`assembly/gemm.ts`): panels of 16 columns, tiles of two rows. */
import { beyond, type CostContext, type CostFamily, coldConstants } from "../family.ts";
import type { CostStep } from "../step.ts";

const panel = 16;
const rowBlock = 64;

export interface Gemm {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** What `gemmPanels` does, whatever feeds it. */
export const gemmTerms = ["macs", "single-row macs", "tiles", "macs beyond L1", "left bytes beyond L2"] as const;

/**
 * Multiply-accumulates in tiles of two rows and in single rows, padding of the panel included; tiles; those whose panel does not stay in the first cache; bytes of left rows read again
 * because a block of rows does not stay in the second.
 */
export function gemmCounts({ m, n, k }: Gemm): readonly number[] {
  const panels = Math.ceil(n / panel);
  const pairs = Math.floor(m / 2);
  const macs = panels * panel * k * 2 * pairs;
  const block = Math.min(m, rowBlock) * k * 4;
  return [
    macs,
    (m % 2) * panels * panel * k,
    panels * (pairs + (m % 2)),
    macs * beyond("l1", panel * k * 4),
    panels * m * k * 4 * beyond("l2", block),
  ];
}

/** `nn.linear`, and `nn.matmul` by a constant matrix. */
export const linear: CostFamily = {
  name: "f32_linear",
  terms: ["launch", ...gemmTerms, "L3 bytes", "memory bytes"],
  count: (step, context) => linearCounts(step, context),
};

function linearCounts(step: CostStep, context: CostContext): readonly number[] {
  const gemm = linearSizes(step);
  const packed = Math.ceil(gemm.n / panel) * panel * gemm.k * 4;
  const blocks = Math.max(1, Math.ceil(gemm.m / rowBlock));
  const [cold, memory] = coldConstants(packed, context);
  const again = (blocks - 1) * packed * beyond("l2", packed);
  return [1, ...gemmCounts(gemm), cold + again, memory];
}

function linearSizes({ operands, results }: CostStep): Gemm {
  const [x, y] = [operands[0]?.shape ?? [], results[0]?.shape ?? []];
  const [k = 1, n = 1] = [x.at(-1), y.at(-1)];
  return { m: (results[0]?.elements ?? 0) / Math.max(1, n), n, k };
}

/** `nn.matmul` of two values, `nn.linear` of a computed weight: the right side is packed in each call. */
export const matmul: CostFamily = {
  name: "f32_matmul",
  terms: ["launch", ...gemmTerms, "calls", "packed rows"],
  count({ operands, results, op }) {
    const [a, b, y] = [operands[0]?.shape ?? [], operands[1]?.shape ?? [], results[0]];
    const k = a.at(-1) ?? 1;
    const n = op === "nn.linear" ? (b[0] ?? 1) : b.length === 1 ? 1 : (b.at(-1) ?? 1);
    const rows = (y?.elements ?? 0) / Math.max(1, n);
    const shared = (operands[1]?.elements ?? 0) <= k * n;
    const m = shared ? rows : a.length === 1 ? 1 : (a.at(-2) ?? 1);
    const calls = shared ? 1 : Math.max(1, rows / Math.max(1, m));
    return [1, ...gemmCounts({ m, n, k }).map((count) => count * calls), calls, calls * k * Math.ceil(n / panel)];
  },
};
