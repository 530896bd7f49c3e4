/** @file Named pipelines of compressing passes. `default` is what `compile --preset default` and `npm start` run; each entry says why it stands where it stands. */

export const corePresets: Readonly<Record<string, string>> = {
  none: "",
  default: [
    // Before the weights are touched: a folded batch norm changes magnitudes.
    "fold-batch-norm",
    "materialize",
    // Zeros first, as structure, so that clusters are spent on what stays; one threshold for all layers spares the small ones.
    "prune-magnitude{sparsity=60% scope=global}",
    "share-weights{clusters=16}",
    // After sharing only the tables are left to quantize.
    "quantize{bits=8}",
    "entropy",
  ].join(","),
};
