/**
 * @file Integer convolution, NCHW, one or two spatial axes, any stride, dilation and groups; no im2col.
 *
 * The image is widened once to 16 bits, centred, padded, and with two values side by side: channels 2p and 2p + 1 of a pixel, or, where a
 * group has one channel, the rows that two taps of the kernel read. `i32x4.dot_i16x8_s` takes both at once. Columns of a strided convolution are
 * sorted by phase, so that neighbouring results always read neighbouring pairs, and every tap is one offset into the widened rows (the
 * indirection buffer of Dukhan, "The Indirect Convolution Algorithm", 2019, with offsets in place of pointers). Rows are widened in blocks
 * and chunks of columns that stay in the first-level cache. Weights are `[O/4][steps][4][2]` 16-bit: one step of four channels is a 16-byte line. A tile is four channels by
 * eight pixels: eight accumulators, two pairs of the image, one broadcast weight.
 */
import { pack, stepsOf } from "./intpack";
import { centred1, fillVectors, requantizeRow } from "./intrequant";
import { tile1x16, tile4x4, tile4x8 } from "./inttile";

/** Bytes of widened image to work on at a time. */
const BLOCK: i32 = 32768;
/** What tiles read and rows write beyond the last row. */
const SLACK: i32 = 128;
/** Most columns of results at a time. */
const CHUNK: i32 = 256;

// The geometry of the current call: set by `shape`, the same for every image and group of it.
let channels: i32 = 0;
let height: i32 = 0;
let width: i32 = 0;
let outs: i32 = 0;
let kernelY: i32 = 0;
let kernelX: i32 = 0;
let outY: i32 = 0;
let outX: i32 = 0;
let strideY: i32 = 0;
let strideX: i32 = 0;
let padY: i32 = 0;
let padX: i32 = 0;
let dilationY: i32 = 0;
let dilationX: i32 = 0;
/** Bytes between channels of x and of y, and rows of y. */
let planeX: i32 = 0;
let planeY: i32 = 0;
let rowY: i32 = 0;
let signFlip: i32 = 0;
let inputZero: i32 = 0;
let outputZero: i32 = 0;
let least: i32 = 0;
let most: i32 = 0;
let multipliers: usize = 0;
let shifts: usize = 0;
let scaleStep: i32 = 0;
let biases: usize = 0;

// What `derive` makes of it.
let byRows: bool = false;
let planes: i32 = 0;
let steps: i32 = 0;
let phases: i32 = 0;
let columns: i32 = 0;
let rowBytes: i32 = 0;
let rowsPerOut: i32 = 0;
let inPerRow: i32 = 0;
let reach: i32 = 0;
let blockOuts: i32 = 0;
let planeBytes: i32 = 0;
/** Bytes of a row of sums of one channel. */
let sumBytes: i32 = 0;

function derive(): void {
  byRows = channels === 1;
  planes = byRows ? 1 : (channels + 1) >> 1;
  steps = stepsOf(channels, kernelY, kernelX);
  phases = kernelX === 1 ? 1 : strideX;
  columns = outX + ((kernelX - 1) * dilationX) / strideX;
  rowBytes = phases * columns * 4;
  rowsPerOut = kernelY === 1 ? 1 : strideY;
  inPerRow = kernelY === 1 ? strideY : 1;
  reach = (kernelY - 1) * dilationY + 1;
  const fitting = BLOCK / (planes * rowBytes);
  blockOuts = max(1, min(outY, fitting > reach ? (fitting - reach) / rowsPerOut + 1 : 1));
  planeBytes = ((blockOuts - 1) * rowsPerOut + reach) * rowBytes;
  sumBytes = ((outX + 15) & ~15) * 4;
}

function blockBytes(): i32 {
  return ((steps * 4 + 15) & ~15) + 4 * sumBytes + planes * planeBytes + SLACK;
}

/** Where each step's pairs lie, from the pairs of the first tap on. */
function writeOffsets(to: usize): void {
  const rows = byRows ? (kernelY + 1) >> 1 : kernelY;
  const rowStep = (byRows ? 2 : 1) * dilationY * rowBytes;
  for (let p = 0; p < planes; p++) {
    for (let ky = 0; ky < rows; ky++) {
      for (let kx = 0; kx < kernelX; kx++, to += 4) {
        const x = kx * dilationX;
        store<i32>(to, p * planeBytes + ky * rowStep + ((x % strideX) * columns + x / strideX) * 4);
      }
    }
  }
}

/** Eight centred values, `step` (1 or 2) bytes apart; zeros for a row that is not there. */
// @ts-ignore: decorator
@inline
function centred8(row: usize, at: i32, step: i32, flip: v128, zero: v128): v128 {
  if (!row) return i16x8.splat(0);
  let bytes: v128;
  if (step === 1) bytes = v128.load64_zero(row + at);
  else {
    const both = v128.load(row + at);
    bytes = i8x16.shuffle(both, both, 0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);
  }
  return i16x8.sub(i16x8.extend_low_i8x16_s(v128.xor(bytes, flip)), zero);
}

/** Pairs of one row and phase: columns ix, ix + strideX ... of both rows; zeros outside the image. */
function widenRow(to: usize, first: usize, second: usize, ix: i32): void {
  const q0 = ix < 0 ? min(columns, (-ix + strideX - 1) / strideX) : 0;
  const q1 = max(q0, min(columns, width > ix ? (width - ix + strideX - 1) / strideX : 0));
  if (!first && !second) {
    fillVectors(to, columns * 4, 0);
    return;
  }
  for (let i = 0; i < q0; i++) store<i32>(to + i * 4, 0);
  let q = q0;
  let at = ix + q0 * strideX;
  if (strideX <= 2) {
    const flip = i8x16.splat(<i8>signFlip);
    const zero = i16x8.splat(<i16>inputZero);
    for (; q + 8 <= q1 && at + 8 * strideX <= width; q += 8, at += 8 * strideX) {
      const a = centred8(first, at, strideX, flip, zero);
      const b = centred8(second, at, strideX, flip, zero);
      v128.store(to + q * 4, i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(to + q * 4, i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    }
  }
  for (; q < q1; q++, at += strideX) {
    const a = first ? centred1(first + at, signFlip, inputZero) : 0;
    const b = second ? centred1(second + at, signFlip, inputZero) : 0;
    store<i32>(to + q * 4, (a & 0xffff) | (b << 16));
  }
  for (; q < columns; q++) store<i32>(to + q * 4, 0);
}

/** Address of a row of the image, 0 outside it. */
// @ts-ignore: decorator
@inline
function rowAt(plane: usize, y: i32): usize {
  return <u32>y < <u32>height ? plane + y * width : 0;
}

/** The rows that the results of `rows` rows from `oy` on read. */
function widenBlock(x: usize, to: usize, oy: i32, rows: i32): void {
  const count = (rows - 1) * rowsPerOut + reach;
  for (let p = 0; p < planes; p++) {
    const plane = x + 2 * p * planeX;
    const paired = byRows || 2 * p + 1 < channels;
    for (let r = 0; r < count; r++) {
      const y = oy * strideY + r * inPerRow - padY;
      const second = !paired ? 0 : byRows ? rowAt(plane, y + dilationY) : rowAt(plane + planeX, y);
      for (let phase = 0; phase < phases; phase++) {
        widenRow(to + p * planeBytes + r * rowBytes + phase * columns * 4, rowAt(plane, y), second, phase - padX);
      }
    }
  }
}

/** A row of sums of output channel `o` to results. */
function finishRow(sums: usize, o: i32, y: usize): void {
  const at = o * scaleStep;
  const start = biases ? load<i32>(biases + o * 4) : 0;
  requantizeRow(sums, start, y, outX, load<i32>(multipliers + at), load<i32>(shifts + at) & 63, outputZero, least, most);
}

/** One row of results of up to four channels, weights in tiles of four. */
function row4(b: usize, offsets: usize, w: usize, sums: usize, first: i32, last: i32, y: usize): void {
  for (let x = 0; x < outX; x += 8) {
    if (outX - x > 4) tile4x8(b + x * 4, offsets, steps, w, sums + x * 4, sumBytes);
    else tile4x4(b + x * 4, offsets, steps, w, sums + x * 4, sumBytes);
  }
  for (let o = first; o < last; o++, sums += sumBytes, y += planeY) finishRow(sums, o, y);
}

function row1(b: usize, offsets: usize, w: usize, sums: usize, o: i32, y: usize): void {
  for (let x = 0; x < outX; x += 16) tile1x16(b + x * 4, offsets, steps, w, sums + x * 4);
  finishRow(sums, o, y);
}

/** All results of one image and group; output channels are counted from `o0` on in bias and scales. */
function convolve(x: usize, w: usize, y: usize, scratch: usize, o0: i32, tile: i32): void {
  const offsets = scratch;
  const sums = scratch + ((steps * 4 + 15) & ~15);
  const image = sums + 4 * sumBytes;
  for (let oy = 0; oy < outY; oy += blockOuts) {
    const rows = min(blockOuts, outY - oy);
    widenBlock(x, image, oy, rows);
    for (let r = 0; r < rows; r++) {
      const b = image + r * rowsPerOut * rowBytes;
      const to = y + (oy + r) * rowY;
      for (let o = 0; o < outs; o += tile) {
        const weights = w + o * steps * 4;
        if (tile === 4) row4(b, offsets, weights, sums, o0 + o, o0 + min(outs, o + 4), to + o * planeY);
        else row1(b, offsets, weights, sums, o0 + o, to + o * planeY);
      }
    }
  }
}

function shape(
  c: i32, h: i32, w: i32, o: i32, kh: i32, kw: i32, oh: i32, ow: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32,
): void {
  channels = c;
  height = h;
  width = w;
  outs = o;
  kernelY = kh;
  kernelX = kw;
  outY = oh;
  outX = ow;
  strideY = sh;
  strideX = sw;
  padY = pt;
  padX = pl;
  dilationY = dh;
  dilationX = dw;
  planeX = h * w;
  planeY = oh * ow;
  rowY = ow;
  if (kh === 1 && kw === 1 && sh === 1 && sw === 1 && pt === 0 && pl === 0 && oh === h && ow === w) {
    // A 1x1 convolution that skips nothing sees the image as one long row.
    outX = width = rowY = planeX;
    outY = height = 1;
  }
}

/** Columns of results at a time: as many as keep the widened rows of one of them in a block. */
function chunkOf(): i32 {
  const planesOf = channels === 1 ? 1 : (channels + 1) >> 1;
  const fitting = BLOCK / (planesOf * ((kernelY - 1) * dilationY + 1) * 4);
  return min(outX, max(32, min(CHUNK, fitting & ~15)));
}

/** Columns `first .. first + count - 1` of the results become all there are; `padX0` is the padding of the first column. */
function chunk(first: i32, count: i32, padX0: i32): void {
  outX = count;
  padX = padX0 - first * strideX;
  derive();
}

/** Bytes of scratch that any chunk takes: the last, narrower one may have more rows. */
function mostBytes(): i32 {
  const total = outX;
  const step = chunkOf();
  chunk(0, step, 0);
  const whole = blockBytes();
  if (total % step === 0) return whole;
  chunk(0, total % step, 0);
  return max(whole, blockBytes());
}

/** Bytes of scratch that `i8_conv2d` needs. */
export function i8_conv2d_scratch(
  c: i32, h: i32, w: i32, o: i32, kh: i32, kw: i32, oh: i32, ow: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32,
): i32 {
  shape(c, h, w, o, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw);
  return mostBytes();
}

/** How x is read and results are made: flip and zero point of x, bias, scales (`step` bytes apart), zero point and clamp of y. */
function scaling(
  bias: usize, multiplier: usize, shift: usize, step: i32, flip: i32, xZero: i32, yZero: i32, lo: i32, hi: i32,
): void {
  biases = bias;
  multipliers = multiplier;
  shifts = shift;
  scaleStep = step;
  signFlip = flip;
  inputZero = xZero;
  outputZero = yZero;
  least = lo;
  most = hi;
}

/**
 * y `[N, O, OH, OW]` <- requantized conv(x `[N, C, H, W]`, weight `[O, C, KH, KW]` packed by `i8_pack_conv`) + bias `[O]` i32. `multiplier` and
 * `shift` are i32, `scale` bytes apart per channel (0: one for all). u8 x: flip = 128 and a zero point 128 lower, else flip = 0.
 */
export function i8_conv2d(
  x: usize, packed: usize, bias: usize, multiplier: usize, shift: usize, scale: i32, y: usize, scratch: usize,
  n: i32, c: i32, h: i32, w: i32, o: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, flip: i32, xZero: i32, yZero: i32, lo: i32, hi: i32,
): void {
  scaling(bias, multiplier, shift, scale, flip, xZero, yZero, lo, hi);
  shape(c, h, w, o, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw);
  const total = outX;
  const step = chunkOf();
  for (let first = 0; first < total; first += step) {
    chunk(first, min(step, total - first), pl);
    writeOffsets(scratch);
    for (let image = 0; image < n; image++) {
      convolve(x + image * c * planeX, packed, y + image * o * planeY + first, scratch, 0, 4);
    }
  }
}

/** Bytes of the packed weights of one group. */
function packedBytes(): i32 {
  return (((outs + 3) & ~3) * stepsOf(channels, kernelY, kernelX) * 4 + 15) & ~15;
}

/** Channels of a weight tile: depthwise convolutions make one result per group. */
function tileOf(outsOfGroup: i32): i32 {
  return outsOfGroup === 1 ? 1 : 4;
}

/** Bytes of scratch that `i8_conv2d_grouped` needs: the packed weights of a group, then as above. */
export function i8_conv2d_grouped_scratch(
  c: i32, h: i32, w: i32, o: i32, kh: i32, kw: i32, oh: i32, ow: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, groups: i32,
): i32 {
  shape(c / groups, h, w, o / groups, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw);
  return packedBytes() + mostBytes();
}

/** `i8_conv2d` with weight `[O, C/groups, KH, KW]` as it stands: each group's is packed into scratch. Depthwise ones are groups of one channel. */
export function i8_conv2d_grouped(
  x: usize, weight: usize, bias: usize, multiplier: usize, shift: usize, scale: i32, y: usize, scratch: usize,
  n: i32, c: i32, h: i32, w: i32, o: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, groups: i32, flip: i32, xZero: i32, yZero: i32, lo: i32, hi: i32,
): void {
  scaling(bias, multiplier, shift, scale, flip, xZero, yZero, lo, hi);
  shape(c / groups, h, w, o / groups, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw);
  const room = scratch + packedBytes();
  const tile = tileOf(outs);
  const total = outX;
  const step = chunkOf();
  for (let g = 0; g < groups; g++) {
    pack(weight + g * outs * channels * kh * kw, scratch, outs, channels, kh, kw, tile);
    for (let first = 0; first < total; first += step) {
      chunk(first, min(step, total - first), pl);
      if (g === 0 || step < total) writeOffsets(room);
      for (let image = 0; image < n; image++) {
        convolve(x + (image * c + g * channels) * planeX, scratch, y + (image * o + g * outs) * planeY + first, room, g * outs, tile);
      }
    }
  }
}
