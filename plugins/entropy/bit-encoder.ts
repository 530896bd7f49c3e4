/** @file The encoder's half of the adaptive binary range coder (`runtime/codec/bit-coder.ts`). */
import { type BitCoder, type BitModel, probabilityBits } from "../../runtime/index.ts";
import { RangeStream } from "./range-stream.ts";

export class BitEncoder implements BitCoder {
  private readonly model: BitModel;
  private readonly stream = new RangeStream();

  constructor(model: BitModel) {
    this.model = model;
  }

  code(context: number, bit: number): number {
    this.stream.encode(bit, this.model.of(context), probabilityBits);
    this.model.update(context, bit);
    return bit;
  }

  /** The shortest stream that decodes. */
  finish(): Uint8Array {
    return this.stream.finish();
  }
}
