/** @file Networks over time: keyword spotting with depthwise-separable convolutions (Zhang et al., "Hello Edge", 2017), one-dimensional convolutions on the waveform, a temporal convolutional network (Bai et al., 2018). */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { ValueId } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

export const audio: Family = {
  "ds-cnn-49x10": (registry) => {
    const net = new Net("ds-cnn", registry, [1, 1, 49, 10]);
    let x = net.conv(net.input, 64, 5, { stride: 2, activation: "relu" });
    for (let i = 0; i < 4; i++) x = net.conv(net.depthwise(x, 3, { activation: "relu" }), 64, 1, { activation: "relu" });
    return net.finish(net.linear(net.one("reduce.mean", [x], { axes: [2, 3], keepdims: false }), 12));
  },
  "wave-4000": (registry) => {
    const net = new Net("wave", registry, [1, 1, 4000]);
    let x = net.conv(net.input, 32, 15, { stride: 4, activation: "relu" });
    for (const outs of [64, 96, 128]) x = net.conv(x, outs, 5, { stride: 2, activation: "relu" });
    return net.finish(net.linear(net.one("reduce.mean", [x], { axes: [2], keepdims: false }), 35));
  },
  "tcn-256": (registry) => {
    const net = new Net("tcn", registry, [1, 40, 256]);
    let x: ValueId = net.conv(net.input, 64, 1);
    for (let i = 0; i < 5; i++) {
      const gate = net.one("math.mul", [net.one("math.tanh", [net.conv(x, 64, 3)]), net.one("math.sigmoid", [net.conv(x, 64, 3)])]);
      x = net.one("math.add", [x, net.conv(gate, 64, 1)]);
    }
    return net.finish(net.conv(x, 30, 1));
  },
};
