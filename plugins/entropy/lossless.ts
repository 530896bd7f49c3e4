/** @file The pass `lossless`: nothing about the module changes; float data is coded by planes, everything else as `entropy` does, and every bit comes back. */

import { definePass, option } from "../../compiler/index.ts";
import { withCodecs } from "./with-codecs.ts";

/** @param delta whether the plugin was given a base file */
export const losslessPass = (delta: boolean) =>
  definePass({
    name: "lossless",
    doc: "Codes floats by planes of exponents and mantissas and integers by entropy, bit-identical back.",
    stage: "compress",
    after: ["prune-magnitude", "share-weights", "quantize", "rate-distortion"],
    options: {
      integers: option.bool("Integers, codes and masks are entropy-coded too.", true),
    },
    run(module, ctx, { integers }) {
      return withCodecs(module, ctx.registry, [
        ...(delta ? ["delta"] : []),
        "planes",
        ...(integers ? ["rans", "huffman", "range", "context"] : []),
      ]);
    },
  });
