/**
 * @file Optimal code lengths under a limit by package-merge (Larmore and Hirschberg, "A fast algorithm for optimal length-limited Huffman codes", 1990), in the form for small alphabets: each
 * package keeps how often each symbol is in it.
 */

interface Package {
  readonly weight: number;
  readonly symbols: readonly number[];
}

/** Code length by symbol, 0 for one that does not occur; a symbol on its own gets a code of one bit. */
export function codeLengths(counts: Uint32Array, limit: number): Uint8Array {
  const leaves: Package[] = [];
  counts.forEach((weight, symbol) => {
    if (weight > 0) leaves.push({ weight, symbols: [symbol] });
  });
  const lengths = new Uint8Array(counts.length);
  const [only] = leaves;
  if (only && leaves.length === 1) lengths[only.symbols[0] as number] = 1;
  if (leaves.length < 2) return lengths;
  leaves.sort((a, b) => a.weight - b.weight);
  let row: readonly Package[] = leaves;
  for (let level = 1; level < limit; level++) row = merged(leaves, pairs(row));
  for (const { symbols } of row.slice(0, 2 * leaves.length - 2))
    for (const symbol of symbols) lengths[symbol] = (lengths[symbol] as number) + 1;
  return lengths;
}

function pairs(row: readonly Package[]): readonly Package[] {
  return Array.from({ length: row.length >> 1 }, (_, i) => {
    const [a, b] = [row[2 * i] as Package, row[2 * i + 1] as Package];
    return { weight: a.weight + b.weight, symbols: [...a.symbols, ...b.symbols] };
  });
}

/** Both are sorted by weight; leaves first where equal. */
function merged(leaves: readonly Package[], packages: readonly Package[]): readonly Package[] {
  return [...leaves, ...packages].sort((a, b) => a.weight - b.weight);
}
