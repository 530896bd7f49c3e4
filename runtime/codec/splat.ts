/** @file One pattern of bytes, repeated: biases of zero, scales that are all one. A sub-byte dtype stores the byte that its elements make. */
import { RuntimeError } from "../errors.ts";
import type { WeightDecoder } from "./codec.ts";

export const splat: WeightDecoder = {
  id: "splat",
  decode({ stored, rawLength }) {
    if (stored.length === 0 || rawLength % stored.length !== 0) {
      throw new RuntimeError("R0110", `a pattern of ${stored.length} bytes does not fill ${rawLength}`, "codec splat");
    }
    const bytes = new Uint8Array(rawLength);
    bytes.set(stored);
    for (let done = stored.length; done < rawLength; done *= 2) bytes.copyWithin(done, 0, done);
    return bytes;
  },
};
