/**
 * @file The weight-coding hook. For each section emission asks every encoder and keeps the smallest answer; its decoder of the same id (`runtime/codec/`) must give the
 * very bytes back, which emission proves each time. Lossless by contract: what loses bits is a pass, not a codec.
 */
import type { DType } from "../../ir-spec/core/dtype.ts";
import type { WeightDecoder } from "../../runtime/index.ts";

export interface EncodeContext {
  /** Canonical bytes, row-major, little-endian. */
  readonly bytes: Uint8Array;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface Encoded {
  readonly bytes: Uint8Array;
  /** What the decoder needs beside the bytes (tables, parameters); counted in the section's size. */
  readonly params: Uint8Array;
}

export interface WeightEncoder {
  /** A built-in decoder's id (`rans`), or `plugin/codec` of a package's runtime half. */
  readonly id: string;
  /** Needed unless the runtime brings a decoder of that id: the one that the package's runtime half exports. */
  readonly decoder?: WeightDecoder;
  /** npm package whose runtime half has the decoder; default `tersor-plugin-<plugin>` by the id. */
  readonly npmPackage?: string;
  /** Sections of a base file, for a codec of differences: decoding needs the file again. */
  readonly base?: (section: number) => Uint8Array | null;
  /** null: not for this data. Must be deterministic. */
  encode(ctx: EncodeContext): Encoded | null;
}
