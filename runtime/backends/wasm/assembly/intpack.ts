/**
 * @file Weights of the integer convolution as its tiles read them: widened to 16 bits, two values of a result side by side (input channels 2p and
 * 2p + 1 of a tap, or, where there is one channel, two rows of the kernel), and the output channels of a tile one behind the other.
 */

/** Pairs of values that one result reads. */
export function stepsOf(c: i32, kh: i32, kw: i32): i32 {
  return c === 1 ? ((kh + 1) >> 1) * kw : ((c + 1) >> 1) * kh * kw;
}

// @ts-ignore: decorator
@inline
function weight(w: usize, j: i32, o: i32, at: i32, size: i32, present: bool): i32 {
  return present && j < o ? <i32>load<i8>(w + j * size + at) : 0;
}

/** packed `[O/tile][steps][tile][2]` i16 <- w `[O, C, KH, KW]` i8; zeros where a pair or a tile is not full. */
export function pack(w: usize, packed: usize, o: i32, c: i32, kh: i32, kw: i32, tile: i32): void {
  const rows = c === 1;
  const taps = kh * kw;
  const outer = rows ? (kh + 1) >> 1 : (c + 1) >> 1;
  const inner = rows ? kw : taps;
  for (let first = 0; first < o; first += tile) {
    for (let p = 0; p < outer; p++) {
      const both = rows ? 2 * p + 1 < kh : 2 * p + 1 < c;
      for (let t = 0; t < inner; t++) {
        const at = 2 * p * inner + t;
        for (let j = first; j < first + tile; j++, packed += 4) {
          const second = weight(w, j, o, at + inner, c * taps, both);
          store<i32>(packed, (weight(w, j, o, at, c * taps, true) & 0xffff) | (second << 16));
        }
      }
    }
  }
}

/** packed `[ceil(O/4)][steps][4][2]` i16 <- w `[O, C, KH, KW]` i8, as `i8_conv2d` reads it. */
export function i8_pack_conv(w: usize, packed: usize, o: i32, c: i32, kh: i32, kw: i32): void {
  pack(w, packed, o, c, kh, kw, 4);
}

/** i16 elements of the packed form. */
export function i8_pack_conv_size(o: i32, c: i32, kh: i32, kw: i32): i32 {
  return ((o + 3) & ~3) * stepsOf(c, kh, kw) * 2;
}
