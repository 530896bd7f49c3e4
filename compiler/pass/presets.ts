/** @file Named pipelines of compressing passes. `default` is what `compile --preset default` and `npm start` run; each entry says why it stands where it stands. */

/** Before the weights are touched: a folded batch norm changes magnitudes and ranges. */
const prepared = ["fold-batch-norm", "materialize"] as const;

export const corePresets: Readonly<Record<string, string>> = {
  none: "",
  default: [
    ...prepared,
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
  safe: [
    ...prepared,
    // Nothing is removed, activations stay float: a step per channel at 8 bits is as good as lossless on every network that we know.
    "quantize{bits=8}",
    "entropy",
  ].join(","),
  balanced: [
    ...prepared,
    // Steps of 32 weights each bear 4 bits on narrow layers, too. With data the codes are fitted to what layers multiply, without it rounded to nearest.
    "quantize{bits=4 method=gptq}",
    // Codes of 4 bits are far from evenly used: the context coder finds another tenth to third.
    "entropy",
  ].join(","),
  tiny: [
    ...prepared,
    // Half the error budget of `default`, since the clusters below are fewer.
    "prune-magnitude{energy=7% scope=global}",
    // Six entries code in about two bits each.
    "share-weights{clusters=6}",
    "quantize{bits=8}",
    "entropy",
  ].join(","),
  w8a8: [
    ...prepared,
    // Integer layers where the target has kernels; ranges of activations come from data.
    "quantize{bits=8 activations=static}",
    "entropy",
  ].join(","),
  w4a8: [
    ...prepared,
    // Integer layers take one step per channel, which 4 bits bear when the codes are fitted.
    "quantize{bits=4 granularity=channel activations=static method=gptq}",
    "entropy",
  ].join(","),
  w4: [
    ...prepared,
    // As `balanced`, without entropy coding: the file loads without decoding.
    "quantize{bits=4 method=gptq}",
  ].join(","),
};
