/** @file Multilayer perceptrons and LeNets. */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { Family } from "./index.ts";

export const multilayer: Family = {
  /** LeCun et al., 1998: 784-300-100-10. */
  "lenet-300-100": (registry) => {
    const net = new Net("lenet-300-100", registry, [1, 784]);
    const hidden = net.linear(net.linear(net.input, 300, "relu"), 100, "relu");
    return net.finish(net.one("math.softmax", [net.linear(hidden, 10)], { axis: 1 }));
  },
  /** The Caffe variant: 20 and 50 channels, 500 hidden. */
  "lenet-5": (registry) => {
    const net = new Net("lenet-5", registry, [1, 1, 28, 28]);
    const pool = { kernel: [2, 2], stride: [2, 2] };
    const first = net.one("nn.max_pool", [net.conv(net.input, 20, 5, { pad: 0 })], pool);
    const second = net.one("nn.max_pool", [net.conv(first, 50, 5, { pad: 0 })], pool);
    const hidden = net.linear(net.reshape(second, 1, 800), 500, "relu");
    return net.finish(net.one("math.softmax", [net.linear(hidden, 10)], { axis: 1 }));
  },
  /** A recommender's tower: wide layers, batch of 16. */
  "tower-16": (registry) => {
    const net = new Net("tower-16", registry, [16, 256]);
    let x = net.linear(net.input, 1024, "relu");
    for (const width of [512, 256, 64]) x = net.linear(x, width, "relu");
    return net.finish(net.one("math.sigmoid", [net.linear(x, 1)]));
  },
};
