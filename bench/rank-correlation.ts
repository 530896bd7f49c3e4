/** @file Kendall's tau: how far two lists agree on which of two is the larger. */

/** 1 all pairs agree, -1 all disagree; a tie on either side counts for neither. `counts` chooses pairs; NaN without any. */
export function kendallTau(a: readonly number[], b: readonly number[], counts: (i: number, j: number) => boolean = () => true): number {
  let [agree, pairs] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      if (!counts(i, j)) continue;
      pairs++;
      agree += Math.sign((a[i] as number) - (a[j] as number)) * Math.sign((b[i] as number) - (b[j] as number));
    }
  }
  return pairs === 0 ? Number.NaN : agree / pairs;
}
