/**
 * @file f32_matmul: y[M, N] = a[M, K] * b[K, N], one invocation per 4 x 4 tile of y in registers. No workgroup memory: software adapters pay for barriers, and GPUs
 * cache the re-reads of these sizes well. Sizes come in a uniform, so one pipeline serves every shape.
 */
import type { WebGpuKernel } from "../kernel.ts";

const tile = 4;
const workgroup = 8;

const code = /* wgsl */ `
struct Sizes { m: u32, n: u32, k: u32, unused: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(${workgroup}, ${workgroup})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = id.x * ${tile}u;
  let row = id.y * ${tile}u;
  if (row >= sizes.m || column >= sizes.n) { return; }
  var sums: array<vec4<f32>, ${tile}>;
  for (var k = 0u; k < sizes.k; k++) {
    var right: vec4<f32>;
    for (var j = 0u; j < ${tile}u; j++) {
      right[j] = b[k * sizes.n + min(column + j, sizes.n - 1u)];
    }
    for (var i = 0u; i < ${tile}u; i++) {
      sums[i] += a[min(row + i, sizes.m - 1u) * sizes.k + k] * right;
    }
  }
  for (var i = 0u; i < min(${tile}u, sizes.m - row); i++) {
    for (var j = 0u; j < min(${tile}u, sizes.n - column); j++) {
      y[(row + i) * sizes.n + column + j] = sums[i][j];
    }
  }
}
`;

export const matmul: WebGpuKernel = {
  id: "f32_matmul",
  code,
  uniforms({ operands: [a, b] }) {
    const [m = 1, k = 1] = a?.shape ?? [];
    return new Uint32Array([m, b?.shape[1] ?? 1, k, 0]);
  },
  workgroups({ results: [y] }) {
    const [m = 1, n = 1] = y?.shape ?? [];
    return [Math.ceil(n / (tile * workgroup)), Math.ceil(m / (tile * workgroup)), 1];
  },
};
