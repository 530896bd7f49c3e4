/**
 * @file Sections stored as they are. `raw` is aligned in the file and opened as a view; `unaligned` saves small tensors the padding and is copied.
 */
import type { WeightDecoder } from "./codec.ts";

export const raw: WeightDecoder = { id: "raw", decode: ({ stored }) => stored };

export const unaligned: WeightDecoder = { id: "unaligned", decode: ({ stored }) => stored.slice() };
