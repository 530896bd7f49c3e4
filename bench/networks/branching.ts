/** @file Networks whose layers run side by side: SqueezeNet (Iandola et al., 2016) and Inception (Szegedy et al., 2015). */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { ValueId } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

const half = { kernel: [3, 3], stride: [2, 2], pad: [1, 1, 1, 1] };

function fire(net: Net, x: ValueId, squeeze: number, expand: number): ValueId {
  const narrow = net.conv(x, squeeze, 1, { activation: "relu" });
  return net.one(
    "shape.concat",
    [net.conv(narrow, expand, 1, { activation: "relu" }), net.conv(narrow, expand, 3, { activation: "relu" })],
    { axis: 1 },
  );
}

function inception(net: Net, x: ValueId, width: number): ValueId {
  const one = net.conv(x, width, 1, { activation: "relu" });
  const three = net.conv(net.conv(x, width, 1, { activation: "relu" }), 2 * width, 3, { activation: "relu" });
  const five = net.conv(net.conv(x, width / 4, 1, { activation: "relu" }), width / 2, 5, { activation: "relu" });
  const pooled = net.one("nn.max_pool", [x], { kernel: [3, 3], stride: [1, 1], pad: [1, 1, 1, 1] });
  return net.one("shape.concat", [one, three, five, net.conv(pooled, width / 2, 1, { activation: "relu" })], { axis: 1 });
}

export const branching: Family = {
  "squeezenet-96": (registry) => {
    const net = new Net("squeezenet", registry, [1, 3, 96, 96]);
    let x = net.one("nn.max_pool", [net.conv(net.input, 64, 3, { stride: 2, activation: "relu" })], half);
    x = net.one("nn.max_pool", [fire(net, fire(net, x, 16, 64), 16, 64)], half);
    x = net.one("nn.max_pool", [fire(net, fire(net, x, 32, 128), 32, 128)], half);
    x = fire(net, fire(net, x, 48, 192), 64, 256);
    const scores = net.one("reduce.mean", [net.conv(x, 100, 1, { activation: "relu" })], { axes: [2, 3], keepdims: false });
    return net.finish(net.one("math.softmax", [scores], { axis: 1 }));
  },
  "inception-48": (registry) => {
    const net = new Net("inception", registry, [1, 3, 48, 48]);
    let x = net.conv(net.input, 32, 3, { stride: 2, activation: "relu" });
    for (const width of [16, 32, 64]) x = net.one("nn.max_pool", [inception(net, inception(net, x, width), width)], half);
    return net.finish(net.linear(net.one("reduce.mean", [x], { axes: [2, 3], keepdims: false }), 50));
  },
};
