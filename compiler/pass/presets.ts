/** @file Named pipelines of compressing passes. `default` is what `compile --preset default` and `npm start` run; each entry says why it stands where it stands. */

export const corePresets: Readonly<Record<string, string>> = {
  none: "",
  default: [
    // Before the weights are touched: a folded batch norm changes magnitudes.
    "fold-batch-norm",
    "materialize",
    // Zeros first, as structure, so that clusters are spent on what stays. A budget of error, not of zeros: a network that was trained sparse gives nine weights of ten
    // for it, a dense one half, a deep one less in each layer. The number is a choice on validation data, of `lenet5` and of `mnist-cnn-op8`.
    "prune-magnitude{energy=14% scope=global}",
    // Fewer entries than codes of 4 bits could name: the entropy coder makes the difference count.
    "share-weights{clusters=10}",
    // After sharing only the tables are left to quantize.
    "quantize{bits=8}",
    "entropy",
  ].join(","),
};
