/** @file A toy problem: three clouds of points in the plane, and a network that learns to tell them apart. */
import { type DataSet, dataSet } from "../../compiler/data/dataset.ts";
import { Random } from "../../compiler/random/random.ts";
import { initialize } from "../../compiler/train/index.ts";
import type { Module } from "../../ir-spec/index.ts";
import { moduleOf, registry } from "../autodiff/support.ts";

const centres = [
  [2, 0],
  [-1, 1.5],
  [-1, -1.5],
] as const;

/** Sample i depends on the seed and i alone. */
export function clouds(count: number, seed = 5): DataSet {
  return dataSet({
    name: `clouds:${count}`,
    inputs: { point: { dtype: "f32", shape: [2] } },
    classes: 3,
    labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
    write(index, out, row) {
      const random = new Random(seed, 1, index);
      const [x, y] = centres[index % 3] as readonly [number, number];
      out.point?.set([x + 0.6 * random.normal(), y + 0.6 * random.normal()], row * 2);
    },
  });
}

/** Two layers, 2 -> 8 -> 3, with a softmax at the end. */
export function cloudNetwork(batch = "N"): Module {
  return moduleOf(`
  func @main(%point: tensor<${batch}x2xf32>) -> (probs: tensor<${batch}x3xf32>) {
    %0 = nn.linear(%point, @a.w, @a.b) {activation = relu}
    %1 = nn.linear(%0, @b.w, @b.b)
    %probs = math.softmax(%1) {axis = 1}
    return %probs
  }
  const @a.w : tensor<8x2xf32> = splat 0.0
  const @a.b : tensor<8xf32> = splat 0.0
  const @b.w : tensor<3x8xf32> = splat 0.0
  const @b.b : tensor<3xf32> = splat 0.0`);
}

export const startingNetwork = (seed = 1, batch = "N"): Module => initialize(cloudNetwork(batch), registry, seed);
