/** @file DenseNet (Huang et al., 2017): many small convolutions and concatenations. */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { Module, OpRegistry } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

function densenet(registry: OpRegistry, side: number, growth: number, layers: number): Module {
  const net = new Net("densenet", registry, [1, 3, side, side]);
  let x = net.conv(net.input, 2 * growth, 3, { activation: "relu" });
  for (let block = 0; block < 3; block++) {
    for (let i = 0; i < layers; i++) {
      const fresh = net.conv(net.conv(x, 4 * growth, 1, { activation: "relu" }), growth, 3, { activation: "relu" });
      x = net.one("shape.concat", [x, fresh], { axis: 1 });
    }
    if (block < 2)
      x = net.one("nn.avg_pool", [net.conv(x, (net.shape(x)[1] ?? 2) >> 1, 1, { activation: "relu" })], { kernel: [2, 2], stride: [2, 2] });
  }
  return net.finish(net.linear(net.one("reduce.mean", [x], { axes: [2, 3], keepdims: false }), 10));
}

export const dense: Family = {
  "densenet-12-32": (registry) => densenet(registry, 32, 12, 6),
  "densenet-24-40": (registry) => densenet(registry, 40, 24, 4),
};
