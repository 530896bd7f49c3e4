/** @file Random dtypes, static and symbolic types, and random bits of them. */
import { type Dim, dimAdd, dimCeilDiv, dimDiv, dimMax, dimMin, dimMod, dimMul, dimSub, dimSymbol } from "../../ir-spec/core/dim.ts";
import { byteLengthOf, type DType, dtypeInfo, dtypes } from "../../ir-spec/core/dtype.ts";
import { type TensorType, tensorType } from "../../ir-spec/core/type.ts";
import type { Random } from "../random/random.ts";
import { once, pick, times, upTo } from "./random-names.ts";

export function randomDType(random: Random): DType {
  return pick(random, dtypes);
}

/** A few elements, now and then none, now and then more than a list shows. */
export function randomStaticType(random: Random, dtype: DType = randomDType(random)): TensorType {
  if (once(random, 8)) return tensorType(dtype, [11, 7]);
  return tensorType(
    dtype,
    times(upTo(random, 3), () => (once(random, 12) ? 0 : 1 + random.int(4))),
  );
}

/** A dim over the symbols; static when there are none. */
export function randomDim(random: Random, symbols: readonly string[], depth = 2): Dim {
  if (symbols.length === 0 || once(random, 3)) return random.int(9);
  if (depth === 0 || once(random, 2)) return dimSymbol(pick(random, symbols));
  const [a, b] = [randomDim(random, symbols, depth - 1), randomDim(random, symbols, depth - 1)];
  const divisor = typeof b === "number" ? Math.abs(b) + 1 : b;
  return pick(random, [dimAdd, dimSub, dimMul, dimMin, dimMax, dimDiv, dimMod, dimCeilDiv])(a, divisor);
}

/** Dims that a type may have: a static one is not negative. */
export function randomType(random: Random, symbols: readonly string[]): TensorType {
  const dim = (): Dim => {
    const found = randomDim(random, symbols);
    return typeof found === "number" ? Math.abs(found) : found;
  };
  return tensorType(randomDType(random), times(upTo(random, 4), dim));
}

/** Any bit pattern that the dtype has: NaNs of all kinds; `bool` is 0 or 1; unused bits are zero. */
export function randomBits(random: Random, dtype: DType, count: number): Uint8Array {
  const bytes = new Uint8Array(byteLengthOf(dtype, count));
  const plain = once(random, 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = dtype === "bool" ? random.int(2) : random.int(256);
  // Uniform bits are seldom zero, one or NaN: make some elements special.
  const size = dtypeInfo(dtype).bits / 8;
  if (!plain && size >= 2) for (let i = 0; i < count; i++) bytes.set(specialBits(random, size), i * size);
  const spare = bytes.length * 8 - count * dtypeInfo(dtype).bits;
  if (spare > 0) bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) & (255 >> spare);
  return bytes;
}

function specialBits(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const top = pick(random, [0x00, 0x80, 0x3f, 0x7f, 0xff, 0x7c, 0xbf]);
  bytes[size - 1] = top;
  bytes[size - 2] = pick(random, [0x00, 0x80, 0xc0, 0xf0, 0xff, 0x01, 0xa0]);
  if (once(random, 2)) bytes[0] = random.int(256);
  return bytes;
}
