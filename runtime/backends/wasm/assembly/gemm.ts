/**
 * @file Single-precision matrix product: packing into panels of 16 columns and the 2x16 micro-kernel.
 *
 * The idea is the packed-panel GEMM of Goto and van de Geijn ("Anatomy of High-Performance Matrix Multiplication", 2008), cut to what 16
 * SIMD registers hold: eight accumulators, four values of B, one broadcast value of A. B is packed as `[N/16][K][16]` (columns beyond N are
 * zeros); A is read in place, row-major. Not blocked over K: each output is one sum in the order of k, whatever M and N are, so a batch of
 * one gives the same bits as a batch of many.
 *
 * The never-taken `break`s between unrolled steps keep V8 11.x from hoisting the loads of all four steps to the top and spilling
 * (55 instead of 34 Gflop/s on the machine it was found on); newer V8 is not hurt. Each compares with another constant, or they merge.
 */
import { activate4, load4, madd4, store4 } from "./vector";

/** Columns of a panel, and bytes of one step of k in it. */
export const PANEL: i32 = 16;
const STEP: usize = 64;
/** Rows of A that stay in the second-level cache while the panels stream past; even, so that the 2-row tile never straddles. */
const ROW_BLOCK: i32 = 64;

/** Bytes of the packed form of a `[K, N]` or transposed `[N, K]` matrix. */
export function f32_pack_linear_size(n: i32, k: i32): i32 {
  return ((n + PANEL - 1) / PANEL) * k * <i32>STEP;
}

/** packed <- W `[N, K]`, so that `f32_linear` computes `x * W^T`. */
export function f32_pack_linear(w: usize, packed: usize, n: i32, k: i32): void {
  memory.fill(packed, 0, f32_pack_linear_size(n, k));
  for (let j = 0; j < n; j++) {
    let to = packed + <usize>(j / PANEL) * k * STEP + ((j % PANEL) << 2);
    for (let i = 0; i < k; i++, w += 4, to += STEP) store<f32>(to, load<f32>(w));
  }
}

/** packed <- B `[K, N]`, so that `f32_linear` computes `x * B`. */
export function f32_pack_matmul(b: usize, packed: usize, k: i32, n: i32): void {
  for (let j = 0; j < n; j += PANEL) {
    let from = b + (<usize>j << 2);
    for (let i = 0; i < k; i++, from += <usize>n << 2, packed += STEP) {
      for (let lane = 0; lane < PANEL; lane += 4) v128.store(packed + (lane << 2), load4(from + (lane << 2), n - j - lane));
    }
  }
}

/** One output row, up to 16 columns. */
function tile1x16(a: usize, b: usize, k: i32, rowBias: usize, colBias: usize, y: usize, cols: i32, act: i32): void {
  let c0 = rowBias ? v128.load_splat<f32>(rowBias) : f32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  if (colBias) {
    c0 = load4(colBias, cols);
    c1 = load4(colBias + 16, cols - 4);
    c2 = load4(colBias + 32, cols - 8);
    c3 = load4(colBias + 48, cols - 12);
  }
  for (const end = b + <usize>k * STEP; b < end; b += STEP, a += 4) {
    const v = v128.load_splat<f32>(a);
    c0 = madd4(v, v128.load(b), c0);
    c1 = madd4(v, v128.load(b, 16), c1);
    c2 = madd4(v, v128.load(b, 32), c2);
    c3 = madd4(v, v128.load(b, 48), c3);
  }
  store4(y, activate4(c0, act), cols);
  store4(y + 16, activate4(c1, act), cols - 4);
  store4(y + 32, activate4(c2, act), cols - 8);
  store4(y + 48, activate4(c3, act), cols - 12);
}

/** Two output rows, up to 16 columns: the hot loop. `lda` and `ldy` are row distances in bytes. */
function tile2x16(
  a: usize, lda: usize, b: usize, k: i32, rowBias: usize, colBias: usize, y: usize, ldy: usize, cols: i32, act: i32,
): void {
  let c0 = f32x4.splat(0);
  if (rowBias) c0 = v128.load_splat<f32>(rowBias);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let d0 = rowBias ? v128.load_splat<f32>(rowBias, 4) : c0;
  let d1 = d0;
  let d2 = d0;
  let d3 = d0;
  if (colBias) {
    c0 = d0 = load4(colBias, cols);
    c1 = d1 = load4(colBias + 16, cols - 4);
    c2 = d2 = load4(colBias + 32, cols - 8);
    c3 = d3 = load4(colBias + 48, cols - 12);
  }
  let a2 = a + lda;
  const end = b + <usize>k * STEP;
  for (const unrolled = b + <usize>(k & ~3) * STEP; b < unrolled; b += 4 * STEP, a += 16, a2 += 16) {
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let b2 = v128.load(b, 32);
    let b3 = v128.load(b, 48);
    let v = v128.load_splat<f32>(a);
    let w = v128.load_splat<f32>(a2);
    c0 = madd4(v, b0, c0);
    c1 = madd4(v, b1, c1);
    c2 = madd4(v, b2, c2);
    c3 = madd4(v, b3, c3);
    d0 = madd4(w, b0, d0);
    d1 = madd4(w, b1, d1);
    d2 = madd4(w, b2, d2);
    d3 = madd4(w, b3, d3);
    if (k === -1) break;
    b0 = v128.load(b, 64);
    b1 = v128.load(b, 80);
    b2 = v128.load(b, 96);
    b3 = v128.load(b, 112);
    v = v128.load_splat<f32>(a, 4);
    w = v128.load_splat<f32>(a2, 4);
    c0 = madd4(v, b0, c0);
    c1 = madd4(v, b1, c1);
    c2 = madd4(v, b2, c2);
    c3 = madd4(v, b3, c3);
    d0 = madd4(w, b0, d0);
    d1 = madd4(w, b1, d1);
    d2 = madd4(w, b2, d2);
    d3 = madd4(w, b3, d3);
    if (k === -2) break;
    b0 = v128.load(b, 128);
    b1 = v128.load(b, 144);
    b2 = v128.load(b, 160);
    b3 = v128.load(b, 176);
    v = v128.load_splat<f32>(a, 8);
    w = v128.load_splat<f32>(a2, 8);
    c0 = madd4(v, b0, c0);
    c1 = madd4(v, b1, c1);
    c2 = madd4(v, b2, c2);
    c3 = madd4(v, b3, c3);
    d0 = madd4(w, b0, d0);
    d1 = madd4(w, b1, d1);
    d2 = madd4(w, b2, d2);
    d3 = madd4(w, b3, d3);
    if (k === -3) break;
    b0 = v128.load(b, 192);
    b1 = v128.load(b, 208);
    b2 = v128.load(b, 224);
    b3 = v128.load(b, 240);
    v = v128.load_splat<f32>(a, 12);
    w = v128.load_splat<f32>(a2, 12);
    c0 = madd4(v, b0, c0);
    c1 = madd4(v, b1, c1);
    c2 = madd4(v, b2, c2);
    c3 = madd4(v, b3, c3);
    d0 = madd4(w, b0, d0);
    d1 = madd4(w, b1, d1);
    d2 = madd4(w, b2, d2);
    d3 = madd4(w, b3, d3);
  }
  for (; b < end; b += STEP, a += 4, a2 += 4) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    const v = v128.load_splat<f32>(a);
    const w = v128.load_splat<f32>(a2);
    c0 = madd4(v, b0, c0);
    c1 = madd4(v, b1, c1);
    c2 = madd4(v, b2, c2);
    c3 = madd4(v, b3, c3);
    d0 = madd4(w, b0, d0);
    d1 = madd4(w, b1, d1);
    d2 = madd4(w, b2, d2);
    d3 = madd4(w, b3, d3);
  }
  const y2 = y + ldy;
  store4(y, activate4(c0, act), cols);
  store4(y + 16, activate4(c1, act), cols - 4);
  store4(y + 32, activate4(c2, act), cols - 8);
  store4(y + 48, activate4(c3, act), cols - 12);
  store4(y2, activate4(d0, act), cols);
  store4(y2 + 16, activate4(d1, act), cols - 4);
  store4(y2 + 32, activate4(d2, act), cols - 8);
  store4(y2 + 48, activate4(d3, act), cols - 12);
}

/**
 * Y `[M, N]` <- act(A `[M, K]` * panels + bias); `ldy` is the distance of Y's rows in bytes.
 * At most one bias is present: `rowBias [M]` (a convolution's channels) or `colBias [N]` (a linear layer's units).
 */
export function gemmPanels(
  a: usize, panels: usize, rowBias: usize, colBias: usize, y: usize, ldy: usize, m: i32, n: i32, k: i32, act: i32,
): void {
  const lda = <usize>k << 2;
  for (let first = 0; first < m; first += ROW_BLOCK) {
    const last = min(m, first + ROW_BLOCK);
    for (let j = 0; j < n; j += PANEL) {
      const b = panels + <usize>(j / PANEL) * k * STEP;
      const column = <usize>j << 2;
      const cb = colBias ? colBias + column : 0;
      let i = first;
      for (; i + 1 < last; i += 2) {
        const rb = rowBias ? rowBias + (<usize>i << 2) : 0;
        tile2x16(a + i * lda, lda, b, k, rb, cb, y + i * ldy + column, ldy, n - j, act);
      }
      if (i < last) tile1x16(a + i * lda, b, k, rowBias ? rowBias + (<usize>i << 2) : 0, cb, y + i * ldy + column, n - j, act);
    }
  }
}

/** y `[M, N]` <- act(x `[M, K]` * W^T + bias `[N]`), W packed by `f32_pack_linear` (or B by `f32_pack_matmul`). */
export function f32_linear(x: usize, packed: usize, bias: usize, y: usize, m: i32, n: i32, k: i32, act: i32): void {
  gemmPanels(x, packed, 0, bias, y, <usize>n << 2, m, n, k, act);
}

/** Bytes of scratch that `f32_matmul` needs: the packed B. */
export function f32_matmul_scratch(n: i32, k: i32): i32 {
  return f32_pack_linear_size(n, k);
}

/** y `[M, N]` <- a `[M, K]` * b `[K, N]`, all row-major; the caller loops over a batch. */
export function f32_matmul(a: usize, b: usize, y: usize, scratch: usize, m: i32, n: i32, k: i32): void {
  f32_pack_matmul(b, scratch, k, n);
  gemmPanels(a, scratch, 0, 0, y, <usize>n << 2, m, n, k, 0);
}
