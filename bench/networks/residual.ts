/** @file Residual networks (He et al., 2016). */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { Module, OpRegistry, ValueId } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

function add(net: Net, a: ValueId, b: ValueId): ValueId {
  return net.one("math.relu", [net.one("math.add", [a, b])]);
}

function basic(net: Net, x: ValueId, outs: number, stride: number): ValueId {
  const same = stride === 1 && net.shape(x)[1] === outs;
  const body = net.conv(net.conv(x, outs, 3, { stride, activation: "relu" }), outs, 3);
  return add(net, body, same ? x : net.conv(x, outs, 1, { stride, pad: 0 }));
}

function bottleneck(net: Net, x: ValueId, width: number, stride: number): ValueId {
  const outs = 4 * width;
  const inner = net.conv(net.conv(x, width, 1, { activation: "relu" }), width, 3, { stride, activation: "relu" });
  const same = stride === 1 && net.shape(x)[1] === outs;
  return add(net, net.conv(inner, outs, 1), same ? x : net.conv(x, outs, 1, { stride, pad: 0 }));
}

function classifier(net: Net, x: ValueId, classes: number): Module {
  const mean = net.one("reduce.mean", [x], { axes: [2, 3], keepdims: false });
  return net.finish(net.linear(mean, classes));
}

function thin(registry: OpRegistry, blocks: number): Module {
  const net = new Net("resnet", registry, [1, 3, 32, 32]);
  let x = net.conv(net.input, 16, 3, { activation: "relu" });
  for (const [stage, outs] of [16, 32, 64].entries())
    for (let i = 0; i < blocks; i++) x = basic(net, x, outs, i === 0 && stage > 0 ? 2 : 1);
  return classifier(net, x, 10);
}

export const residual: Family = {
  "resnet20-32": (registry) => thin(registry, 3),
  "resnet56-32": (registry) => thin(registry, 9),
  "resnet18-64": (registry) => {
    const net = new Net("resnet18", registry, [1, 3, 64, 64]);
    const stem = net.conv(net.input, 64, 7, { stride: 2, activation: "relu" });
    let x = net.one("nn.max_pool", [stem], { kernel: [3, 3], stride: [2, 2], pad: [1, 1, 1, 1] });
    for (const [stage, outs] of [64, 128, 256, 512].entries()) {
      x = basic(net, x, outs, stage > 0 ? 2 : 1);
      x = basic(net, x, outs, 1);
    }
    return classifier(net, x, 200);
  },
  "resnet26-bottleneck-64": (registry) => {
    const net = new Net("resnet26", registry, [1, 3, 64, 64]);
    let x = net.conv(net.input, 32, 3, { stride: 2, activation: "relu" });
    for (const [stage, width] of [32, 64, 128, 256].entries()) {
      x = bottleneck(net, x, width, stage > 0 ? 2 : 1);
      x = bottleneck(net, x, width, 1);
    }
    return classifier(net, x, 100);
  },
};
