/**
 * @file Rebuilding weights: unpacking sub-byte codes, codebook lookup, sparse expansion. Run once at load.
 *
 * Sub-byte tensors are packed low bits first with no padding inside. Nothing here reads past the counts it is given, whatever the codes
 * say: a bad code is reported by its position, because the bytes come from a file.
 */

/** Element i of a packed tensor of 1, 2, 4, 8, 16 or 32 bits, sign-extended if `signed`. */
// @ts-ignore: decorator
@inline
export function readCode(bits: i32, signed: bool, p: usize, i: i32): i32 {
  if (bits === 8) return signed ? <i32>load<i8>(p + i) : <i32>load<u8>(p + i);
  if (bits === 32) return load<i32>(p + (<usize>i << 2));
  if (bits === 16) return signed ? <i32>load<i16>(p + (<usize>i << 1)) : <i32>load<u16>(p + (<usize>i << 1));
  const perByte = 8 / bits;
  const raw = <i32>load<u8>(p + <u32>i / perByte) >> ((i % perByte) * bits);
  const up = 32 - bits;
  return signed ? (raw << up) >> up : raw & ((1 << bits) - 1);
}

/** Stores the low bits as element i of 1, 2, 4, 8 or 16 bits. Elements that share a byte must be stored in order, the first of it first. */
// @ts-ignore: decorator
@inline
export function writeCode(bits: i32, p: usize, i: i32, code: i32): void {
  if (bits === 8) store<u8>(p + i, <u8>code);
  else if (bits === 16) store<u16>(p + (<usize>i << 1), <u16>code);
  else {
    const perByte = 8 / bits;
    const at = p + <u32>i / perByte;
    const low = (code & ((1 << bits) - 1)) << ((i % perByte) * bits);
    store<u8>(at, <u8>(i % perByte === 0 ? low : <i32>load<u8>(at) | low));
  }
}

// @ts-ignore: decorator
@inline
function unpack(bits: i32, signed: bool, x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) store<u8>(y + i, <u8>readCode(bits, signed, x, i));
}

/** y `[n]` u8 <- x, n packed 1-bit codes. */
export function u1_unpack_u8(x: usize, y: usize, n: i32): void {
  unpack(1, false, x, y, n);
}

export function u2_unpack_u8(x: usize, y: usize, n: i32): void {
  unpack(2, false, x, y, n);
}

export function u4_unpack_u8(x: usize, y: usize, n: i32): void {
  unpack(4, false, x, y, n);
}

export function i2_unpack_i8(x: usize, y: usize, n: i32): void {
  unpack(2, true, x, y, n);
}

export function i4_unpack_i8(x: usize, y: usize, n: i32): void {
  unpack(4, true, x, y, n);
}

// @ts-ignore: decorator
@inline
function lookup(bits: i32, table: usize, entries: i32, codes: usize, y: usize, n: i32): i32 {
  for (let i = 0; i < n; i++) {
    const code = readCode(bits, false, codes, i);
    if (code >= entries) return i;
    store<u32>(y + (<usize>i << 2), load<u32>(table + (<usize>code << 2)));
  }
  return -1;
}

/** y[i] <- table[codes[i]], f32 table of `entries`. Returns -1, or the position of the first code that is not below `entries`. */
export function u8_lookup_f32(table: usize, entries: i32, codes: usize, y: usize, n: i32): i32 {
  return lookup(8, table, entries, codes, y, n);
}

/** `u8_lookup_f32` on packed 4-bit codes. */
export function u4_lookup_f32(table: usize, entries: i32, codes: usize, y: usize, n: i32): i32 {
  return lookup(4, table, entries, codes, y, n);
}

/** `u8_lookup_f32` on packed 2-bit codes. */
export function u2_lookup_f32(table: usize, entries: i32, codes: usize, y: usize, n: i32): i32 {
  return lookup(2, table, entries, codes, y, n);
}

function expandMask<T>(mask: usize, values: usize, count: i32, y: usize, n: i32): i32 {
  let ones = 0;
  for (let i = 0; i < n; i++, y += sizeof<T>()) {
    if (!readCode(1, false, mask, i)) store<T>(y, <T>0);
    else {
      store<T>(y, ones < count ? load<T>(values + ones * sizeof<T>()) : <T>0);
      ones++;
    }
  }
  return ones;
}

/**
 * y `[n]` <- the next of `values [count]` where the bit of `mask` (u1, row-major) is set, else +0. Returns the number of set bits, which a
 * sound file makes equal to `count`; no more than `count` values are read.
 */
export function f32_expand_mask(mask: usize, values: usize, count: i32, y: usize, n: i32): i32 {
  return expandMask<u32>(mask, values, count, y, n);
}

/** `f32_expand_mask` for 8-bit values (codes under a mask). */
export function u8_expand_mask(mask: usize, values: usize, count: i32, y: usize, n: i32): i32 {
  return expandMask<u8>(mask, values, count, y, n);
}
