/** @file The decoder of `sample/rle`: pairs of a count (1..255) and a byte. */
import type { WeightDecoder } from "tersor/runtime";

export const decoder: WeightDecoder = {
  id: "sample/rle",
  decode({ stored, rawLength }) {
    const raw = new Uint8Array(rawLength);
    let at = 0;
    for (let i = 0; i + 1 < stored.length && at < rawLength; i += 2) {
      const count = stored[i] ?? 0;
      raw.fill(stored[i + 1] ?? 0, at, at + count);
      at += count;
    }
    if (at !== rawLength) throw new RangeError(`runs of ${at} bytes, ${rawLength} expected`);
    return raw;
  },
};
