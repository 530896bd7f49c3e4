/**
 * @file Reductions and softmax along one axis of x seen as `[outer, axis, inner]`.
 *
 * With inner = 1 a row is summed in sixteen partial sums (four vectors), which is both fast and closer to the exact sum than one chain;
 * with inner > 1 whole rows are accumulated into the result row. The order is fixed by the shape alone. Maxima give NaN if any value is.
 */
import { exp4, log4 } from "./math";
import { load4, maxLanes, store4, sumLanes } from "./vector";

function fill(y: usize, n: i32, value: f32): void {
  const v = f32x4.splat(value);
  for (; n > 0; n -= 4, y += 16) store4(y, v, n);
}

function sumRow(x: usize, n: i32): f32 {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (; n >= 16; n -= 16, x += 64) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
    c = f32x4.add(c, v128.load(x, 32));
    d = f32x4.add(d, v128.load(x, 48));
  }
  for (; n > 0; n -= 4, x += 16) a = f32x4.add(a, load4(x, n));
  return sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

function maxRow(x: usize, n: i32): f32 {
  let m = f32x4.splat(-Infinity);
  for (; n >= 4; n -= 4, x += 16) m = f32x4.max(m, v128.load(x));
  let best = maxLanes(m);
  for (; n > 0; n--, x += 4) best = f32.max(best, load<f32>(x));
  return best;
}

function minRow(x: usize, n: i32): f32 {
  let m = f32x4.splat(-Infinity);
  for (; n >= 4; n -= 4, x += 16) m = f32x4.max(m, f32x4.neg(v128.load(x)));
  let best = -maxLanes(m);
  for (; n > 0; n--, x += 4) best = f32.min(best, load<f32>(x));
  return best;
}

const ADD: i32 = 0;
const MAX: i32 = 1;
const MIN: i32 = 2;

/** y `[inner]` +=, max= or min= each of `rows` rows of x. */
function accumulateRows(x: usize, y: usize, rows: i32, inner: i32, op: i32): void {
  for (; rows > 0; rows--) {
    let to = y;
    for (let n = inner; n > 0; n -= 4, to += 16) {
      const old = load4(to, n);
      const next = load4(x, n);
      store4(to, op === MAX ? f32x4.max(old, next) : op === MIN ? f32x4.min(old, next) : f32x4.add(old, next), n);
      x += <usize>min(n, 4) << 2;
    }
  }
}

/** y `[outer, inner]` <- sum over the axis; an empty axis gives 0. */
export function f32_reduce_sum(x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  const step = <usize>(axis * inner) << 2;
  for (; outer > 0; outer--, x += step, y += <usize>inner << 2) {
    if (inner === 1) store<f32>(y, sumRow(x, axis));
    else {
      fill(y, inner, 0);
      accumulateRows(x, y, axis, inner, ADD);
    }
  }
}

/** y `[outer, inner]` <- sum over the axis divided by its length; an empty axis gives NaN. */
export function f32_reduce_mean(x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  f32_reduce_sum(x, y, outer, axis, inner);
  const count = f32x4.splat(<f32>axis);
  for (let n = outer * inner; n > 0; n -= 4, y += 16) store4(y, f32x4.div(load4(y, n), count), n);
}

/** y `[outer, inner]` <- maximum over the axis; an empty axis gives -inf. */
export function f32_reduce_max(x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  const step = <usize>(axis * inner) << 2;
  for (; outer > 0; outer--, x += step, y += <usize>inner << 2) {
    if (inner === 1) store<f32>(y, maxRow(x, axis));
    else {
      fill(y, inner, -Infinity);
      accumulateRows(x, y, axis, inner, MAX);
    }
  }
}

/** y `[outer, inner]` <- minimum over the axis; an empty axis gives inf. */
export function f32_reduce_min(x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  const step = <usize>(axis * inner) << 2;
  for (; outer > 0; outer--, x += step, y += <usize>inner << 2) {
    if (inner === 1) store<f32>(y, minRow(x, axis));
    else {
      fill(y, inner, Infinity);
      accumulateRows(x, y, axis, inner, MIN);
    }
  }
}

/** y `[outer, inner]` <- product over the axis, in f64 between; an empty axis gives 1. */
export function f32_reduce_prod(x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  for (; outer > 0; outer--, x += <usize>(axis * inner) << 2) {
    for (let i = 0; i < inner; i++, y += 4) {
      let product: f64 = 1;
      for (let k = 0; k < axis; k++) product *= <f64>load<f32>(x + (<usize>(k * inner + i) << 2));
      store<f32>(y, <f32>product);
    }
  }
}

/** Softmax of one contiguous row. */
function softmaxRow(x: usize, y: usize, axis: i32, log: bool): void {
  const top = f32x4.splat(maxRow(x, axis));
  let to = y;
  let sums = f32x4.splat(0);
  let sum: f32 = 0;
  for (let n = axis; n > 0; n -= 4, x += 16, to += 16) {
    const shifted = f32x4.sub(load4(x, n), top);
    const e = exp4(shifted);
    store4(to, log ? shifted : e, n);
    if (n >= 4) sums = f32x4.add(sums, e);
    else sum = partialSum(e, n);
  }
  const total = f32x4.splat(sumLanes(sums) + sum);
  const shift = log ? log4(total) : total;
  for (let n = axis; n > 0; n -= 4, y += 16) {
    const v = load4(y, n);
    store4(y, log ? f32x4.sub(v, shift) : f32x4.div(v, shift), n);
  }
}

/** Sum of the first n (1..3) lanes. */
function partialSum(v: v128, n: i32): f32 {
  let sum = f32x4.extract_lane(v, 0);
  if (n > 1) sum += f32x4.extract_lane(v, 1);
  if (n > 2) sum += f32x4.extract_lane(v, 2);
  return sum;
}

/** Softmax down four neighbouring columns (n of them real) that are `step` bytes apart per position of the axis. */
function softmaxColumns(x: usize, y: usize, axis: i32, step: usize, n: i32, log: bool): void {
  let top = f32x4.splat(-Infinity);
  for (let a = 0; a < axis; a++) top = f32x4.max(top, load4(x + a * step, n));
  let total = f32x4.splat(0);
  for (let a = 0; a < axis; a++) {
    const shifted = f32x4.sub(load4(x + a * step, n), top);
    const e = exp4(shifted);
    store4(y + a * step, log ? shifted : e, n);
    total = f32x4.add(total, e);
  }
  if (log) total = log4(total);
  for (let a = 0; a < axis; a++) {
    const v = load4(y + a * step, n);
    store4(y + a * step, log ? f32x4.sub(v, total) : f32x4.div(v, total), n);
  }
}

function softmax(x: usize, y: usize, outer: i32, axis: i32, inner: i32, log: bool): void {
  const step = <usize>inner << 2;
  for (; outer > 0; outer--, x += step * axis, y += step * axis) {
    if (inner === 1) softmaxRow(x, y, axis, log);
    else for (let i = 0; i < inner; i += 4) softmaxColumns(x + (i << 2), y + (i << 2), axis, step, inner - i, log);
  }
}

/** y <- e^(x - max) / sum along the axis. May run in place. A row of -inf only gives NaN, as in ONNX Runtime. */
export function f32_softmax(x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  softmax(x, y, outer, axis, inner, false);
}

/** y <- (x - max) - log(sum of e^(x - max)) along the axis. May run in place. */
export function f32_log_softmax(x: usize, y: usize, outer: i32, axis: i32, inner: i32): void {
  softmax(x, y, outer, axis, inner, true);
}
