/**
 * @file Arithmetic, comparison, reductions and running sums of integers of any width, and of truth values as bytes: elements are widened to 64 bits, computed with there and cut
 * when they are stored, which is what wrapping means. One loop per shape of the work with the dtype and the operation as codes: a loop for each dtype and operation would be
 * faster and many times the code, and networks compute little with integers besides quantized layers, which have kernels of their own.
 *
 * Kinds: 2 log2(bytes) + (unsigned ? 1 : 0), 8 bool. Codes: 0 add, 1 sub, 2 mul, 3 div, 4 min, 5 max, 6 pow, 7 mod, 8 fmod, 9 and, 10 or, 11 xor, 12 equal, 13 less, 14 greater.
 */
const I8: i32 = 0;
const U64: i32 = 7;
const BOOL: i32 = 8;
const MUL: i32 = 2;
const MIN: i32 = 4;
const AND: i32 = 9;
const OR: i32 = 10;
const XOR: i32 = 11;
const FIRST_COMPARISON: i32 = 12;

// @ts-ignore: decorator
@inline
function shiftOf(kind: i32): i32 {
  return kind === BOOL ? 0 : kind >> 1;
}

export function get(kind: i32, p: usize): i64 {
  switch (kind) {
    case I8: return load<i8>(p);
    case 2: return load<i16>(p);
    case 3: return load<u16>(p);
    case 4: return load<i32>(p);
    case 5: return load<u32>(p);
    case 6:
    case U64: return load<i64>(p);
    default: return load<u8>(p);
  }
}

export function set(kind: i32, p: usize, value: i64): void {
  switch (shiftOf(kind)) {
    case 0: store<u8>(p, <u8>value); break;
    case 1: store<u16>(p, <u16>value); break;
    case 2: store<u32>(p, <u32>value); break;
    default: store<i64>(p, value);
  }
}

/** a < b, of the widest unsigned integers by their bits. */
function isLess(kind: i32, a: i64, b: i64): bool {
  return kind === U64 ? <u64>a < <u64>b : a < b;
}

/** Truncated; 0 by 0. The smallest integer by -1 wraps instead of trapping. */
function quotient(kind: i32, a: i64, b: i64): i64 {
  if (b === 0) return 0;
  if (kind === U64) return <i64>(<u64>a / <u64>b);
  return b === -1 ? -a : a / b;
}

/** By squaring. Negative powers of anything but 1 and -1 truncate to 0. */
function power(kind: i32, a: i64, b: i64): i64 {
  if (b < 0 && kind !== U64) return a === 1 ? 1 : a !== -1 ? 0 : (b & 1) !== 0 ? -1 : 1;
  let result: i64 = 1;
  for (; b !== 0; b = <i64>(<u64>b >> 1), a *= a) if ((b & 1) !== 0) result *= a;
  return result;
}

function remainder(kind: i32, a: i64, b: i64, withSignOfDivisor: bool): i64 {
  const rest = b === 0 ? 0 : a - quotient(kind, a, b) * b;
  return withSignOfDivisor && kind !== U64 && rest !== 0 && (rest ^ b) < 0 ? rest + b : rest;
}

export function apply(op: i32, kind: i32, a: i64, b: i64): i64 {
  switch (op) {
    case 0: return a + b;
    case 1: return a - b;
    case MUL: return a * b;
    case 3: return quotient(kind, a, b);
    case MIN: return isLess(kind, b, a) ? b : a;
    case 5: return isLess(kind, a, b) ? b : a;
    case 6: return power(kind, a, b);
    case 7: return remainder(kind, a, b, true);
    case 8: return remainder(kind, a, b, false);
    case AND: return a & b;
    case OR: return a | b;
    case XOR: return a ^ b;
    case FIRST_COMPARISON: return <i64>(a === b);
    case 13: return <i64>isLess(kind, a, b);
    default: return <i64>isLess(kind, b, a);
  }
}

/** And, or, xor of whole vectors of bytes, whatever their elements are: masks are large. Returns how many bytes are done. */
function bitwise(op: i32, a: usize, b: usize, y: usize, bytes: i32): i32 {
  let done = 0;
  for (; done + 16 <= bytes; done += 16) {
    const p = v128.load(a + done);
    const q = v128.load(b + done);
    v128.store(y + done, op === AND ? v128.and(p, q) : op === OR ? v128.or(p, q) : v128.xor(p, q));
  }
  return done;
}

/** y[i] <- op(a[i aStep], b[i bStep]), of two integers of a kind; comparisons give bytes 0 and 1. */
export function int_binary(op: i32, kind: i32, a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32): void {
  const shift = shiftOf(kind);
  if (op >= AND && op <= XOR && aStep === 1 && bStep === 1) {
    const done = bitwise(op, a, b, y, n << shift);
    a += done;
    b += done;
    y += done;
    n -= done >> shift;
  }
  const to = op >= FIRST_COMPARISON ? BOOL : kind;
  const step = <usize>1 << shiftOf(to);
  for (; n > 0; n--, a += aStep << shift, b += bStep << shift, y += step) set(to, y, apply(op, kind, get(kind, a), get(kind, b)));
}

/** y[i] <- 0 neg, 1 abs, 2 sign, 3 not of x[i]. */
export function int_unary(op: i32, kind: i32, x: usize, y: usize, n: i32): void {
  const step = <usize>1 << shiftOf(kind);
  const mask: i64 = kind === BOOL ? 1 : -1;
  for (; n > 0; n--, x += step, y += step) {
    const v = get(kind, x);
    const below = v < 0 && kind !== U64;
    const result = op === 0 ? -v : op === 1 ? (below ? -v : v) : op === 2 ? (below ? -1 : <i64>(v !== 0)) : v ^ mask;
    set(kind, y, result);
  }
}

/** y[i] <- c[i cStep] ? a[i aStep] : b[i bStep]; c are bytes, the others elements of 2^shift bytes. */
export function where_run(shift: i32, c: usize, cStep: i32, a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32): void {
  const kind = 2 * shift;
  for (; n > 0; n--, c += cStep, a += aStep << shift, b += bStep << shift, y += <usize>1 << shift) {
    set(kind, y, get(kind, load<u8>(c) !== 0 ? a : b));
  }
}

/** What the reduction of nothing gives: for min the largest, for max the smallest of the kind. */
function start(op: i32, kind: i32): i64 {
  if (op < MIN) return op === MUL ? 1 : 0;
  if (kind === BOOL) return op === MIN ? 1 : 0;
  const signed = (kind & 1) === 0;
  const bits = 8 << (kind >> 1);
  const largest = <i64>((signed ? <u64>i64.MAX_VALUE : u64.MAX_VALUE) >> (64 - bits));
  return op === MIN ? largest : signed ? ~largest : 0;
}

/** y `[outer, inner]` <- add, mul, min or max over the axis of x `[outer, axis, inner]`. */
export function int_reduce(op: i32, kind: i32, x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  const shift = shiftOf(kind);
  const row = <usize>inner << shift;
  const plane = <usize>(axis * inner) << shift;
  for (; outer > 0; outer--, x += plane) {
    for (let i = 0; i < inner; i++, y += <usize>1 << shift) {
      let total = start(op, kind);
      let from = x + (<usize>i << shift);
      for (let k = 0; k < axis; k++, from += row) total = apply(op, kind, total, get(kind, from));
      set(kind, y, total);
    }
  }
}

/** y `[outer, inner]` i64 <- index of the first, or last, maximum along the axis. */
export function int_argmax(last: bool, kind: i32, x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  const shift = shiftOf(kind);
  for (; outer > 0; outer--, x += <usize>(axis * inner) << shift) {
    for (let i = 0; i < inner; i++, y += 8) {
      let from = x + (<usize>i << shift);
      let top = get(kind, from);
      let best: i64 = 0;
      for (let k = 1; k < axis; k++) {
        from += <usize>inner << shift;
        const v = get(kind, from);
        if (isLess(kind, v, top) || (v === top && !last)) continue;
        best = k;
        top = v;
      }
      store<i64>(y, best);
    }
  }
}

/**
 * y <- running sums (op 0) or products (op 2) of x `[outer, axis, inner]` along the axis; `reverse` from its end, `exclusive` without the element itself. Kind 9 is f32, whose
 * total is kept in f64.
 */
export function cumulate(op: i32, kind: i32, exclusive: bool, reverse: bool, x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  const float = kind === 9;
  const shift = float ? 2 : shiftOf(kind);
  const end = reverse ? (axis - 1) * inner : 0;
  const step = reverse ? -inner : inner;
  for (let row = 0; row < outer * inner; row++) {
    let at = (row / inner) * axis * inner + (row % inner) + end;
    let total: i64 = op === MUL ? 1 : 0;
    let sum = <f64>total;
    for (let k = 0; k < axis; k++, at += step) {
      const from = x + (<usize>at << shift);
      const to = y + (<usize>at << shift);
      if (float) {
        const v = <f64>load<f32>(from);
        const next = op === MUL ? sum * v : sum + v;
        store<f32>(to, <f32>(exclusive ? sum : next));
        sum = next;
      } else {
        const next = apply(op, kind, total, get(kind, from));
        set(kind, to, exclusive ? total : next);
        total = next;
      }
    }
  }
}
