/**
 * @file The element-wise half of LSTM and GRU steps with sigmoid and tanh; the products are `f32_linear`'s. A gate takes `hidden` floats in a row of the input's sums, and as many as are
 * whole panels in a row of the state's sums, as the packed recurrence gives them.
 */
import { PANEL } from "./gemm";
import { sigmoid4, tanh4 } from "./math";
import { load4, store4 } from "./vector";

/** Bytes of a gate in a row of the state's sums. */
// @ts-ignore: decorator
@inline
function padded(hidden: i32): usize {
  return <usize>((hidden + PANEL - 1) & -PANEL) << 2;
}

/** Gates i, o, f, c of `[rows, 4, hidden]` plus those of `[rows, 4, padded]`: c `[rows, hidden]` in place, h `[rows, hidden]`. */
export function f32_lstm_gates(x: usize, state: usize, c: usize, h: usize, rows: i32, hidden: i32): void {
  const gate = <usize>hidden << 2;
  const pad = padded(hidden);
  for (; rows > 0; rows--, x += 3 * gate, state += 4 * pad) {
    let s = state;
    for (let n = hidden; n > 0; n -= 4, s += 16) {
      const i = sigmoid4(f32x4.add(load4(x, n), v128.load(s)));
      const o = sigmoid4(f32x4.add(load4(x + gate, n), v128.load(s + pad)));
      const f = sigmoid4(f32x4.add(load4(x + 2 * gate, n), v128.load(s + 2 * pad)));
      const g = tanh4(f32x4.add(load4(x + 3 * gate, n), v128.load(s + 3 * pad)));
      const v = f32x4.add(f32x4.mul(f, load4(c, n)), f32x4.mul(i, g));
      store4(c, v, n);
      store4(h, f32x4.mul(o, tanh4(v)), n);
      const width = <usize>min(n, 4) << 2;
      x += width;
      c += width;
      h += width;
    }
  }
}

/** Gates z and r: z stays in `state [rows, 2, padded]`, to `[rows, hidden]` <- r * from `[rows, hidden]`. */
export function f32_gru_reset(x: usize, state: usize, from: usize, to: usize, rows: i32, hidden: i32): void {
  const gate = <usize>hidden << 2;
  const pad = padded(hidden);
  for (; rows > 0; rows--, x += 2 * gate, state += 2 * pad) {
    let s = state;
    for (let n = hidden; n > 0; n -= 4, s += 16) {
      v128.store(s, sigmoid4(f32x4.add(load4(x, n), v128.load(s))));
      const r = sigmoid4(f32x4.add(load4(x + gate, n), v128.load(s + pad)));
      store4(to, f32x4.mul(r, load4(from, n)), n);
      const width = <usize>min(n, 4) << 2;
      x += width;
      from += width;
      to += width;
    }
  }
}

/** y `[rows, hidden]` <- (1 - z) tanh(x's third gate + candidate `[rows, hidden]`) + z h. */
export function f32_gru_update(x: usize, state: usize, candidate: usize, h: usize, y: usize, rows: i32, hidden: i32): void {
  const gate = <usize>hidden << 2;
  for (; rows > 0; rows--, x += 2 * gate, state += 2 * padded(hidden)) {
    let s = state;
    for (let n = hidden; n > 0; n -= 4, s += 16) {
      const z = v128.load(s);
      const v = tanh4(f32x4.add(load4(x + 2 * gate, n), load4(candidate, n)));
      const fresh = f32x4.mul(f32x4.sub(f32x4.splat(1), z), v);
      store4(y, f32x4.add(fresh, f32x4.mul(z, load4(h, n))), n);
      const width = <usize>min(n, 4) << 2;
      x += width;
      candidate += width;
      h += width;
      y += width;
    }
  }
}
