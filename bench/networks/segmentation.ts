/** @file Dense prediction: U-Net (Ronneberger et al., 2015) with nearest upsampling by broadcast, and a context network without pooling. */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { ValueId } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

/** Every pixel twice in both directions. */
function double(net: Net, x: ValueId): ValueId {
  const [, channels = 1, h = 1, w = 1] = net.shape(x);
  const spread = net.one("shape.broadcast", [net.reshape(x, 1, channels, h, 1, w, 1)], { shape: [1, channels, h, 2, w, 2] });
  return net.reshape(spread, 1, channels, 2 * h, 2 * w);
}

function twice(net: Net, x: ValueId, outs: number): ValueId {
  return net.conv(net.conv(x, outs, 3, { activation: "relu" }), outs, 3, { activation: "relu" });
}

export const dilated: Family = {
  "unet-64": (registry) => {
    const net = new Net("unet", registry, [1, 3, 64, 64]);
    const pool = { kernel: [2, 2], stride: [2, 2] };
    const [a, widths] = [twice(net, net.input, 16), [32, 64]];
    const b = twice(net, net.one("nn.max_pool", [a], pool), widths[0] ?? 32);
    const c = twice(net, net.one("nn.max_pool", [b], pool), widths[1] ?? 64);
    const up = twice(net, net.one("shape.concat", [double(net, c), b], { axis: 1 }), 32);
    const top = twice(net, net.one("shape.concat", [double(net, up), a], { axis: 1 }), 16);
    return net.finish(net.one("math.softmax", [net.conv(top, 4, 1)], { axis: 1 }));
  },
  "context-48": (registry) => {
    const net = new Net("context", registry, [1, 3, 48, 48]);
    let x = net.conv(net.input, 24, 3, { activation: "relu" });
    for (let i = 0; i < 5; i++) x = net.one("math.add", [x, net.conv(net.conv(x, 24, 3, { activation: "relu" }), 24, 3)]);
    return net.finish(net.one("math.sigmoid", [net.conv(x, 1, 1)]));
  },
};
