/** @file Depthwise-separable networks: MobileNet v1 (Howard et al., 2017), v2 (Sandler et al., 2018), v3 with squeeze-and-excitation (Howard et al., 2019), ShuffleNet (Zhang et al., 2018). */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { Module, OpRegistry, ValueId } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

function head(net: Net, x: ValueId, classes: number): Module {
  return net.finish(net.linear(net.one("reduce.mean", [x], { axes: [2, 3], keepdims: false }), classes));
}

function v1(registry: OpRegistry, side: number, alpha: number): Module {
  const net = new Net("mobilenet-v1", registry, [1, 3, side, side]);
  let x = net.conv(net.input, 32 * alpha, 3, { stride: 2, activation: "relu" });
  const plan = [
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
    [1024, 2],
    [1024, 1],
  ];
  for (const [outs = 1, stride = 1] of plan)
    x = net.conv(net.depthwise(x, 3, { stride, activation: "relu" }), outs * alpha, 1, { activation: "relu" });
  return head(net, x, 100);
}

function inverted(net: Net, x: ValueId, outs: number, stride: number, expand: number): ValueId {
  const ins = net.shape(x)[1] ?? 1;
  const wide = expand === 1 ? x : net.conv(x, ins * expand, 1, { activation: "relu6" });
  const y = net.conv(net.depthwise(wide, 3, { stride, activation: "relu6" }), outs, 1);
  return stride === 1 && ins === outs ? net.one("math.add", [x, y]) : y;
}

function hardSwish(net: Net, x: ValueId): ValueId {
  const gate = net.one("math.clip", [net.one("math.add", [x, net.scalar(3)])], { min: 0, max: 6 });
  return net.one("math.mul", [x, net.one("math.mul", [gate, net.scalar(1 / 6)])]);
}

function excite(net: Net, x: ValueId): ValueId {
  const channels = net.shape(x)[1] ?? 1;
  const mean = net.one("reduce.mean", [x], { axes: [2, 3], keepdims: true });
  const gate = net.conv(net.conv(mean, Math.max(8, channels / 4), 1, { activation: "relu" }), channels, 1);
  return net.one("math.mul", [x, net.one("math.sigmoid", [gate])]);
}

/** Groups side by side: [g, c/g] to [c/g, g]. */
function shuffle(net: Net, x: ValueId, groups: number): ValueId {
  const [, channels = 1, h = 1, w = 1] = net.shape(x);
  const split = net.reshape(x, 1, groups, channels / groups, h, w);
  return net.reshape(net.one("shape.transpose", [split], { perm: [0, 2, 1, 3, 4] }), 1, channels, h, w);
}

export const mobile: Family = {
  "mobilenet-v1-0.25-96": (registry) => v1(registry, 96, 0.25),
  "mobilenet-v1-1.0-64": (registry) => v1(registry, 64, 1),
  "mobilenet-v2-96": (registry) => {
    const net = new Net("mobilenet-v2", registry, [1, 3, 96, 96]);
    let x = net.conv(net.input, 32, 3, { stride: 2, activation: "relu6" });
    const plan = [
      [16, 1, 1, 1],
      [24, 2, 2, 6],
      [32, 3, 2, 6],
      [64, 4, 2, 6],
      [96, 3, 1, 6],
    ] as const;
    for (const [outs, count, stride, expand] of plan)
      for (let i = 0; i < count; i++) x = inverted(net, x, outs, i === 0 ? stride : 1, expand);
    return head(net, net.conv(x, 320, 1, { activation: "relu6" }), 100);
  },
  "mobilenet-v3-64": (registry) => {
    const net = new Net("mobilenet-v3", registry, [1, 3, 64, 64]);
    let x = hardSwish(net, net.conv(net.input, 16, 3, { stride: 2 }));
    for (const [outs, kernel, stride] of [
      [16, 3, 2],
      [24, 3, 2],
      [40, 5, 2],
      [40, 5, 1],
      [48, 5, 1],
    ] as const) {
      const wide = hardSwish(net, net.conv(x, 4 * (net.shape(x)[1] ?? 1), 1));
      const y = net.conv(excite(net, hardSwish(net, net.depthwise(wide, kernel, { stride }))), outs, 1);
      x = stride === 1 && net.shape(x)[1] === outs ? net.one("math.add", [x, y]) : y;
    }
    return head(net, x, 100);
  },
  "shufflenet-48": (registry) => {
    const net = new Net("shufflenet", registry, [1, 3, 48, 48]);
    let x = net.conv(net.input, 24, 3, { stride: 2, activation: "relu" });
    for (const outs of [96, 192]) {
      x = net.conv(net.depthwise(shuffle(net, net.conv(x, outs / 2, 1, { activation: "relu" }), 2), 3, { stride: 2 }), outs, 1, {
        groups: 2,
        activation: "relu",
      });
      for (let i = 0; i < 3; i++) {
        const y = shuffle(net, net.conv(x, outs / 2, 1, { groups: 2, activation: "relu" }), 2);
        x = net.one("math.relu", [net.one("math.add", [x, net.conv(net.depthwise(y, 3), outs, 1, { groups: 2 })])]);
      }
    }
    return head(net, x, 10);
  },
};
