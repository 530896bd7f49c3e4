/** @file Plain stacks of convolutions: VGG at small resolutions, a convolutional autoencoder, super-resolution. */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { Module, OpRegistry } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

function vgg(registry: OpRegistry, side: number, plan: readonly (readonly number[])[]): Module {
  const net = new Net("vgg", registry, [1, 3, side, side]);
  let x = net.input;
  for (const block of plan) {
    for (const outs of block) x = net.conv(x, outs, 3, { activation: "relu" });
    x = net.one("nn.max_pool", [x], { kernel: [2, 2], stride: [2, 2] });
  }
  const flat = net.reshape(
    x,
    1,
    net.shape(x).reduce((n, d) => n * d, 1),
  );
  return net.finish(net.linear(net.linear(flat, 512, "relu"), 10));
}

export const plain: Family = {
  /** Simonyan and Zisserman, 2015, for CIFAR. */
  "vgg11-32": (registry) => vgg(registry, 32, [[64], [128], [256, 256], [512, 512], [512, 512]]),
  "vgg-thin-64": (registry) =>
    vgg(registry, 64, [
      [16, 16],
      [32, 32],
      [64, 64],
      [128, 128],
    ]),
  /** ESPCN (Shi et al., 2016), three times the size. */
  "espcn-60": (registry) => {
    const net = new Net("espcn", registry, [1, 1, 60, 60]);
    const features = net.conv(net.conv(net.input, 64, 5, { activation: "relu" }), 32, 3, { activation: "relu" });
    const fine = net.reshape(net.conv(features, 9, 3), 1, 1, 3, 3, 60, 60);
    return net.finish(net.reshape(net.one("shape.transpose", [fine], { perm: [0, 1, 4, 2, 5, 3] }), 1, 1, 180, 180));
  },
};
