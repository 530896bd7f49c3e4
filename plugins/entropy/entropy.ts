/** @file The pass that switches entropy coding on: it leaves the module's meaning alone and names the codecs for emission in the module's `meta`. */

import { definePass, option } from "../../compiler/index.ts";
import { withCodecs } from "./with-codecs.ts";

const known = ["rans", "huffman", "range", "context"];

export const entropyCode = definePass({
  name: "entropy",
  doc: "Codes every data section of the file losslessly, by the codec that makes it smallest; what none makes smaller stays raw.",
  stage: "compress",
  after: ["prune-magnitude", "share-weights", "quantize", "rate-distortion"],
  options: {
    codecs: option.names("Codecs to choose from, section by section: rans, huffman, range, context.", known),
  },
  run(module, ctx, { codecs }) {
    const unknown = codecs.find((codec) => !known.includes(codec));
    if (unknown !== undefined) throw new RangeError(`codecs: there is no "${unknown}"; there are ${known.join(", ")}`);
    return withCodecs(module, ctx.registry, codecs);
  },
});
