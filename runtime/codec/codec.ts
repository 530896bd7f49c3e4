/** @file The interface of the weight coding's decoders. */
import type { RuntimeDType } from "../tensor.ts";

export interface DecodeContext {
  /** The section as it lies in the file; its checksum was right. */
  readonly stored: Uint8Array;
  readonly params: Uint8Array;
  /** Bytes to return: the canonical bytes of `shape` in `dtype`. */
  readonly rawLength: number;
  readonly dtype: RuntimeDType;
  readonly shape: readonly number[];
  /** Decoded bytes of a section of the base file, null where there is none; absent where no base was given. */
  readonly base?: (section: number) => Uint8Array | null;
}

export interface WeightDecoder {
  /** As in the file: `rans`, or `plugin/codec` of an extension. */
  readonly id: string;
  /**
   * Must end, and allocate no more than a small multiple of `rawLength`, whatever `stored` and `params` hold: files can be hostile.
   * What it throws becomes RuntimeError R0110 naming the section.
   */
  decode(ctx: DecodeContext): Uint8Array;
}
