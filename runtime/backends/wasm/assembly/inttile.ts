/**
 * @file The inner loops of the integer convolution: sums of `steps` pairs, each found by its offset from `b`, times weights in the same order.
 *
 * `i32x4.dot_i16x8_s` multiplies eight pairs of 16 bits and adds neighbours: four pixels, two values each. Rows of sums lie `sumBytes` apart.
 */

/** Four channels by eight pixels: eight accumulators, two vectors of the image, one broadcast weight. */
export function tile4x8(b: usize, offsets: usize, steps: i32, w: usize, sums: usize, sumBytes: i32): void {
  let c0 = i32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let c4 = c0;
  let c5 = c0;
  let c6 = c0;
  let c7 = c0;
  for (const end = offsets + steps * 4; offsets < end; offsets += 4, w += 16) {
    const p = b + load<i32>(offsets);
    const b0 = v128.load(p);
    const b1 = v128.load(p, 16);
    let v = v128.load_splat<i32>(w);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v, b0));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v, b1));
    v = v128.load_splat<i32>(w, 4);
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(v, b0));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(v, b1));
    v = v128.load_splat<i32>(w, 8);
    c4 = i32x4.add(c4, i32x4.dot_i16x8_s(v, b0));
    c5 = i32x4.add(c5, i32x4.dot_i16x8_s(v, b1));
    v = v128.load_splat<i32>(w, 12);
    c6 = i32x4.add(c6, i32x4.dot_i16x8_s(v, b0));
    c7 = i32x4.add(c7, i32x4.dot_i16x8_s(v, b1));
  }
  v128.store(sums, c0);
  v128.store(sums, c1, 16);
  v128.store((sums += sumBytes), c2);
  v128.store(sums, c3, 16);
  v128.store((sums += sumBytes), c4);
  v128.store(sums, c5, 16);
  v128.store((sums += sumBytes), c6);
  v128.store(sums, c7, 16);
}

/** The last four pixels or fewer of a row. */
export function tile4x4(b: usize, offsets: usize, steps: i32, w: usize, sums: usize, sumBytes: i32): void {
  let c0 = i32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  for (const end = offsets + steps * 4; offsets < end; offsets += 4, w += 16) {
    const b0 = v128.load(b + load<i32>(offsets));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v128.load_splat<i32>(w), b0));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v128.load_splat<i32>(w, 4), b0));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(v128.load_splat<i32>(w, 8), b0));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(v128.load_splat<i32>(w, 12), b0));
  }
  v128.store(sums, c0);
  v128.store((sums += sumBytes), c1);
  v128.store((sums += sumBytes), c2);
  v128.store((sums += sumBytes), c3);
}

/** One channel, sixteen pixels. */
export function tile1x16(b: usize, offsets: usize, steps: i32, w: usize, sums: usize): void {
  let c0 = i32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  for (const end = offsets + steps * 4; offsets < end; offsets += 4, w += 4) {
    const p = b + load<i32>(offsets);
    const v = v128.load_splat<i32>(w);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v, v128.load(p)));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v, v128.load(p, 16)));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(v, v128.load(p, 32)));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(v, v128.load(p, 48)));
  }
  v128.store(sums, c0);
  v128.store(sums, c1, 16);
  v128.store(sums, c2, 32);
  v128.store(sums, c3, 48);
}
